"""Pooling: many cells become one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.geometry import Axes, Padding, padding_amounts, per_axis, windows
from pellucid.layers.layer import AxisWindow, Layer, Shape, require, require_rank

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptivePooling",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPooling",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GlobalPooling",
    "LpPool1d",
    "LpPool2d",
    "LpPooling",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPooling",
    "Pooling",
]


@dataclass(frozen=True)
class Pooling(Layer):
    """Base of the windowed poolings.

    Args:
        kernel_size: window length, one or one an axis.
        stride: step between windows; the window's own length when left out.
        padding: as for convolutions, at most half the window. Padded cells never win a maximum.
        ceil_mode: a last window that reaches beyond the padding counts too, if it begins before the end of
            the input.
    """

    kernel_size: Axes
    stride: Axes | None = None
    padding: Padding = 0
    ceil_mode: bool = False

    label: ClassVar[str] = "pool"
    rank: ClassVar[int]
    axes: ClassVar[str]

    def __post_init__(self) -> None:
        per_axis(self.name, "kernel_size", self.kernel_size, self.rank, 1)
        if self.stride is not None:
            per_axis(self.name, "stride", self.stride, self.rank, 1)
        amounts = padding_amounts(self.name, self.padding, self.rank)
        require(amounts != "full", self.name, "padding is at most half the window", self.padding)
        if not isinstance(amounts, str):
            fits = all(2 * max(pair) <= size for pair, size in zip(amounts, self._extents(), strict=True))
            require(fits, self.name, f"padding is at most half the window of {self._extents()}", self.padding)

    @property
    def kernel(self) -> tuple[int, ...]:
        """Window length along each axis."""
        return per_axis(self.name, "kernel_size", self.kernel_size, self.rank, 1)

    def dilations(self) -> tuple[int, ...]:
        """Spacing of the window's cells along each axis."""
        return (1,) * self.rank

    def _extents(self) -> tuple[int, ...]:
        return tuple((size - 1) * d + 1 for size, d in zip(self.kernel, self.dilations(), strict=True))

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """Window, stride and padding along each axis."""
        require_rank(self.name, inputs[0], self.axes)
        stride = (
            self.kernel if self.stride is None else per_axis(self.name, "stride", self.stride, self.rank, 1)
        )
        padding = padding_amounts(self.name, self.padding, self.rank)
        lengths = inputs[0][1:]
        return windows(self.name, lengths, self.kernel, stride, self.dilations(), padding, self.ceil_mode)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(channels, *spatial), channels kept."""
        return (inputs[0][0], *(axis.output for axis in self.window(inputs)))


@dataclass(frozen=True)
class MaxPooling(Pooling):
    """Base of MaxPool1d and MaxPool2d.

    The largest cell of each window; on ties the first in reading order receives the gradient.

    Args:
        dilation: spacing of the window's cells.
    """

    dilation: Axes = 1

    def dilations(self) -> tuple[int, ...]:
        """Spacing of the window's cells along each axis."""
        return per_axis(self.name, "dilation", self.dilation, self.rank, 1)

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """Window, stride, dilation and padding along each axis."""
        axes = super().window(inputs)
        rule = "every window holds a cell of the input, so that there is a largest"
        require(all(_sees_input(axis) for axis in axes), self.name, rule, inputs[0])
        return axes


def _sees_input(axis: AxisWindow) -> bool:
    """Whether every window has a tap inside the input: dilated ones may step over a short one."""
    if axis.dilation == 1:
        return True
    firsts = (output * axis.stride - axis.pad_start for output in range(axis.output))
    taps = [range(first, first + axis.extent, axis.dilation) for first in firsts]
    return all(any(0 <= tap < axis.input for tap in window) for window in taps)


@dataclass(frozen=True)
class MaxPool1d(MaxPooling):
    """The largest cell of each window of (channels, length); see MaxPooling."""

    rank: ClassVar[int] = 1
    axes: ClassVar[str] = "channels, length"
    formula: ClassVar[str] = "y[c,i] = max_u x[c, i S + u D - P]"


@dataclass(frozen=True)
class MaxPool2d(MaxPooling):
    """The largest cell of each window of (channels, height, width); see MaxPooling."""

    rank: ClassVar[int] = 2
    axes: ClassVar[str] = "channels, height, width"
    formula: ClassVar[str] = "y[c,i,j] = max_{u,v} x[c, i S + u D - P, j S + v D - P]"


@dataclass(frozen=True)
class AvgPooling(Pooling):
    """Base of AvgPool1d and AvgPool2d: the mean of each window.

    Args:
        include_padding: divide by the whole window, padded zeros included (PyTorch's default), instead of
            by the number of real cells. What ceil_mode reaches beyond the padding never counts.
    """

    include_padding: bool = True

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One addition a window cell."""
        return math.prod(self.output_shape(inputs)) * math.prod(self.kernel)


@dataclass(frozen=True)
class AvgPool1d(AvgPooling):
    """The mean of each window of (channels, length); see AvgPooling."""

    rank: ClassVar[int] = 1
    axes: ClassVar[str] = "channels, length"
    formula: ClassVar[str] = "y[c,i] = 1/n sum_u x[c, i S + u - P]"


@dataclass(frozen=True)
class AvgPool2d(AvgPooling):
    """The mean of each window of (channels, height, width); see AvgPooling."""

    rank: ClassVar[int] = 2
    axes: ClassVar[str] = "channels, height, width"
    formula: ClassVar[str] = "y[c,i,j] = 1/n sum_{u,v} x[c, i S + u - P, j S + v - P]"


@dataclass(frozen=True)
class LpPooling(Pooling):
    """Base of LpPool1d and LpPool2d: the p-norm of each window (Sermanet et al. 2012).

    Args:
        norm: p, at least 1.
    """

    norm: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= self.norm < math.inf, self.name, "norm is a number of at least 1", self.norm)

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One addition a window cell."""
        return math.prod(self.output_shape(inputs)) * math.prod(self.kernel)


