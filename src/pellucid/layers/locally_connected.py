"""Locally connected layers: convolutions that share no weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.geometry import Axes, Padding, padding_amounts, per_axis, require_kernels, windows
from pellucid.layers.layer import (
    ZEROS,
    AxisWindow,
    Initializer,
    Layer,
    ParameterSpec,
    Shape,
    require_initializer,
    require_rank,
)

__all__ = ["LocallyConnected", "LocallyConnected1d", "LocallyConnected2d"]


@dataclass(frozen=True)
class LocallyConnected(Layer):
    """Base of LocallyConnected1d and LocallyConnected2d: every output cell has a kernel of its own.

    Args:
        out_channels: number of output feature maps.
        kernel_size: one length, or one an axis.
        stride: step between windows.
        padding: with zeros, as for convolutions.
        bias: add one number an output cell.
        initializer: rule for the weights, see Initializer.

    Parameters: weight (out_channels, *output, in_channels, *kernel), bias (out_channels, *output).
    """

    out_channels: int
    kernel_size: Axes
    stride: Axes = 1
    padding: Padding = 0
    bias: bool = True
    initializer: str = "he"

    label: ClassVar[str] = "local"
    rank: ClassVar[int]
    axes: ClassVar[str]

    def __post_init__(self) -> None:
        require_kernels(
            self.name, self.rank, self.out_channels, kernel_size=self.kernel_size, stride=self.stride
        )
        padding_amounts(self.name, self.padding, self.rank)
        require_initializer(self.name, self.initializer)

    @property
    def kernel(self) -> tuple[int, ...]:
        """Kernel length along each axis."""
        return per_axis(self.name, "kernel_size", self.kernel_size, self.rank, 1)

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """Kernel, stride and padding along each axis."""
        require_rank(self.name, inputs[0], self.axes)
        stride = per_axis(self.name, "stride", self.stride, self.rank, 1)
        padding = padding_amounts(self.name, self.padding, self.rank)
        return windows(self.name, inputs[0][1:], self.kernel, stride, (1,) * self.rank, padding)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(in_channels, *spatial) to (out_channels, *spatial)."""
        return (self.out_channels, *(axis.output for axis in self.window(inputs)))

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """A kernel and a bias for every output cell."""
        output = self.output_shape(inputs)
        fan_in = inputs[0][0] * math.prod(self.kernel)
        weight = ParameterSpec(
            "weight",
            (*output, inputs[0][0], *self.kernel),
            Initializer(self.initializer, fan_in, self.out_channels * math.prod(self.kernel)),
            decay=True,
        )
        return (weight, ParameterSpec("bias", output, ZEROS)) if self.bias else (weight,)

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One multiply-add a weight."""
        return math.prod(self.output_shape(inputs)) * inputs[0][0] * math.prod(self.kernel)


@dataclass(frozen=True)
class LocallyConnected1d(LocallyConnected):
    """Over (channels, length); see LocallyConnected."""

    rank: ClassVar[int] = 1
    axes: ClassVar[str] = "channels, length"
    formula: ClassVar[str] = "z[o,i] = b[o,i] + sum_{c,u} W[o,i,c,u] x[c, i S + u - P]"


@dataclass(frozen=True)
class LocallyConnected2d(LocallyConnected):
    """Over (channels, height, width); see LocallyConnected."""

    rank: ClassVar[int] = 2
    axes: ClassVar[str] = "channels, height, width"
    formula: ClassVar[str] = "z[o,i,j] = b[o,i,j] + sum_{c,u,v} W[o,i,j,c,u,v] x[c, i S + u - P, j S + v - P]"
