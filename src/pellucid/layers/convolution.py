"""Convolutions: cross-correlation unless flip=True."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.geometry import (
    PADDING_MODES,
    Axes,
    Padding,
    PaddingMode,
    padding_amounts,
    per_axis,
    require_kernels,
    require_padding_mode,
    windows,
)
from pellucid.layers.layer import (
    ZEROS,
    AxisWindow,
    Initializer,
    Layer,
    ParameterSpec,
    Shape,
    require,
    require_initializer,
    require_rank,
)

__all__ = ["Conv1d", "Conv2d", "Convolution"]

ConnectionTable = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Convolution(Layer):
    """Base of Conv1d and Conv2d.

    Args:
        out_channels: number of output feature maps.
        kernel_size: one length, or one an axis.
        stride: step between windows.
        padding: a number, one an axis, a (start, end) pair an axis, or "valid" (none), "same" (output
            ceil(I / S) long) or "full" (every overlap).
        padding_mode: what lies beyond the edge: "zeros", "edge" (replicate), "reflect" (without repeating
            the edge) or "circular".
        dilation: spacing of the kernel's taps.
        groups: channels are split into this many independent convolutions.
        bias: add one number an output map.
        connections: for every output map the input maps it sees (LeNet-5's C3); one kernel a connection.
        flip: rotate the kernel by 180 degrees: the mathematical convolution.
        initializer: rule for the weights, see Initializer.

    Parameters: weight (out_channels, in_channels / groups, *kernel), or (connections, *kernel) with a
    connection table, in the table's order; bias (out_channels,).
    """

    out_channels: int
    kernel_size: Axes
    stride: Axes = 1
    padding: Padding = 0
    padding_mode: PaddingMode = "zeros"
    dilation: Axes = 1
    groups: int = 1
    bias: bool = True
    connections: ConnectionTable | None = None
    flip: bool = False
    initializer: str = "he"

    label: ClassVar[str] = "conv"
    rank: ClassVar[int]
    axes: ClassVar[str]

    def __post_init__(self) -> None:
        require_kernels(
            self.name,
            self.rank,
            self.out_channels,
            self.groups,
            kernel_size=self.kernel_size,
            stride=self.stride,
            dilation=self.dilation,
        )
        padding_amounts(self.name, self.padding, self.rank)
        require(
            self.padding_mode in PADDING_MODES,
            self.name,
            f"padding_mode is one of {', '.join(PADDING_MODES)}",
            self.padding_mode,
        )
        require_initializer(self.name, self.initializer)
        if self.connections is not None:
            self._check_connections(self.connections)

    def _check_connections(self, connections: ConnectionTable) -> None:
        require(self.groups == 1, self.name, "a connection table excludes groups", self.groups)
        require(
            len(connections) == self.out_channels,
            self.name,
            f"connections has one row for each of the {self.out_channels} output maps",
            len(connections),
        )
        for row in connections:
            require(
                len(row) > 0 and len(set(row)) == len(row) and min(row) >= 0,
                self.name,
                "a row of connections names different input maps, at least one",
                row,
            )

    @property
    def kernel(self) -> tuple[int, ...]:
        """Kernel length along each axis."""
        return per_axis(self.name, "kernel_size", self.kernel_size, self.rank, 1)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(in_channels, *spatial) to (out_channels, *spatial)."""
        self._check_channels(inputs[0])
        return (self.out_channels, *(axis.output for axis in self.window(inputs)))

    def _check_channels(self, shape: Shape) -> None:
        require_rank(self.name, shape, self.axes)
        require(
            shape[0] % self.groups == 0,
            self.name,
            f"expects a number of input channels that is a multiple of groups = {self.groups}",
            shape[0],
        )
        if self.connections is not None:
            highest = max(max(row) for row in self.connections)
            require(
                highest < shape[0],
                self.name,
                f"the connection table names input map {highest}, so it expects at least {highest + 1} maps",
                shape[0],
            )

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """Kernel, stride, dilation and padding along each axis."""
        require_rank(self.name, inputs[0], self.axes)
        axes = windows(
            self.name,
            inputs[0][1:],
            self.kernel,
            per_axis(self.name, "stride", self.stride, self.rank, 1),
            per_axis(self.name, "dilation", self.dilation, self.rank, 1),
            padding_amounts(self.name, self.padding, self.rank),
        )
        require_padding_mode(self.name, self.padding_mode, axes)
        return axes

    def table(self, in_channels: int) -> ConnectionTable:
        """For every output map the input maps it sees, in the order of its kernels."""
        if self.connections is not None:
            return self.connections
        inputs, outputs = in_channels // self.groups, self.out_channels // self.groups
        return tuple(
            tuple(range(o // outputs * inputs, (o // outputs + 1) * inputs)) for o in range(self.out_channels)
        )

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """The kernels and the biases."""
        self._check_channels(inputs[0])
        kernel, in_channels = self.kernel, inputs[0][0]
        taps = math.prod(kernel)
        if self.connections is None:
            shape: Shape = (self.out_channels, in_channels // self.groups, *kernel)
            fan_in, fan_out = shape[1] * taps, self.out_channels // self.groups * taps
        else:
            count = self._kernels(in_channels)
            shape = (count, *kernel)
            fan_in, fan_out = count * taps // self.out_channels, count * taps // in_channels
        weight = ParameterSpec(
            "weight", shape, Initializer(self.initializer, fan_in, max(1, fan_out)), decay=True
        )
        return (weight, ParameterSpec("bias", (self.out_channels,), ZEROS)) if self.bias else (weight,)

    def cost(self, inputs: Sequence[Shape]) -> int:
        """Kernel taps times output positions."""
        positions = math.prod(self.output_shape(inputs)[1:])
        return self._kernels(inputs[0][0]) * math.prod(self.kernel) * positions

    def _kernels(self, in_channels: int) -> int:
        """Pairs of an input map and an output map that it is seen by."""
        if self.connections is None:
            return self.out_channels * (in_channels // self.groups)
        return sum(len(row) for row in self.connections)


@dataclass(frozen=True)
class Conv1d(Convolution):
    """Convolution over (channels, length); see Convolution."""

    rank: ClassVar[int] = 1
    axes: ClassVar[str] = "channels, length"
    formula: ClassVar[str] = "z[o,i] = b[o] + sum_{c,u} W[o,c,u] x[c, i S + u D - P]"


@dataclass(frozen=True)
class Conv2d(Convolution):
    """Convolution over (channels, height, width); see Convolution."""

    rank: ClassVar[int] = 2
    axes: ClassVar[str] = "channels, height, width"
    formula: ClassVar[str] = "z[o,i,j] = b[o] + sum_{c,u,v} W[o,c,u,v] x[c, i S + u D - P, j S + v D - P]"
