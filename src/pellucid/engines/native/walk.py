"""Walking a graph forwards and backwards, appending each node's steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.fusion import absorbed_rectifiers
from pellucid.engines.native.lowering import NodeContext, lowering_of
from pellucid.engines.native.lowering.context import Cache
from pellucid.engines.native.lowering.merge import add_buffers
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Buffer
from pellucid.graph import Graph
from pellucid.layers import Input


@dataclass
class Walk:
    """One pass over a graph for one plan.

    Attributes:
        training: whether batch statistics and dropout are in force.
        parameters_wanted: full names of the parameters whose gradient is wanted.
        rules: of nodes that do not follow the gradient.
        visible: nodes whose own values or gradients are asked for: they are never fused away.
        values: the output of every node walked forward.
    """

    builder: PlanBuilder
    graph: Graph
    store: ParameterStore
    training: bool = False
    parameters_wanted: frozenset[str] = frozenset()
    differentiated: bool = False
    rules: Mapping[str, Rule] = field(default_factory=dict)
    visible: frozenset[str] = frozenset()
    values: dict[str, Buffer] = field(default_factory=dict)
    _caches: dict[str, Cache] = field(default_factory=dict)
    _absorbed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._absorbed = absorbed_rectifiers(self.graph, self.visible | self.rules.keys())

    def _context(self, index: int) -> NodeContext:
        node = self.graph.nodes[index]
        return NodeContext(
            graph=self.graph,
            node=node,
            index=index,
            store=self.store,
            training=self.training,
            differentiated=self.differentiated,
            parameters_wanted=self.parameters_wanted,
            rule=self.rules.get(node.name, Rule.GRADIENT),
            absorbed=self._absorbed,
        )

    def gather_inputs(self, operation: str, scale: float, indices: Buffer | None) -> None:
        """Bring the batch's images, externals named "input:NAME", into tiles."""
        for name in self.graph.inputs:
            cells = math.prod(self.graph.shapes[name])
            source = self.builder.external(f"input:{name}")
            self.values[name] = self.builder.lanes_buffer(name, cells)
            operands = (source, indices, self.values[name])
            self.builder.tile(operation, name, operands, {"cells": cells, "scale": scale})

    def forward(self, outputs: Sequence[str]) -> None:
        """Append the forward steps of everything that these nodes are computed from."""
        needed = self.graph.ancestors(outputs)
        for index, node in enumerate(self.graph.nodes):
            if node.name in needed and not isinstance(node.layer, Input):
                context = self._context(index)
                inputs = [self.values[source] for source in node.inputs]
                output, cache = lowering_of(context).forward(self.builder, context, inputs)
                self.values[node.name], self._caches[node.name] = output, cache

    def _useful(self, nodes_wanted: frozenset[str]) -> set[str]:
        """Nodes whose gradient leads to something wanted."""
        useful: set[str] = set()
        for node in self.graph.nodes:
            parameters = {
                f"{node.name}.{spec.name}" for spec in node.layer.parameters(self.graph.input_shapes(node))
            }
            if (
                node.name in nodes_wanted
                or parameters & self.parameters_wanted
                or any(source in useful for source in node.inputs)
            ):
                useful.add(node.name)
        return useful

    def backward(self, seeds: Mapping[str, Buffer], nodes_wanted: frozenset[str]) -> dict[str, Buffer]:
        """Append the backward steps from these seeds; returns the gradients of the wanted nodes.

        A wanted node that no seed depends on is left out, and so is its gradient: it is zero.
        """
        useful = self._useful(nodes_wanted)
        parts: dict[str, list[Buffer]] = {name: [seed] for name, seed in seeds.items()}
        result: dict[str, Buffer] = {}
        reached: set[str] = set()
        for index in reversed(range(len(self.graph.nodes))):
            node = self.graph.nodes[index]
            if node.name not in parts or node.name not in useful:
                continue
            cells = math.prod(self.graph.shapes[node.name])
            gradient = add_buffers(self.builder, node.name, parts.pop(node.name), cells)
            if node.name in nodes_wanted:
                result[node.name] = gradient
            reached.add(node.name)
            if isinstance(node.layer, Input):
                continue
            context = self._context(index)
            wanted = [source in useful for source in node.inputs]
            cache = self._caches[node.name]
            gradients = lowering_of(context).backward(self.builder, context, cache, gradient, wanted)
            for source, part in zip(node.inputs, gradients, strict=True):
                if part is not None:
                    parts.setdefault(source, []).append(part)
        self._clear_unreached(reached)
        return result

    def _clear_unreached(self, reached: set[str]) -> None:
        """A parameter that the seeds do not depend on has the gradient 0."""
        for name in sorted(self.parameters_wanted):
            node = name.rsplit(".", 1)[0]
            if node not in reached:
                gradient = self.store.gradient(name)
                values = gradient.nbytes // 4
                self.builder.later(
                    GRADIENT_TURN, "clear_values", node, (gradient,), {"cells": values}, extent=values
                )
