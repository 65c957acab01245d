"""Normalisation: by fixed numbers, by the statistics of the batch, of the image or of the neighbourhood."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.geometry import per_axis
from pellucid.layers.layer import ONES, ZEROS, Layer, ParameterSpec, Shape, require, require_rank

__all__ = [
    "BatchNorm",
    "BatchNorm1d",
    "BatchNorm2d",
    "GroupNorm",
    "InstanceNorm",
    "LayerNorm",
    "LocalResponseNorm",
    "Normalize",
]


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
class BatchNorm(Layer):
    """Base of BatchNorm1d and BatchNorm2d: normalisation of each channel (Ioffe & Szegedy 2015, algorithm 1).

    In training the mean and the (biased) variance of the batch and all positions; otherwise the running ones.
    running <- (1 - momentum) running + momentum batch, with the unbiased variance, as PyTorch does.

    Parameters: weight (gamma) and bias (beta), trainable unless affine=False; running_mean, running_var.
    """

    epsilon: float = 1e-5
    momentum: float = 0.1
    affine: bool = True

    label: ClassVar[str] = "norm"

    def __post_init__(self) -> None:
        require(self.epsilon > 0, self.name, "epsilon is greater than 0", self.epsilon)
        require(0 <= self.momentum <= 1, self.name, "momentum is between 0 and 1", self.momentum)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        self.check(inputs[0])
        return inputs[0]

    @abstractmethod
    def check(self, shape: Shape) -> None:
        """Raise LayerError for an input of another rank than the layer is for."""

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


@dataclass(frozen=True)
class BatchNorm1d(BatchNorm):
    """Batch normalisation of features or of the channels of (channels, length); see BatchNorm."""

    formula: ClassVar[str] = "y[c] = gamma[c] (x[c] - mean[c]) / sqrt(var[c] + epsilon) + beta[c]"

    def check(self, shape: Shape) -> None:
        """One axis or two."""
        rule = "expects an input of shape (features) or (channels, length)"
        require(len(shape) in (1, 2), self.name, rule, shape)


@dataclass(frozen=True)
class BatchNorm2d(BatchNorm):
    """Batch normalisation of the channels of (channels, height, width); see BatchNorm."""

    formula: ClassVar[str] = "y[c] = gamma[c] (x[c] - mean[c]) / sqrt(var[c] + epsilon) + beta[c]"

    def check(self, shape: Shape) -> None:
        """Three axes."""
        require_rank(self.name, shape, "channels, height, width")


@dataclass(frozen=True)
class ImageNorm(Layer):
    """Base of the normalisations by the mean and the (biased) variance of parts of one image.

    Parameters: weight (gamma) and bias (beta) unless affine=False.
    """

    epsilon: float = 1e-5
    affine: bool = True

    label: ClassVar[str] = "norm"

    def __post_init__(self) -> None:
        require(self.epsilon > 0, self.name, "epsilon is greater than 0", self.epsilon)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return inputs[0]

    @abstractmethod
    def part(self, shape: Shape) -> int:
        """Neighbouring cells, in the order of an image's array, that are normalised together."""

    def affine_shape(self, shape: Shape) -> Shape:
        """Of gamma and beta: one number a channel."""
        return shape[:1]

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """Scale and shift."""
        shape = self.affine_shape(inputs[0])
        affine = (ParameterSpec("weight", shape, ONES), ParameterSpec("bias", shape, ZEROS))
        return affine if self.affine else ()

    def cost(self, inputs: Sequence[Shape]) -> int:
        """Sum, sum of squares, and one multiply-add a cell."""
        return 3 * math.prod(inputs[0])

    def window(self, inputs: Sequence[Shape]) -> None:
        """The statistics see everything that is normalised together."""


@dataclass(frozen=True)
class GroupNorm(ImageNorm):
    """Groups of neighbouring channels are normalised together (Wu & He 2018).

    Args:
        groups: of channels.
    """

    groups: int = 32

    formula: ClassVar[str] = "y[c] = gamma[c] (x[c] - mean[group]) / sqrt(var[group] + epsilon) + beta[c]"

    def __post_init__(self) -> None:
        super().__post_init__()
        per_axis(self.name, "groups", self.groups, 1, 1)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        rule = f"expects a number of channels that is a multiple of groups = {self.groups}"
        require(inputs[0][0] % self.groups == 0, self.name, rule, inputs[0][0])
        return inputs[0]

    def part(self, shape: Shape) -> int:
        """A group of channels."""
        return math.prod(shape) // self.groups


@dataclass(frozen=True)
class InstanceNorm(ImageNorm):
    """Each channel of each image by itself (Ulyanov et al. 2016), over any spatial axes."""

    formula: ClassVar[str] = "y[c] = gamma[c] (x[c] - mean[c]) / sqrt(var[c] + epsilon) + beta[c]"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        require(len(inputs[0]) >= 2, self.name, "expects an input of shape (channels, ...)", inputs[0])
        return inputs[0]

    def part(self, shape: Shape) -> int:
        """A channel."""
        return math.prod(shape[1:])


@dataclass(frozen=True)
class LayerNorm(ImageNorm):
    """The last axes are normalised together (Ba et al. 2016); gamma and beta are one number a cell of them.

    Args:
        axes: how many; all of them when left out.
    """

    axes: int | None = None

    formula: ClassVar[str] = "y[k] = gamma[k] (x[k] - mean) / sqrt(var + epsilon) + beta[k]"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.axes is not None:
            per_axis(self.name, "axes", self.axes, 1, 1)

    def affine_shape(self, shape: Shape) -> Shape:
        """The axes that are normalised together."""
        return shape if self.axes is None else shape[-self.axes :]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        rule = f"expects an input of at least {self.axes} axes"
        require(self.axes is None or len(inputs[0]) >= self.axes, self.name, rule, inputs[0])
        return inputs[0]

    def part(self, shape: Shape) -> int:
        """The last axes."""
        return math.prod(self.affine_shape(shape))


@dataclass(frozen=True)
class LocalResponseNorm(Layer):
    """Each cell is divided by the activity of neighbouring channels at its position (Krizhevsky et al. 2012).

    Args:
        size: n, how many channels; c - floor(n/2) to c - floor(n/2) + n - 1, as far as they exist.
        alpha: of the sum, divided by n as PyTorch and ONNX do; the paper's 1e-4 is 5e-4 here.
        beta: the exponent.
        k: what is added to the sum.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    label: ClassVar[str] = "lrn"
    formula: ClassVar[str] = "y[c] = x[c] / (k + alpha/n sum_{c' near c} x[c']^2)^beta"

    def __post_init__(self) -> None:
        per_axis(self.name, "size", self.size, 1, 1)
        for rule, value in (("alpha", self.alpha), ("beta", self.beta)):
            require(math.isfinite(value), self.name, f"{rule} is a finite number", value)
        require(math.isfinite(self.k) and self.k > 0, self.name, "k is a number greater than 0", self.k)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return inputs[0]

    def cost(self, inputs: Sequence[Shape]) -> int:
        """A square, its part in the moving sum, and a product a cell."""
        return 3 * math.prod(inputs[0])
