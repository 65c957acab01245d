"""Activation functions: one cell in, one cell out; and softmax, which couples the channels of a position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pellucid.layers.geometry import per_axis
from pellucid.layers.layer import Initializer, Layer, ParameterSpec, Shape, require

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "Clip",
    "Hardsigmoid",
    "Hardswish",
    "LeakyReLU",
    "LogSoftmax",
    "Maxout",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "ScaledTanh",
    "SiLU",
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
class SELU(Activation):
    """Self-normalising ELU with the paper's two constants (Klambauer et al. 2017)."""

    ALPHA: ClassVar[float] = 1.6732632423543772
    SCALE: ClassVar[float] = 1.0507009873554805

    label: ClassVar[str] = "selu"
    formula: ClassVar[str] = "y = 1.0507 (x if x > 0 else 1.6733 (exp(x) - 1))"


@dataclass(frozen=True)
class GELU(Activation):
    """Gaussian error linear unit (Hendrycks & Gimpel 2016).

    Args:
        approximate: "tanh" for the paper's approximation 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
    """

    approximate: Literal["none", "tanh"] = "none"

    label: ClassVar[str] = "gelu"
    formula: ClassVar[str] = "y = x Phi(x) = x/2 (1 + erf(x / sqrt(2)))"

    def __post_init__(self) -> None:
        valid = self.approximate in ("none", "tanh")
        require(valid, self.name, "approximate is one of none, tanh", self.approximate)


@dataclass(frozen=True)
class SiLU(Activation):
    """Sigmoid linear unit, also called swish (Elfwing et al. 2018)."""

    label: ClassVar[str] = "silu"
    formula: ClassVar[str] = "y = x / (1 + exp(-x))"


@dataclass(frozen=True)
class Mish(Activation):
    """Misra 2020."""

    label: ClassVar[str] = "mish"
    formula: ClassVar[str] = "y = x tanh(log(1 + exp(x)))"


@dataclass(frozen=True)
class Hardsigmoid(Activation):
    """A line between 0 and 1; derivative slope inside, 0 outside.

    Args:
        slope: of the line; 1/6 as in MobileNetV3 and PyTorch, 0.2 in older Keras and as ONNX's default.
        offset: its value at 0.
    """

    slope: float = 1 / 6
    offset: float = 0.5

    label: ClassVar[str] = "sigmoid"
    formula: ClassVar[str] = "y = min(max(slope x + offset, 0), 1)"

    def __post_init__(self) -> None:
        for rule, value in (("slope", self.slope), ("offset", self.offset)):
            require(math.isfinite(value), self.name, f"{rule} is a finite number", value)


@dataclass(frozen=True)
class Hardswish(Activation):
    """x times a hard sigmoid of slope 1/6 (Howard et al. 2019, MobileNetV3)."""

    label: ClassVar[str] = "swish"
    formula: ClassVar[str] = "y = x min(max(x / 6 + 1/2, 0), 1)"


@dataclass(frozen=True)
class ReLU6(Activation):
    """Rectifier that ends at 6; derivative 1 where 0 < x < 6, else 0."""

    label: ClassVar[str] = "relu"
    formula: ClassVar[str] = "y = min(max(0, x), 6)"


@dataclass(frozen=True)
class Clip(Activation):
    """Numbers kept between two bounds; derivative 1 strictly between them, else 0.

    Args:
        minimum, maximum: the bounds; None for no bound.
    """

    minimum: float | None = None
    maximum: float | None = None

    label: ClassVar[str] = "clip"
    formula: ClassVar[str] = "y = min(max(x, minimum), maximum)"

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.minimum, self.maximum) if bound is not None]
        valid = all(math.isfinite(bound) for bound in bounds) and sorted(bounds) == bounds
        require(valid, self.name, "minimum is at most maximum, both finite", (self.minimum, self.maximum))


@dataclass(frozen=True)
class PReLU(Layer):
    """Rectifier whose negative slope is learned (He et al. 2015).

    Args:
        shared: one slope for all channels instead of one a channel.

    Parameters: weight (channels,) or (1,), from 0.25.
    """

    shared: bool = False

    label: ClassVar[str] = "prelu"
    formula: ClassVar[str] = "y = x if x > 0 else a[c] x"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return inputs[0]

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """The slopes; weight decay would push them towards ReLU, so there is none (He et al. 2015)."""
        count = 1 if self.shared else inputs[0][0]
        return (ParameterSpec("weight", (count,), Initializer("constant", value=0.25)),)


@dataclass(frozen=True)
class Maxout(Layer):
    """The largest of neighbouring channels, `pieces` at a time (Goodfellow et al. 2013).

    On ties the first channel receives the gradient. With a convolution or a linear layer of `pieces` times as
    many outputs before it, it is the paper's unit.
    """

    pieces: int = 2

    label: ClassVar[str] = "maxout"
    formula: ClassVar[str] = "y[c] = max_{k < pieces} x[c pieces + k]"

    def __post_init__(self) -> None:
        per_axis(self.name, "pieces", self.pieces, 1, 1)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(channels, ...) to (channels / pieces, ...)."""
        channels = inputs[0][0]
        rule = f"expects a number of channels that is a multiple of pieces = {self.pieces}"
        require(channels % self.pieces == 0, self.name, rule, channels)
        return (channels // self.pieces, *inputs[0][1:])


@dataclass(frozen=True)
class Softmax(Layer):
    """Probabilities over the channels (the first axis), at each position apart."""

    label: ClassVar[str] = "softmax"
    formula: ClassVar[str] = "y[k] = exp(x[k]) / sum_j exp(x[j])"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return inputs[0]


@dataclass(frozen=True)
class LogSoftmax(Layer):
    """Logarithms of the probabilities over the channels (the first axis), at each position apart."""

    label: ClassVar[str] = "logsoftmax"
    formula: ClassVar[str] = "y[k] = x[k] - log sum_j exp(x[j])"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return inputs[0]
