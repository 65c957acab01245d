"""Layers with several inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.layer import Layer, Shape, require

__all__ = ["Add", "Concat"]


@dataclass(frozen=True)
class Add(Layer):
    """Sum of its inputs, cell by cell: the residual connection."""

    label: ClassVar[str] = "add"
    formula: ClassVar[str] = "y = x_1 + x_2 + ..."
    input_count: ClassVar[int | None] = None

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The common shape of the inputs."""
        require(len(set(inputs)) == 1, self.name, "expects inputs of one shape", tuple(inputs))
        return inputs[0]

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One addition a cell for each input after the first."""
        return math.prod(inputs[0]) * (len(inputs) - 1)


@dataclass(frozen=True)
class Concat(Layer):
    """Inputs stacked along the channels: the inception and dense connection."""

    label: ClassVar[str] = "concat"
    formula: ClassVar[str] = "y = [x_1; x_2; ...]"
    input_count: ClassVar[int | None] = None

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Channels added up, the other axes kept."""
        same = len({shape[1:] for shape in inputs}) == 1 and len({len(shape) for shape in inputs}) == 1
        require(same, self.name, "expects inputs that differ in channels only", tuple(inputs))
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])
