"""Pooling: many cells become one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.geometry import Axes, Padding, padding_amounts, per_axis, windows
from pellucid.layers.layer import (
    ZEROS,
    AxisWindow,
    Initializer,
    Layer,
    ParameterSpec,
    Shape,
    require,
    require_rank,
)

__all__ = ["AvgPool2d", "GlobalAvgPool", "MaxPool2d", "Pooling", "Subsample2d"]


@dataclass(frozen=True)
class Pooling(Layer):
    """Base of the windowed poolings.

    Args:
        kernel_size: window length, one or one an axis.
        stride: step between windows; the window's own length when left out.
        padding: as for convolutions, at most half the window. Padded cells never win a maximum.
    """

    kernel_size: Axes
    stride: Axes | None = None
    padding: Padding = 0

    label: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        per_axis(self.name, "kernel_size", self.kernel_size, 2, 1)
        if self.stride is not None:
            per_axis(self.name, "stride", self.stride, 2, 1)
        amounts = padding_amounts(self.name, self.padding, 2)
        require(amounts != "full", self.name, "padding is at most half the window", self.padding)
        if not isinstance(amounts, str):
            fits = all(2 * max(pair) <= size for pair, size in zip(amounts, self.kernel, strict=True))
            require(fits, self.name, f"padding is at most half the window of {self.kernel}", self.padding)

    @property
    def kernel(self) -> tuple[int, ...]:
        """Window length along each axis."""
        return per_axis(self.name, "kernel_size", self.kernel_size, 2, 1)

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """Window, stride and padding along each axis."""
        require_rank(self.name, inputs[0], "channels, height, width")
        stride = self.kernel if self.stride is None else per_axis(self.name, "stride", self.stride, 2, 1)
        padding = padding_amounts(self.name, self.padding, 2)
        return windows(self.name, inputs[0][1:], self.kernel, stride, (1, 1), padding)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(channels, height, width), channels kept."""
        return (inputs[0][0], *(axis.output for axis in self.window(inputs)))


@dataclass(frozen=True)
class MaxPool2d(Pooling):
    """The largest cell of each window; on ties the first in reading order receives the gradient."""

    formula: ClassVar[str] = "y[c,i,j] = max_{u,v} x[c, i S + u - P, j S + v - P]"


@dataclass(frozen=True)
class AvgPool2d(Pooling):
    """The mean of each window.

    Args:
        include_padding: divide by the whole window, padded zeros included (PyTorch's default), instead of
            by the number of real cells.
    """

    include_padding: bool = True

    formula: ClassVar[str] = "y[c,i,j] = 1/n sum_{u,v} x[c, i S + u - P, j S + v - P]"

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One addition a window cell."""
        return math.prod(self.output_shape(inputs)) * math.prod(self.kernel)


@dataclass(frozen=True)
class GlobalAvgPool(Layer):
    """The mean of each whole map: (channels, *spatial) to (channels,)."""

    label: ClassVar[str] = "pool"
    formula: ClassVar[str] = "y[c] = 1/(H W) sum_{i,j} x[c,i,j]"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """One number a channel."""
        require(len(inputs[0]) >= 2, self.name, "expects an input of shape (channels, ...)", inputs[0])
        return inputs[0][:1]

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One addition a cell."""
        return math.prod(inputs[0])

    def window(self, inputs: Sequence[Shape]) -> None:
        """Everything."""


@dataclass(frozen=True)
class Subsample2d(Layer):
    """Trainable subsampling, LeNet-5's S2 and S4 (LeCun et al. 1998, section II.B).

    The sum of each window times one coefficient, plus one bias, both a channel. The squashing function that
    follows in the paper is a node of its own (ScaledTanh, Sigmoid).

    Parameters: coefficient (channels,), bias (channels,).
    """

    kernel_size: Axes = 2
    stride: Axes | None = None

    label: ClassVar[str] = "subsample"
    formula: ClassVar[str] = "z[c,i,j] = w[c] sum_{u,v} x[c, i S + u, j S + v] + b[c]"

    def __post_init__(self) -> None:
        per_axis(self.name, "kernel_size", self.kernel_size, 2, 1)
        if self.stride is not None:
            per_axis(self.name, "stride", self.stride, 2, 1)

    @property
    def kernel(self) -> tuple[int, ...]:
        """Window length along each axis."""
        return per_axis(self.name, "kernel_size", self.kernel_size, 2, 1)

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """Window and stride along each axis."""
        require_rank(self.name, inputs[0], "channels, height, width")
        stride = self.kernel if self.stride is None else per_axis(self.name, "stride", self.stride, 2, 1)
        return windows(self.name, inputs[0][1:], self.kernel, stride, (1, 1), "valid")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(channels, height, width), channels kept."""
        return (inputs[0][0], *(axis.output for axis in self.window(inputs)))

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """A coefficient and a bias a channel."""
        channels = inputs[0][0]
        fan_in = math.prod(self.kernel)
        return (
            ParameterSpec("coefficient", (channels,), Initializer("lecun-1998", fan_in, fan_in), decay=True),
            ParameterSpec("bias", (channels,), ZEROS),
        )

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One addition a window cell and one product an output cell."""
        return math.prod(self.output_shape(inputs)) * (math.prod(self.kernel) + 1)
