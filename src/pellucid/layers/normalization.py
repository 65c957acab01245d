"""Normalisation: by fixed numbers, or by the statistics of the batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.layer import ONES, ZEROS, Layer, ParameterSpec, Shape, require, require_rank

__all__ = ["BatchNorm2d", "Normalize"]


@dataclass(frozen=True)
class Normalize(Layer):
    """Fixed shift and scale of each channel: what turns pixels in [0, 1] into what a net was trained on.

    It is a node like any other, so that a model carries its own preprocessing and every number can be
    followed through it to the pixels.

    Args:
        mean: one number a channel, or one for all.
        deviation: one number a channel, or one for all; none is 0.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    label: ClassVar[str] = "normalize"
    formula: ClassVar[str] = "y[c] = (x[c] - mean[c]) / deviation[c]"

    def __post_init__(self) -> None:
        require(
            len(self.mean) == len(self.deviation) and len(self.mean) > 0,
            self.name,
            "mean and deviation have the same number of values",
            (self.mean, self.deviation),
        )
        valid = all(math.isfinite(v) for v in self.mean) and all(
            math.isfinite(v) and v != 0 for v in self.deviation
        )
        require(valid, self.name, "values are finite and no deviation is 0", (self.mean, self.deviation))

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        channels = inputs[0][0]
        require(
            len(self.mean) in (1, channels),
            self.name,
            f"expects {len(self.mean)} input channels, one a mean",
            channels,
        )
        return inputs[0]

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One multiply-add a cell."""
        return math.prod(inputs[0])


@dataclass(frozen=True)
class BatchNorm2d(Layer):
    """Batch normalisation of each channel (Ioffe & Szegedy 2015, algorithm 1).

    In training the mean and the (biased) variance of the batch and all positions; otherwise the running ones.
    running <- (1 - momentum) running + momentum batch, with the unbiased variance, as PyTorch does.

    Parameters: weight (gamma) and bias (beta), trainable unless affine=False; running_mean, running_var.
    """

    epsilon: float = 1e-5
    momentum: float = 0.1
    affine: bool = True

    label: ClassVar[str] = "norm"
    formula: ClassVar[str] = "y[c] = gamma[c] (x[c] - mean[c]) / sqrt(var[c] + epsilon) + beta[c]"

    def __post_init__(self) -> None:
        require(self.epsilon > 0, self.name, "epsilon is greater than 0", self.epsilon)
        require(0 <= self.momentum <= 1, self.name, "momentum is between 0 and 1", self.momentum)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        require_rank(self.name, inputs[0], "channels, height, width")
        return inputs[0]

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """Scale and shift, and the running statistics, one number a channel each."""
        shape = inputs[0][:1]
        affine = (ParameterSpec("weight", shape, ONES), ParameterSpec("bias", shape, ZEROS))
        running = (
            ParameterSpec("running_mean", shape, ZEROS, "buffer"),
            ParameterSpec("running_var", shape, ONES, "buffer"),
        )
        return (*affine, *running) if self.affine else running

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One multiply-add a cell (statistics folded into scale and shift)."""
        return math.prod(inputs[0])
