"""Timing what the cost models only estimate: the convolutions' algorithms, then the network's layout.

A convolution is timed apart from its network, once for all that are equal to it, so that a large network
takes seconds. Whole networks are timed only where the cost model finds both layouts near each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Array, CompileOptions, Examples, Purpose, Wanted
from pellucid.engines.native import _native
from pellucid.engines.native.decisions import convolutions, possible_algorithms
from pellucid.engines.native.layouts import Workload, estimated_cycles
from pellucid.engines.native.lowering.algorithms import Algorithm
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import LAYOUTS, Layout
from pellucid.engines.native.program import NativeProgram
from pellucid.graph import Graph, Node
from pellucid.layers import Convolution, Input, Shape
from pellucid.tuning import Candidate, Stopwatch, Tuning

LAYER_CELLS = 2**23
"""Of a batch that one convolution is timed on: more images would cost as much each."""

FAR = 1.75
"""A layout is not timed that the cost model finds so many times slower than the other."""

Run = Callable[[], object]


@dataclass(frozen=True)
class Measurement:
    """What is timed, and where.

    Attributes:
        options: of the programs to choose for, nothing forced.
        parameters: of the graph.
    """

    graph: Graph
    options: CompileOptions
    parameters: Mapping[str, Array]
    instruction_set: str
    threads: int
    stopwatch: Stopwatch

    @property
    def _training(self) -> bool:
        return self.options.purpose is Purpose.TRAINING

    def tuning(self) -> Tuning:
        """The fastest layout and algorithms."""
        near = self._near_layouts()
        pairs = self._fastest_algorithms() if Layout.BLOCKS in near else ()
        names = [name for name, layout in LAYOUTS.items() if layout in near]
        if len(names) > 1:
            names.sort(key=lambda name: self._network_seconds(name, pairs))
        return Tuning(
            purpose="training" if self._training else "inference",
            batch_size=self.options.capacity,
            instruction_set=self.instruction_set,
            threads=self.threads,
            layout="lanes" if names[0] == "lanes" else "blocks",
            algorithms=tuple((name, algorithm.value) for name, algorithm in pairs)
            if names[0] == "blocks"
            else (),
        )

    def _near_layouts(self) -> frozenset[Layout]:
        lanes = _native.lanes(self.instruction_set)
        cycles = estimated_cycles(
            self.graph, Workload(self.options.capacity, lanes, self.threads, self._training)
        )
        fewest = min(cycles.values())
        return frozenset(layout for layout, count in cycles.items() if count <= FAR * fewest)

    def _program(self, graph: Graph, options: CompileOptions, layout: Layout) -> NativeProgram:
        program = NativeProgram(
            graph,
            options,
            instruction_set=self.instruction_set,
            threads=self.threads,
            poison=False,
            layout=layout,
        )
        program.write_parameters({name: self.parameters[name] for name in graph.parameters})
        return program

    # ---- one convolution

    def _fastest_algorithms(self) -> tuple[tuple[str, Algorithm], ...]:
        """Of every convolution that has a choice, in the order of the graph."""
        fastest: dict[str, Algorithm] = {}
        for names in self._equal_convolutions():
            possible = possible_algorithms(self.graph, ParameterStore(self.graph, None), names[0])
            seconds = {
                algorithm: self.stopwatch(
                    Candidate(names, algorithm.value), self._convolution_run(names[0], algorithm)
                )
                for algorithm in possible
                if len(possible) > 1
            }
            if seconds:
                fastest.update(dict.fromkeys(names, min(seconds, key=lambda algorithm: seconds[algorithm])))
        return tuple((name, fastest[name]) for name in convolutions(self.graph) if name in fastest)

    def _equal_convolutions(self) -> list[tuple[str, ...]]:
        """Nodes that take the same time, together."""
        equal: dict[tuple[Convolution, Shape, bool], list[str]] = {}
        for name in convolutions(self.graph):
            node = self.graph.node(name)
            assert isinstance(node.layer, Convolution)
            key = node.layer, self.graph.input_shapes(node)[0], self._begins(node)
            equal.setdefault(key, []).append(name)
        return [tuple(names) for names in equal.values()]

    def _begins(self, node: Node) -> bool:
        """Whether it reads the network's input, whose gradient training does not need."""
        return isinstance(self.graph.node(node.inputs[0]).layer, Input)

    def _convolution_run(self, name: str, algorithm: Algorithm) -> Run:
        """Forward, in training with all gradients that it yields."""
        node = self.graph.node(name)
        (shape,), (source,) = self.graph.input_shapes(node), node.inputs
        graph = Graph((Node(source, Input(shape)), node), (name,))
        cells = max(math.prod(shape), math.prod(self.graph.shapes[name]))
        count = min(self.options.capacity, max(1, LAYER_CELLS // cells))
        purpose = Purpose.TRACE if self._training else Purpose.INFERENCE
        options = CompileOptions(count, purpose, algorithms=((name, algorithm.value),))
        program = self._program(graph, options, Layout.BLOCKS)
        images = _images(count, shape)
        if not self._training:
            return lambda: program.forward(images)
        trace = program.trace(images)
        seeds = {name: _images(count, self.graph.shapes[name])}
        wanted = Wanted(nodes=() if self._begins(node) else (source,))
        return lambda: program.backward(trace, seeds, wanted=wanted)

    # ---- the whole network

    def _network_seconds(self, layout: str, pairs: tuple[tuple[str, Algorithm], ...]) -> float:
        algorithms = tuple((name, algorithm.value) for name, algorithm in pairs)
        forced = algorithms if layout == "blocks" else ()
        options = replace(self.options, algorithms=forced, tunings=())
        program = self._program(self.graph, options, LAYOUTS[layout])
        return self.stopwatch(Candidate((), layout), self._network_run(program))

    def _network_run(self, program: NativeProgram) -> Run:
        count = self.options.capacity if self._training else program.images_together
        inputs = [_images(count, self.graph.shapes[name]) for name in self.graph.inputs]
        if not self._training:
            return lambda: program.forward(*inputs)
        examples = Examples(inputs[0], np.zeros(count, np.int64))
        indices = np.arange(count)
        return lambda: program.train_steps(examples, indices, batch_size=count, learning_rates=[0.0])


def _images(count: int, shape: Shape) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((count, *shape), dtype=np.float32)
