"""Definition of the activation functions and of softmax, in forms that neither overflow nor cancel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import single_term
from pellucid.layers import (
    ELU,
    Layer,
    LeakyReLU,
    ReLU,
    ScaledTanh,
    Sigmoid,
    Softmax,
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
    """1 - y^2."""
    slope: Array = 1 - y * y
    return slope


def scaled_tanh_value(layer: ScaledTanh, x: Array) -> Array:
    """y = A tanh(S x)."""
    A, S = x.dtype.type(layer.amplitude), x.dtype.type(layer.slope)
    y: Array = A * np.tanh(S * x)
    return y


def scaled_tanh_derivative(layer: ScaledTanh, x: Array, y: Array) -> Array:
    """A S (1 - tanh(S x)^2)."""
    A, S = x.dtype.type(layer.amplitude), x.dtype.type(layer.slope)
    t = y / A
    slope: Array = A * S * (1 - t * t)
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


# ---- softmax


def softmax(z: Array) -> Array:
    """Probabilities over axis 1; the largest z is taken off first, so that exp cannot overflow."""
    # p[k] = exp(z[k]) / sum_j exp(z[j])
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p: Array = e / e.sum(axis=1, keepdims=True)
    return p


def softmax_forward(
    layer: Softmax, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Array]:
    """p = softmax(z) at each position."""
    p = softmax(inputs[0])
    return p, p


def softmax_backward(layer: Softmax, gradient: Array, cache: Array, rule: Rule) -> Backward:
    """dJ/dz[k] = p[k] (dJ/dp[k] - sum_j p[j] dJ/dp[j])."""
    p = cache
    return (p * (gradient - (p * gradient).sum(axis=1, keepdims=True)),), {}


def softmax_terms(layer: Softmax, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """p[k] = 1 / sum_j exp(z[j] - z[k]): one addend a channel."""
    (z,) = inputs
    k, position = cell[0], cell[1:]
    column = np.moveaxis(z, 0, -1)[position]
    with np.errstate(over="ignore"):  # an infinite addend means a probability of 0
        addends = np.exp(column - column[k])
    sources = np.array([(0, j, *position) for j in range(len(column))], np.int64)
    return Terms(addends, sources, float(1 / addends.sum()), function="1 / total")


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
    Softmax: Definition(softmax_forward, softmax_backward, softmax_terms),
}
