"""Definition of the functions that act on each cell alone, in forms that neither overflow nor cancel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import single_term
from pellucid.layers import (
    ELU,
    GELU,
    SELU,
    Clip,
    Hardsigmoid,
    Hardswish,
    Layer,
    LeakyReLU,
    Mish,
    ReLU,
    ReLU6,
    ScaledTanh,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)

Value = Callable[[Any, Array], Array]
"""(layer, x) to y."""
Derivative = Callable[[Any, Array, Array], Array]
"""(layer, x, y) to dy/dx."""


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), written with exp(-|x|), which cannot overflow."""
    e = np.exp(-np.abs(x))
    y: Array = np.where(x >= 0, 1 / (1 + e), e / (1 + e))
    return y


def sigmoid_value(layer: Sigmoid, x: Array) -> Array:
    """y = 1 / (1 + exp(-x))."""
    return sigmoid(x)


def sigmoid_derivative(layer: Sigmoid, x: Array, y: Array) -> Array:
    """y (1 - y)."""
    slope: Array = y * (1 - y)
    return slope


def tanh_value(layer: Tanh, x: Array) -> Array:
    """y = tanh(x)."""
    return np.tanh(x)


def tanh_derivative(layer: Tanh, x: Array, y: Array) -> Array:
    """1 - y^2 = (1 - y) (1 + y), which keeps its digits where y is almost 1."""
    slope: Array = (1 - y) * (1 + y)
    return slope


def scaled_tanh_value(layer: ScaledTanh, x: Array) -> Array:
    """y = A tanh(S x)."""
    A, S = x.dtype.type(layer.amplitude), x.dtype.type(layer.slope)
    y: Array = A * np.tanh(S * x)
    return y


def scaled_tanh_derivative(layer: ScaledTanh, x: Array, y: Array) -> Array:
    """A S (1 - tanh(S x)^2) = S / A (A - y) (A + y)."""
    A, S = x.dtype.type(layer.amplitude), x.dtype.type(layer.slope)
    slope: Array = S / A * (A - y) * (A + y)
    return slope


def relu_value(layer: ReLU, x: Array) -> Array:
    """y = max(0, x); a NaN stays a NaN."""
    return np.maximum(x, 0)


def leaky_relu_value(layer: LeakyReLU, x: Array) -> Array:
    """y = x if x > 0 else a x."""
    negative: Array = x.dtype.type(layer.negative_slope) * x
    return np.where(x > 0, x, negative)


def leaky_relu_derivative(layer: LeakyReLU, x: Array, y: Array) -> Array:
    """1 if x > 0 else a."""
    slope: Array = np.where(x > 0, x.dtype.type(1), x.dtype.type(layer.negative_slope))
    return slope


def elu_value(layer: ELU, x: Array) -> Array:
    """y = x if x > 0 else alpha (exp(x) - 1)."""
    negative: Array = x.dtype.type(layer.alpha) * np.expm1(np.minimum(x, 0))
    return np.where(x > 0, x, negative)


def elu_derivative(layer: ELU, x: Array, y: Array) -> Array:
    """1 if x > 0 else alpha exp(x) = y + alpha."""
    slope: Array = np.where(x > 0, x.dtype.type(1), y + x.dtype.type(layer.alpha))
    return slope


