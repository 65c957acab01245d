"""Layers with several inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.layer import Layer, Shape, require

__all__ = ["Add", "Concat", "Divide", "MatMul", "Multiply", "Subtract"]


def broadcast_shape(layer: str, inputs: Sequence[Shape]) -> Shape:
    """The shape that the inputs have in common once axes of length 1 are repeated."""
    fits = len({len(shape) for shape in inputs}) == 1 and all(
        len(set(lengths) - {1}) <= 1 for lengths in zip(*inputs, strict=True)
    )
    require(fits, layer, "expects inputs whose lengths along each axis are equal, or 1", tuple(inputs))
    return tuple(max(lengths) for lengths in zip(*inputs, strict=True))


@dataclass(frozen=True)
class Elementwise(Layer):
    """Base of the layers that meet cell by cell; an axis of length 1 is repeated along the other inputs'."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The common shape of the inputs."""
        return broadcast_shape(self.name, inputs)

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One operation a cell for each input after the first."""
        return math.prod(self.output_shape(inputs)) * (len(inputs) - 1)


@dataclass(frozen=True)
class Add(Elementwise):
    """Sum of its inputs, cell by cell: the residual connection."""

    label: ClassVar[str] = "add"
    formula: ClassVar[str] = "y = x_1 + x_2 + ..."
    input_count: ClassVar[int | None] = None


@dataclass(frozen=True)
class Subtract(Elementwise):
    """The first input minus the second."""

    label: ClassVar[str] = "subtract"
    formula: ClassVar[str] = "y = x_1 - x_2"
    input_count: ClassVar[int | None] = 2


@dataclass(frozen=True)
class Multiply(Elementwise):
    """Product of its inputs, cell by cell: the gate of squeeze and excitation, one factor a channel."""

    label: ClassVar[str] = "multiply"
    formula: ClassVar[str] = "y = x_1 x_2 ..."
    input_count: ClassVar[int | None] = None


@dataclass(frozen=True)
class Divide(Elementwise):
    """The first input over the second."""

    label: ClassVar[str] = "divide"
    formula: ClassVar[str] = "y = x_1 / x_2"
    input_count: ClassVar[int | None] = 2


@dataclass(frozen=True)
class MatMul(Layer):
    """Matrix product over the last two axes; an axis of length 1 before them is repeated."""

    label: ClassVar[str] = "matmul"
    formula: ClassVar[str] = "y[..,i,j] = sum_k x_1[..,i,k] x_2[..,k,j]"
    input_count: ClassVar[int | None] = 2

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(..., rows, inner) and (..., inner, columns) to (..., rows, columns)."""
        a, b = inputs
        fits = len(a) == len(b) >= 2 and a[-1] == b[-2]
        require(fits, self.name, "expects shapes (..., rows, inner) and (..., inner, columns)", (a, b))
        return (*broadcast_shape(self.name, (a[:-2], b[:-2])), a[-2], b[-1])

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One multiply-add a cell and number summed."""
        return math.prod(self.output_shape(inputs)) * inputs[0][-1]

    def window(self, inputs: Sequence[Shape]) -> None:
        """Everything."""


@dataclass(frozen=True)
class Concat(Layer):
    """Inputs stacked along an axis, the channels unless another is named: the inception and dense connection.

    Args:
        axis: of one image's array; 0 are the channels.
    """

    axis: int = 0

    label: ClassVar[str] = "concat"
    formula: ClassVar[str] = "y = [x_1; x_2; ...]"
    input_count: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        require(self.axis >= 0, self.name, "axis counts from 0, the channels", self.axis)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Lengths along the axis added up, the other axes kept."""
        axis = self.axis
        others = {shape[:axis] + shape[axis + 1 :] for shape in inputs}
        same = len(others) == 1 and all(len(shape) > axis for shape in inputs)
        along = "channels" if axis == 0 else f"axis {axis}"
        require(same, self.name, f"expects inputs that differ in {along} only", tuple(inputs))
        return (*inputs[0][:axis], sum(shape[axis] for shape in inputs), *inputs[0][axis + 1 :])

    def window(self, inputs: Sequence[Shape]) -> tuple[()] | None:
        """Each position its own, unless positions are put side by side."""
        return () if self.axis == 0 else None