@dataclass(frozen=True)
class LpPool1d(LpPooling):
    """The p-norm of each window of (channels, length); see LpPooling."""

    rank: ClassVar[int] = 1
    axes: ClassVar[str] = "channels, length"
    formula: ClassVar[str] = "y[c,i] = (sum_u |x[c, i S + u - P]|^p)^(1/p)"


@dataclass(frozen=True)
class LpPool2d(LpPooling):
    """The p-norm of each window of (channels, height, width); see LpPooling."""

    rank: ClassVar[int] = 2
    axes: ClassVar[str] = "channels, height, width"
    formula: ClassVar[str] = "y[c,i,j] = (sum_{u,v} |x[c, i S + u - P, j S + v - P]|^p)^(1/p)"


@dataclass(frozen=True)
class GlobalPooling(Layer):
    """Base of the poolings of whole maps: (channels, *spatial) to (channels,)."""

    label: ClassVar[str] = "pool"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """One number a channel."""
        require(len(inputs[0]) >= 2, self.name, "expects an input of shape (channels, ...)", inputs[0])
        return inputs[0][:1]

    def window(self, inputs: Sequence[Shape]) -> None:
        """Everything."""


@dataclass(frozen=True)
class GlobalAvgPool(GlobalPooling):
    """The mean of each whole map."""

    formula: ClassVar[str] = "y[c] = 1/(H W) sum_{i,j} x[c,i,j]"

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One addition a cell."""
        return math.prod(inputs[0])


@dataclass(frozen=True)
class GlobalMaxPool(GlobalPooling):
    """The largest cell of each whole map; on ties the first in reading order receives the gradient."""

    formula: ClassVar[str] = "y[c] = max_{i,j} x[c,i,j]"


@dataclass(frozen=True)
class AdaptivePooling(Layer):
    """Base of the poolings to a given number of cells.

    Cell o of O sees the inputs floor(o I / O) to ceil((o + 1) I / O) - 1: windows of nearly equal length,
    which overlap where O does not divide I.

    Args:
        output_size: of the map; one number or one an axis.
    """

    output_size: Axes

    label: ClassVar[str] = "pool"
    rank: ClassVar[int]
    axes: ClassVar[str]

    def __post_init__(self) -> None:
        per_axis(self.name, "output_size", self.output_size, self.rank, 1)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Of the output along each axis."""
        return per_axis(self.name, "output_size", self.output_size, self.rank, 1)

    def bins(self, inputs: Sequence[Shape]) -> tuple[tuple[range, ...], ...]:
        """For each axis the inputs that every output cell sees."""
        require_rank(self.name, inputs[0], self.axes)
        return tuple(
            tuple(range(o * length // size, -(-(o + 1) * length // size)) for o in range(size))
            for length, size in zip(inputs[0][1:], self.lengths, strict=True)
        )

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...] | None:
        """Equal windows side by side where the output's length divides the input's, else everything."""
        require_rank(self.name, inputs[0], self.axes)
        pairs = list(zip(inputs[0][1:], self.lengths, strict=True))
        if any(length % size for length, size in pairs):
            return None
        return tuple(AxisWindow(length, length // size, length // size) for length, size in pairs)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(channels, *output_size)."""
        require_rank(self.name, inputs[0], self.axes)
        return (inputs[0][0], *self.lengths)


@dataclass(frozen=True)
class AdaptiveAvgPooling(AdaptivePooling):
    """Base of the adaptive means."""

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One addition a window cell."""
        return inputs[0][0] * math.prod(sum(len(bin) for bin in axis) for axis in self.bins(inputs))


@dataclass(frozen=True)
class AdaptiveAvgPool1d(AdaptiveAvgPooling):
    """The mean of each of output_size windows of (channels, length); see AdaptivePooling."""

    rank: ClassVar[int] = 1
    axes: ClassVar[str] = "channels, length"
    formula: ClassVar[str] = "y[c,o] = mean of x[c, floor(o I/O) to ceil((o+1) I/O) - 1]"


@dataclass(frozen=True)
class AdaptiveAvgPool2d(AdaptiveAvgPooling):
    """The mean of each of output_size windows of (channels, height, width); see AdaptivePooling."""

    rank: ClassVar[int] = 2
    axes: ClassVar[str] = "channels, height, width"
    formula: ClassVar[str] = "y[c,o,q] = mean of x[c, floor(o I/O) to ceil((o+1) I/O) - 1, likewise q]"


@dataclass(frozen=True)
class AdaptiveMaxPool1d(AdaptivePooling):
    """The largest cell of each of output_size windows of (channels, length); see AdaptivePooling."""

    rank: ClassVar[int] = 1
    axes: ClassVar[str] = "channels, length"
    formula: ClassVar[str] = "y[c,o] = max of x[c, floor(o I/O) to ceil((o+1) I/O) - 1]"


@dataclass(frozen=True)
class AdaptiveMaxPool2d(AdaptivePooling):
    """The largest cell of each of output_size windows of (channels, height, width); see AdaptivePooling."""

    rank: ClassVar[int] = 2
    axes: ClassVar[str] = "channels, height, width"
    formula: ClassVar[str] = "y[c,o,q] = max of x[c, floor(o I/O) to ceil((o+1) I/O) - 1, likewise q]"
