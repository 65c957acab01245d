"""Activation functions: one cell in, one cell out; and softmax, which couples the channels of a position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.layer import Layer, Shape, require

__all__ = [
    "ELU",
    "Activation",
    "LeakyReLU",
    "ReLU",
    "ScaledTanh",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]


@dataclass(frozen=True)
class Activation(Layer):
    """Base of the functions that act on each cell alone."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return inputs[0]


@dataclass(frozen=True)
class Sigmoid(Activation):
    """Logistic function; derivative y (1 - y)."""

    label: ClassVar[str] = "sigmoid"
    formula: ClassVar[str] = "y = 1 / (1 + exp(-x))"


@dataclass(frozen=True)
class Tanh(Activation):
    """Hyperbolic tangent, 2 sigmoid(2x) - 1; derivative 1 - y^2."""

    label: ClassVar[str] = "tanh"
    formula: ClassVar[str] = "y = tanh(x)"


@dataclass(frozen=True)
class ScaledTanh(Activation):
    """LeNet-5's squashing function A tanh(S x) (LeCun et al. 1998, appendix A)."""

    amplitude: float = 1.7159
    slope: float = 2 / 3

    label: ClassVar[str] = "tanh"
    formula: ClassVar[str] = "y = A tanh(S x)"

    def __post_init__(self) -> None:
        for rule, value in (("amplitude", self.amplitude), ("slope", self.slope)):
            require(
                math.isfinite(value) and value > 0, self.name, f"{rule} is a number greater than 0", value
            )


@dataclass(frozen=True)
class ReLU(Activation):
    """Rectifier; derivative 1 where x > 0, else 0."""

    label: ClassVar[str] = "relu"
    formula: ClassVar[str] = "y = max(0, x)"


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """Rectifier that lets negative_slope of the negative side through."""

    negative_slope: float = 0.01

    label: ClassVar[str] = "relu"
    formula: ClassVar[str] = "y = x if x > 0 else a x"

    def __post_init__(self) -> None:
        valid = math.isfinite(self.negative_slope) and self.negative_slope >= 0
        require(valid, self.name, "negative_slope is a number of at least 0", self.negative_slope)


@dataclass(frozen=True)
class ELU(Activation):
    """Exponential linear unit (Clevert et al. 2016)."""

    alpha: float = 1.0

    label: ClassVar[str] = "elu"
    formula: ClassVar[str] = "y = x if x > 0 else alpha (exp(x) - 1)"

    def __post_init__(self) -> None:
        valid = math.isfinite(self.alpha) and self.alpha > 0
        require(valid, self.name, "alpha is a number greater than 0", self.alpha)


@dataclass(frozen=True)
class Softplus(Activation):
    """Smooth rectifier; derivative sigmoid(x)."""

    label: ClassVar[str] = "softplus"
    formula: ClassVar[str] = "y = log(1 + exp(x))"


@dataclass(frozen=True)
class Softmax(Layer):
    """Probabilities over the channels (the first axis), at each position apart."""

    label: ClassVar[str] = "softmax"
    formula: ClassVar[str] = "y[k] = exp(x[k]) / sum_j exp(x[j])"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return inputs[0]
