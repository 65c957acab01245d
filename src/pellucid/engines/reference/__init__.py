"""The reference engine: the definition of every layer, in NumPy.

A file a family mirrors layers/: forward and backward side by side, the equation above the code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from pellucid.engines.engine import Array, CompileOptions, Engine, Purpose
from pellucid.engines.reference.program import ReferenceProgram, ReferenceTrace
from pellucid.engines.schema import PlannedStep, Schema
from pellucid.errors import EngineError
from pellucid.graph import Graph
from pellucid.tuning import Stopwatch, Tuning

__all__ = ["ReferenceEngine", "ReferenceProgram", "ReferenceTrace"]


class ReferenceEngine(Engine):
    """Runs graphs by the layers' definitions: right rather than quick.

    Args:
        dtype: "float32", or "float64" for finite differences and for judging other engines.
    """

    name = "reference"

    def __init__(self, dtype: Literal["float32", "float64"] = "float32") -> None:
        self._dtype = np.dtype(np.float32) if dtype == "float32" else np.dtype(np.float64)

    def describe(self, graph: Graph, options: CompileOptions) -> Schema:
        """Every node once, and in training once more backwards; every array is kept until the end."""
        _check_nothing_forced(options)
        training = options.purpose is Purpose.TRAINING
        forward = [PlannedStep(node.name, "forward", "NCHW") for node in graph.nodes]
        backward = [PlannedStep(node.name, "backward", "NCHW") for node in reversed(graph.nodes)]
        cells = sum(math.prod(shape) for shape in graph.shapes.values()) * options.capacity
        values = sum(math.prod(spec.shape) for spec in graph.parameters.values())
        slots = len(options.optimizer.slots) if options.optimizer is not None else 0
        return Schema(
            steps=tuple(forward + backward if training else forward),
            state_bytes=values * (1 + slots) * self._dtype.itemsize,
            workspace_bytes=(2 * cells + values if training else cells) * self._dtype.itemsize,
        )

    def compile(self, graph: Graph, options: CompileOptions) -> ReferenceProgram:
        """A program for this graph, its parameters zero until written."""
        _check_nothing_forced(options)
        return ReferenceProgram(graph, options, self._dtype)

    def tune(
        self, graph: Graph, options: CompileOptions, parameters: Mapping[str, Array], stopwatch: Stopwatch
    ) -> Tuning:
        """Raises EngineError: there is one definition of a layer."""
        raise EngineError("the reference engine computes every layer by its definition: nothing to tune")


def _check_nothing_forced(options: CompileOptions) -> None:
    for node, algorithm in options.algorithms:
        raise EngineError(
            f"{node}: the reference engine computes every layer by its definition, received {algorithm!r}"
        )
