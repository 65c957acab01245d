"""Trainable subsampling, the ancestor of pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.geometry import Axes, per_axis, windows
from pellucid.layers.layer import ZEROS, AxisWindow, Initializer, Layer, ParameterSpec, Shape, require_rank

__all__ = ["Subsample2d"]


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
