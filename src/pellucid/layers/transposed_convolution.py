"""Transposed convolutions: the input gradient of a convolution as a layer of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.geometry import Axes, per_axis, require_kernels
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

__all__ = ["ConvTranspose1d", "ConvTranspose2d", "TransposedConvolution"]

TransposedPadding = int | tuple[int | tuple[int, int], ...]


@dataclass(frozen=True)
class TransposedConvolution(Layer):
    """Base of ConvTranspose1d and ConvTranspose2d (Dumoulin & Visin 2016, chapter 4).

    Every input cell adds its kernel, times the cell, to the output: the matrix C^T where the matching
    convolution's is C. Stride S is a fractional stride 1/S: the output is about S times as long.

    Args:
        out_channels: number of output feature maps.
        kernel_size: one length, or one an axis.
        stride: output cells from one input cell to the next.
        padding: taken off both ends of the output: a number, one an axis, or a (start, end) pair an axis.
        output_padding: cells added at the end of the output, fewer than the stride or the dilation.
        dilation: spacing of the kernel's taps.
        groups: channels are split into this many independent layers.
        bias: add one number an output map.
        initializer: rule for the weights, see Initializer.

    Parameters: weight (in_channels, out_channels / groups, *kernel), bias (out_channels,).
    """

    out_channels: int
    kernel_size: Axes
    stride: Axes = 1
    padding: TransposedPadding = 0
    output_padding: Axes = 0
    dilation: Axes = 1
    groups: int = 1
    bias: bool = True
    initializer: str = "he"

    label: ClassVar[str] = "deconv"
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
        added = per_axis(self.name, "output_padding", self.output_padding, self.rank, 0)
        steps = zip(added, self._per_axis(self.stride), self._per_axis(self.dilation), strict=True)
        require(
            all(extra < max(stride, dilation) for extra, stride, dilation in steps),
            self.name,
            "output_padding is less than the stride or the dilation",
            self.output_padding,
        )
        require_initializer(self.name, self.initializer)
        _ = self.paddings

    def _per_axis(self, value: Axes) -> tuple[int, ...]:
        return per_axis(self.name, "a length", value, self.rank, 0)

    @property
    def kernel(self) -> tuple[int, ...]:
        """Kernel length along each axis."""
        return self._per_axis(self.kernel_size)

    @property
    def paddings(self) -> tuple[tuple[int, int], ...]:
        """What is taken off (start, end) of each axis."""
        pairs = (self.padding,) * self.rank if isinstance(self.padding, int) else self.padding
        amounts = tuple((p, p) if isinstance(p, int) else tuple(p) for p in pairs)
        valid = len(amounts) == self.rank and all(len(p) == 2 and min(p) >= 0 for p in amounts)
        rule = f"padding is a number of at least 0, {self.rank} of them, or {self.rank} pairs (start, end)"
        require(valid, self.name, rule, self.padding)
        return tuple((p[0], p[1]) for p in amounts)

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """The kernel over the input with S - 1 zeros between its cells."""
        require_rank(self.name, inputs[0], self.axes)
        added, dilations = self._per_axis(self.output_padding), self._per_axis(self.dilation)
        axes = []
        for axis, length in enumerate(inputs[0][1:]):
            start, end = self.paddings[axis]
            extent = self.kernel[axis] + (self.kernel[axis] - 1) * (dilations[axis] - 1)
            window = AxisWindow(
                length,
                self.kernel[axis],
                dilation=dilations[axis],
                pad_start=extent - 1 - start,
                pad_end=extent - 1 - end + added[axis],
                fraction=self._per_axis(self.stride)[axis],
            )
            rule = "at least one cell is left once the padding is taken off"
            require(window.output >= 1, self.name, rule, (length, self.paddings[axis]))
            axes.append(window)
        return tuple(axes)

    def convolution_window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """Of the matching convolution, which leads from this layer's output back to its input.

        Its padded length may leave columns unreached at the end: those of output_padding.
        """
        strides, dilations = self._per_axis(self.stride), self._per_axis(self.dilation)
        return tuple(
            AxisWindow(axis.output, axis.kernel, stride, dilation, start, end)
            for axis, stride, dilation, (start, end) in zip(
                self.window(inputs), strides, dilations, self.paddings, strict=True
            )
        )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(in_channels, *spatial) to (out_channels, *spatial): (I - 1) S + F_eff - P_start - P_end + more."""
        axes = self.window(inputs)
        rule = f"expects a number of input channels that is a multiple of groups = {self.groups}"
        require(inputs[0][0] % self.groups == 0, self.name, rule, inputs[0][0])
        return (self.out_channels, *(axis.output for axis in axes))

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """The kernels and the biases."""
        in_channels = inputs[0][0]
        taps = math.prod(self.kernel)
        outputs = self.out_channels // self.groups
        # Of an output cell, on average, each stride-th tap meets an input cell.
        fan_in = max(1, in_channels // self.groups * taps // math.prod(self._per_axis(self.stride)))
        weight = ParameterSpec(
            "weight",
            (in_channels, outputs, *self.kernel),
            Initializer(self.initializer, fan_in, outputs * taps),
            decay=True,
        )
        return (weight, ParameterSpec("bias", (self.out_channels,), ZEROS)) if self.bias else (weight,)

    def cost(self, inputs: Sequence[Shape]) -> int:
        """Every input cell times every tap of its kernels."""
        return math.prod(inputs[0]) * self.out_channels // self.groups * math.prod(self.kernel)


@dataclass(frozen=True)
class ConvTranspose1d(TransposedConvolution):
    """Transposed convolution over (channels, length); see TransposedConvolution."""

    rank: ClassVar[int] = 1
    axes: ClassVar[str] = "channels, length"
    formula: ClassVar[str] = "z[o, i S + u D - P] += W[c,o,u] x[c,i], plus b[o]"


@dataclass(frozen=True)
class ConvTranspose2d(TransposedConvolution):
    """Transposed convolution over (channels, height, width); see TransposedConvolution."""

    rank: ClassVar[int] = 2
    axes: ClassVar[str] = "channels, height, width"
    formula: ClassVar[str] = "z[o, i S + u D - P, j S + v D - P] += W[c,o,u,v] x[c,i,j], plus b[o]"