def softplus_value(layer: Softplus, x: Array) -> Array:
    """y = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    y: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return y


def softplus_derivative(layer: Softplus, x: Array, y: Array) -> Array:
    """sigmoid(x)."""
    return sigmoid(x)


def selu_value(layer: SELU, x: Array) -> Array:
    """y = lambda x if x > 0 else lambda alpha (exp(x) - 1)."""
    scale, lowest = x.dtype.type(layer.SCALE), x.dtype.type(layer.SCALE * layer.ALPHA)
    y: Array = np.where(x > 0, scale * x, lowest * np.expm1(np.minimum(x, 0)))
    return y


def selu_derivative(layer: SELU, x: Array, y: Array) -> Array:
    """lambda if x > 0 else lambda alpha exp(x) = y + lambda alpha."""
    scale, lowest = x.dtype.type(layer.SCALE), x.dtype.type(layer.SCALE * layer.ALPHA)
    slope: Array = np.where(x > 0, scale, y + lowest)
    return slope


def silu_value(layer: SiLU, x: Array) -> Array:
    """y = x s, s = sigmoid(x)."""
    y: Array = x * sigmoid(x)
    return y


def silu_derivative(layer: SiLU, x: Array, y: Array) -> Array:
    """s (1 + x (1 - s))."""
    s = sigmoid(x)
    slope: Array = s * (1 + x * (1 - s))
    return slope


def _normal_distribution(x: Array) -> Array:
    """Phi(x) = erfc(-x / sqrt(2)) / 2, which keeps its digits on the negative side too."""
    from scipy.special import erfc

    probability: Array = erfc(-x * x.dtype.type(0.5**0.5)) / 2
    return probability


def _gelu_argument(x: Array) -> tuple[Array, Array]:
    """u = sqrt(2 / pi) (x + 0.044715 x^3), and du/dx; x cut off where tanh(u) is 1 by far."""
    c, k = x.dtype.type((2 / math.pi) ** 0.5), x.dtype.type(0.044715)
    x = np.clip(x, -20, 20)
    return c * (x + k * x**3), c * (1 + 3 * k * x**2)


def gelu_value(layer: GELU, x: Array) -> Array:
    """y = x Phi(x), or x (1 + tanh(u)) / 2 = x sigmoid(2 u)."""
    share = _normal_distribution(x) if layer.approximate == "none" else sigmoid(2 * _gelu_argument(x)[0])
    y: Array = x * share
    return y


def gelu_derivative(layer: GELU, x: Array, y: Array) -> Array:
    """Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi), or s + 2 x s (1 - s) du/dx with s = sigmoid(2 u)."""
    slope: Array
    if layer.approximate == "none":
        density = np.exp(-x * x / 2) * x.dtype.type((2 * math.pi) ** -0.5)
        slope = _normal_distribution(x) + x * density
    else:
        u, du = _gelu_argument(x)
        s = sigmoid(2 * u)
        slope = s + 2 * x * s * (1 - s) * du
    return slope


def _mish_share(x: Array) -> Array:
    """t = tanh(log(1 + exp(x))) = n / (n + 2), n = e (e + 2), e = exp(x); 1 from 20 on."""
    e = np.exp(np.minimum(x, 20))
    n = e * (e + 2)
    t: Array = n / (n + 2)
    return t


def mish_value(layer: Mish, x: Array) -> Array:
    """y = x t."""
    y: Array = x * _mish_share(x)
    return y


def mish_derivative(layer: Mish, x: Array, y: Array) -> Array:
    """t + x (1 - t^2) sigmoid(x)."""
    t = _mish_share(x)
    slope: Array = t + x * (1 - t * t) * sigmoid(x)
    return slope


def hardsigmoid_value(layer: Hardsigmoid, x: Array) -> Array:
    """y = min(max(slope x + offset, 0), 1)."""
    y: Array = np.clip(x.dtype.type(layer.slope) * x + x.dtype.type(layer.offset), 0, 1)
    return y


def hardsigmoid_derivative(layer: Hardsigmoid, x: Array, y: Array) -> Array:
    """slope where 0 < y < 1, else 0."""
    slope: Array = np.where((y > 0) & (y < 1), x.dtype.type(layer.slope), x.dtype.type(0))
    return slope


def hardswish_value(layer: Hardswish, x: Array) -> Array:
    """y = x min(max(x / 6 + 1/2, 0), 1)."""
    y: Array = x * np.clip(x / 6 + x.dtype.type(0.5), 0, 1)
    return y


def hardswish_derivative(layer: Hardswish, x: Array, y: Array) -> Array:
    """0 up to -3, x / 3 + 1/2, 1 from 3 on."""
    slope: Array = np.where(
        x <= -3, x.dtype.type(0), np.where(x >= 3, x.dtype.type(1), x / 3 + x.dtype.type(0.5))
    )
    return slope


def _bounds(layer: Clip | ReLU6, x: Array) -> tuple[Any, Any]:
    if isinstance(layer, ReLU6):
        return x.dtype.type(0), x.dtype.type(6)
    lowest = -math.inf if layer.minimum is None else layer.minimum
    highest = math.inf if layer.maximum is None else layer.maximum
    return x.dtype.type(lowest), x.dtype.type(highest)


def clip_value(layer: Clip | ReLU6, x: Array) -> Array:
    """y = min(max(x, minimum), maximum); a NaN stays a NaN."""
    y: Array = np.clip(x, *_bounds(layer, x))
    return y


def clip_derivative(layer: Clip | ReLU6, x: Array, y: Array) -> Array:
    """1 strictly between the bounds, else 0."""
    lowest, highest = _bounds(layer, x)
    slope: Array = ((x > lowest) & (x < highest)).astype(x.dtype)
    return slope


def _clip_text(layer: Clip) -> str:
    lowest = "total" if layer.minimum is None else f"max(total, {layer.minimum})"
    return lowest if layer.maximum is None else f"min({lowest}, {layer.maximum})"


def _gelu_text(layer: GELU) -> str:
    if layer.approximate == "none":
        return "total / 2 * (1 + erf(total / sqrt(2)))"
    return "total / 2 * (1 + tanh(sqrt(2 / pi) * (total + 0.044715 * total**3)))"


def _forward(value: Value) -> Callable[..., tuple[Array, tuple[Array, Array]]]:
    def forward(
        layer: Layer, inputs: Sequence[Array], parameters: ShortNames, context: Context
    ) -> tuple[Array, tuple[Array, Array]]:
        # a = sigma(z)
        (x,) = inputs
        y = value(layer, x)
        return y, (x, y)

    return forward


def _backward(derivative: Derivative) -> Callable[..., Backward]:
    def backward(layer: Layer, gradient: Array, cache: tuple[Array, Array], rule: Rule) -> Backward:
        # delta = sigma'(z) dJ/da
        x, y = cache
        return (gradient * derivative(layer, x, y),), {}

    return backward


def relu_backward(layer: ReLU, gradient: Array, cache: tuple[Array, Array], rule: Rule) -> Backward:
    """Where x > 0 (gradient), where dJ/dy > 0 (deconvnet), where both are (guided); 0 elsewhere."""
    x, _ = cache
    passes = {
        Rule.GRADIENT: x > 0,
        Rule.DECONVNET: gradient > 0,
        Rule.GUIDED: (x > 0) & (gradient > 0),
    }[rule]
    return (np.where(passes, gradient, gradient.dtype.type(0)),), {}


def _terms(value: Value, function: Callable[[Any], str]) -> Callable[..., Terms]:
    def terms(layer: Layer, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
        (x,) = inputs
        y = value(layer, np.array([x[cell]], x.dtype))
        return single_term(x, cell, float(y[0]), function(layer))

    return terms


def _definition(value: Value, derivative: Derivative, function: Callable[[Any], str]) -> Definition:
    """An activation function from its value, its derivative and its value in words."""
    return Definition(_forward(value), _backward(derivative), _terms(value, function))


DEFINITIONS: dict[type[Layer], Definition] = {
    Sigmoid: _definition(sigmoid_value, sigmoid_derivative, lambda layer: "1 / (1 + exp(-total))"),
    Tanh: _definition(tanh_value, tanh_derivative, lambda layer: "tanh(total)"),
    ScaledTanh: _definition(
        scaled_tanh_value,
        scaled_tanh_derivative,
        lambda layer: f"{layer.amplitude} * tanh({layer.slope} * total)",
    ),
    ReLU: Definition(_forward(relu_value), relu_backward, _terms(relu_value, lambda layer: "max(0, total)")),
    LeakyReLU: _definition(
        leaky_relu_value,
        leaky_relu_derivative,
        lambda layer: f"total if total > 0 else {layer.negative_slope} * total",
    ),
    ELU: _definition(
        elu_value,
        elu_derivative,
        lambda layer: f"total if total > 0 else {layer.alpha} * (exp(total) - 1)",
    ),
    Softplus: _definition(softplus_value, softplus_derivative, lambda layer: "log(1 + exp(total))"),
    SELU: _definition(
        selu_value,
        selu_derivative,
        lambda layer: f"{layer.SCALE} * (total if total > 0 else {layer.ALPHA} * (exp(total) - 1))",
    ),
    GELU: _definition(gelu_value, gelu_derivative, _gelu_text),
    SiLU: _definition(silu_value, silu_derivative, lambda layer: "total / (1 + exp(-total))"),
    Mish: _definition(mish_value, mish_derivative, lambda layer: "total * tanh(log(1 + exp(total)))"),
    Hardsigmoid: _definition(
        hardsigmoid_value,
        hardsigmoid_derivative,
        lambda layer: f"min(max({layer.slope} * total + {layer.offset}, 0), 1)",
    ),
    Hardswish: _definition(
        hardswish_value, hardswish_derivative, lambda layer: "total * min(max(total / 6 + 1 / 2, 0), 1)"
    ),
    ReLU6: _definition(clip_value, clip_derivative, lambda layer: "min(max(0, total), 6)"),
    Clip: _definition(clip_value, clip_derivative, _clip_text),
}
