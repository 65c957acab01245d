"""What explanations of one batch read: a network as it was, and what the batch made of it."""

from __future__ import annotations

import math
import threading
from collections import ChainMap, OrderedDict
from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, CompileOptions, Engine, Program, Trace
from pellucid.errors import DataError, UnknownNameError
from pellucid.explain.passes import as_batch
from pellucid.explain.sums import Cell
from pellucid.graph import Graph, Node
from pellucid.model import Model

PROGRAMS = 1 << 30
"""Bytes of parameters in the programs that evidence keeps; the latest is kept whatever it takes."""

MOST_PROGRAMS = 64


class _Programs:
    """Compiled programs of a network and its parts, those used latest; several threads may ask."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[Graph, CompileOptions], Program] = OrderedDict()
        self._nbytes = 0
        self._lock = threading.Lock()

    def get(self, graph: Graph, options: CompileOptions) -> Program | None:
        """The program, if it is here."""
        with self._lock:
            if (graph, options) in self._held:
                self._held.move_to_end((graph, options))
            return self._held.get((graph, options))

    def keep(self, graph: Graph, options: CompileOptions, program: Program) -> None:
        """Keep one; those not used for longest go."""
        with self._lock:
            if (graph, options) not in self._held:
                self._nbytes += _size(graph)
            self._held[graph, options] = program
            while len(self._held) > 1 and (self._nbytes > PROGRAMS or len(self._held) > MOST_PROGRAMS):
                (other, _), _ = self._held.popitem(last=False)
                self._nbytes -= _size(other)


def _size(graph: Graph) -> int:
    """Bytes of its parameters."""
    return 4 * sum(math.prod(spec.shape) for spec in graph.parameters.values())


class Evidence:
    """A network as it was, and the trace of a batch.

    Functions that explain take one in place of images: what it holds is not computed again, and programs
    that they need are compiled once. It keeps the parameters of the moment, whatever the model becomes.

    Args:
        model: the network.
        images: one image, a batch, or a trace of the model; a model of several inputs is asked by its trace.
    """

    def __init__(self, model: Model, images: ArrayLike | Trace) -> None:
        self.model = model
        self.graph: Graph = model.graph
        self.engine: Engine = model.engine
        self.parameters: Mapping[str, Array] = dict(model.parameters)
        self.trace: Trace = images if isinstance(images, Trace) else model.trace(as_batch(model, images))
        self.activations: Mapping[str, Array] = self.trace
        self._programs = _Programs()

    @property
    def count(self) -> int:
        """Images in the batch."""
        return self.trace.count

    def activation(self, node: str) -> Array:
        """(N, *shape), a node's output by the engine.

        Raises:
            UnknownNameError: no such node, or the trace was taken without it.
        """
        self.graph.node(node)
        if node not in self.activations:
            raise UnknownNameError("node of the trace", node, self.activations)
        return self.activations[node]

    def met(self, activations: Mapping[str, Array]) -> Evidence:
        """The same, with activations as another pass met them: rounding may differ from the trace's."""
        other = copy(self)
        other.activations = ChainMap(dict(activations), dict(self.activations))
        return other

    def about(self, images: ArrayLike | Trace) -> Evidence:
        """What other images make of the model; programs are shared unless its parameters have changed."""
        other = Evidence(self.model, images)
        if all(other.parameters[name] is array for name, array in self.parameters.items()):
            other._programs = self._programs
        return other

    def inputs(self, node: Node, images: slice = slice(None)) -> list[Array]:
        """What a node received, in float64: (N, *shape) for each of its inputs."""
        return [self.activation(source)[images].astype(np.float64) for source in node.inputs]

    def short_parameters(self, node: Node) -> dict[str, Array]:
        """A node's own parameters: "weight", not "conv1.weight"."""
        specs = node.layer.parameters(self.graph.input_shapes(node))
        return {spec.name: self.parameters[f"{node.name}.{spec.name}"] for spec in specs}

    def program(self, graph: Graph, options: CompileOptions) -> Program:
        """A program of the network or a part of it with the parameters of the moment, compiled once.

        While the model has these parameters, the whole network's programs are the model's own.
        """
        if graph is self.model.graph and self._is_current():
            return self.model.program(options)
        program = self._programs.get(graph, options)
        if program is None:
            program = self.engine.compile(graph, options)
            program.write_parameters({name: self.parameters[name] for name in graph.parameters})
            self._programs.keep(graph, options, program)
        return program

    def _is_current(self) -> bool:
        now = self.model.parameters
        return all(now[name] is array for name, array in self.parameters.items())

    def place(self, node: str, at: Sequence[int]) -> tuple[int, Cell]:
        """(image, cell) of a cell of a node: (c, i, j), or (image, c, i, j).

        Raises:
            UnknownNameError: no such node.
            DataError: the node has no such cell, or it is not said of which image.
        """
        self.graph.node(node)
        shape = self.graph.shapes[node]
        numbers = whole_numbers(node, at)
        if len(numbers) == len(shape) and self.count == 1:
            numbers = (0, *numbers)
        if len(numbers) != len(shape) + 1:
            expected = f"{len(shape)} numbers" if self.count == 1 else f"(image, *{len(shape)} numbers)"
            raise DataError(f"{node}: a cell of {shape} is {expected}, received {tuple(at)}")
        if self.count == 1:
            check_within(node, numbers[1:], shape)
        check_within(node, numbers, (self.count, *shape))
        return numbers[0], numbers[1:]


def evidence(model: Model, images: ArrayLike | Trace | Evidence) -> Evidence:
    """The evidence itself, or that of these images."""
    return images if isinstance(images, Evidence) else Evidence(model, images)


def whole_numbers(name: str, at: Sequence[int]) -> Cell:
    """A cell's numbers as plain integers."""
    numbers = np.atleast_1d(np.asarray(at))
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise DataError(f"{name}: a cell is given by whole numbers, received {at!r}")
    return tuple(int(number) for number in numbers)


def check_within(name: str, numbers: Cell, shape: Sequence[int]) -> None:
    """Require a cell of an array of this shape."""
    if not all(0 <= number < length for number, length in zip(numbers, shape, strict=True)):
        raise DataError(f"{name}: a cell lies within {tuple(shape)}, received {numbers}")
