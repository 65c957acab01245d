"""Who decides what about a plan: the user before what was measured, and that before the cost models.

The layout is the whole network's. Forcing minimal filtering on a convolution puts the network on channel
blocks, or, where it cannot be done there, the batch in the lanes. The direct algorithm is done in either
layout, so forcing it leaves the layout as it was. An engine whose layout is forced follows no tuning: that
was measured without force.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pellucid.engines.engine import CompileOptions
from pellucid.engines.native.compiler import Compiler
from pellucid.engines.native.lowering.algorithms import (
    Algorithm,
    algorithm_of,
    algorithms_for,
    required_algorithm,
)
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import LAYOUTS, Layout
from pellucid.engines.native.walk import Choices
from pellucid.engines.schema import Decision, Origin
from pellucid.errors import EngineError
from pellucid.graph import Graph
from pellucid.layers import Convolution
from pellucid.tuning import Tuning


@dataclass(frozen=True)
class Settled:
    """What is not left to the cost models, and why.

    Attributes:
        choices: for the compiler.
        layout_origin: of the layout.
        forced: nodes whose algorithm the user forces.
    """

    choices: Choices
    layout_origin: Origin
    forced: frozenset[str]

    def origin(self, node: str) -> Origin:
        """Of a convolution's algorithm."""
        if node in self.forced:
            return Origin.FORCED
        return Origin.TUNED if node in self.choices.algorithms else Origin.CHOSEN


def settle(
    graph: Graph,
    store: ParameterStore,
    options: CompileOptions,
    *,
    layout: Layout | None,
    instruction_set: str,
    threads: int,
) -> Settled:
    """Put together what the user forces and what was measured for this workload.

    Args:
        layout: that the engine is forced to have; None where it is not.

    Raises:
        UnknownNameError: an algorithm is forced on a node that does not exist, or does not exist itself.
        EngineError: a forced algorithm cannot compute its node, or not in the forced layout.
    """
    layouts = (layout,) if layout is not None else (Layout.BLOCKS, Layout.LANES)
    forced = _forced(graph, store, options, layouts)
    if layout is not None:
        return _settled(options, layout, Origin.FORCED, {}, forced)
    workload = options.purpose.value, options.capacity, instruction_set, threads
    measured = options.tunings if options.precision == "default" else ()
    tuning = next((tuning for tuning in measured if tuning.workload == workload), None)
    tuned = _tuned(graph, store, options, tuning) if tuning is not None else {}
    if any(algorithm is not Algorithm.DIRECT for algorithm in forced.values()):
        served = _serving_layout(graph, store, options, forced)
        return _settled(options, served, Origin.FORCED, tuned if served is Layout.BLOCKS else {}, forced)
    if tuning is not None:
        return _settled(options, LAYOUTS[tuning.layout], Origin.TUNED, tuned, forced)
    return _settled(options, None, Origin.CHOSEN, {}, forced)


def _settled(
    options: CompileOptions,
    layout: Layout | None,
    origin: Origin,
    tuned: Mapping[str, Algorithm],
    forced: Mapping[str, Algorithm],
) -> Settled:
    algorithms = {name: algorithm.value for name, algorithm in {**tuned, **forced}.items()}
    return Settled(Choices(layout, options.precision, algorithms), origin, frozenset(forced))


def _serving_layout(
    graph: Graph, store: ParameterStore, options: CompileOptions, forced: Mapping[str, Algorithm]
) -> Layout:
    """Channel blocks, unless a forced algorithm is done with the batch in the lanes only."""
    in_blocks = all(
        algorithm in algorithms_for(_context(graph, store, name, options.precision), Layout.BLOCKS)
        for name, algorithm in forced.items()
    )
    return Layout.BLOCKS if in_blocks else Layout.LANES


def _forced(
    graph: Graph, store: ParameterStore, options: CompileOptions, layouts: Collection[Layout]
) -> Mapping[str, Algorithm]:
    forced: dict[str, Algorithm] = {}
    for name, algorithm in options.algorithms:
        if name in forced:
            raise EngineError(f"{name}: is given one algorithm, received {algorithm!r} too")
        layer = graph.node(name).layer
        if not isinstance(layer, Convolution):
            raise EngineError(
                f"{name}: algorithms are for convolutions, received {algorithm!r} for a {layer.name}"
            )
        forced[name] = required_algorithm(_context(graph, store, name, options.precision), algorithm, layouts)
    return forced


def _tuned(
    graph: Graph, store: ParameterStore, options: CompileOptions, tuning: Tuning
) -> Mapping[str, Algorithm]:
    """Without what this version's kernels do not do, which another version's may have done."""
    tuned = {name: Algorithm(algorithm) for name, algorithm in tuning.algorithms if name in graph.by_name}
    return {
        name: algorithm
        for name, algorithm in tuned.items()
        if algorithm
        in algorithms_for(_context(graph, store, name, options.precision), LAYOUTS[tuning.layout])
    }


def _context(graph: Graph, store: ParameterStore, name: str, precision: str, images: int = 1) -> NodeContext:
    return NodeContext(
        graph=graph,
        node=graph.node(name),
        store=store,
        training=False,
        differentiated=False,
        gradients={},
        images=images,
        precision=precision,
    )


def convolutions(graph: Graph) -> list[str]:
    """Names of the nodes that have an algorithm."""
    return [node.name for node in graph.nodes if isinstance(node.layer, Convolution)]


def possible_algorithms(graph: Graph, store: ParameterStore, name: str) -> tuple[Algorithm, ...]:
    """Those that can compute a convolution on channel blocks."""
    return algorithms_for(_context(graph, store, name, "default"), Layout.BLOCKS)


def decisions(compiler: Compiler, settled: Settled, *, training: bool) -> tuple[Decision, ...]:
    """The layout and every convolution's algorithm in the plans of a compiler."""
    graph, choices = compiler.graph, settled.choices
    layout = compiler.layout(training=training)
    (word,) = (word for word, known in LAYOUTS.items() if known is layout)
    made = [Decision(None, word, settled.layout_origin)]
    images = compiler.choices.costed_images(compiler.capacity)
    for name in convolutions(graph):
        context = _context(graph, compiler.store, name, choices.precision, images)
        if name in choices.algorithms:
            algorithm = Algorithm(choices.algorithms[name])
        else:
            algorithm = algorithm_of(context, compiler.lanes, layout)
        made.append(Decision(name, algorithm.value, settled.origin(name)))
    return tuple(made)
