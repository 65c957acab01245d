"""Rows of the activation functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.formats.onnx_export.writer import Place
from pellucid.layers import (
    ELU,
    GELU,
    SELU,
    Clip,
    Hardsigmoid,
    Hardswish,
    Layer,
    LeakyReLU,
    LogSoftmax,
    Maxout,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    ScaledTanh,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)


def _same(kind: str, **attributes: float | str) -> Callable[[Place], str]:
    """ONNX has the layer under this name; attributes are numbers, or the layer's fields by name."""

    def row(place: Place) -> str:
        values: dict[str, Any] = {
            name: getattr(place.layer, value) if isinstance(value, str) else value
            for name, value in attributes.items()
        }
        return place.result(kind, place.inputs[0], **values)

    return row


def _clip(place: Place, low: float | None, high: float | None) -> str:
    bounds = ["" if bound is None else place.constant(np.float32(bound)) for bound in (low, high)]
    while bounds and not bounds[-1]:
        bounds.pop()
    return place.result("Clip", place.inputs[0], *bounds)


def _scaled_tanh(place: Place) -> str:
    layer: Any = place.layer
    scaled = place.step("Mul", place.inputs[0], place.constant(layer.slope))
    return place.result("Mul", place.step("Tanh", scaled), place.constant(layer.amplitude))


def _gelu(place: Place) -> str:
    """x/2 (1 + erf(x / sqrt(2))), or the approximation with tanh."""
    layer, x = place.layer, place.inputs[0]
    if isinstance(layer, GELU) and layer.approximate == "tanh":
        cube = place.step("Mul", place.step("Mul", place.step("Mul", x, x), x), place.constant(0.044715))
        inner = place.step("Mul", place.step("Add", x, cube), place.constant(math.sqrt(2 / math.pi)))
        curve = place.step("Tanh", inner)
    else:
        curve = place.step("Erf", place.step("Div", x, place.constant(math.sqrt(2))))
    grown = place.step("Add", curve, place.constant(1.0))
    return place.result("Mul", place.step("Mul", x, grown), place.constant(0.5))


def _silu(place: Place) -> str:
    return place.result("Mul", place.inputs[0], place.step("Sigmoid", place.inputs[0]))


def _mish(place: Place) -> str:
    curve = place.step("Tanh", place.step("Softplus", place.inputs[0]))
    return place.result("Mul", place.inputs[0], curve)


def _prelu(place: Place) -> str:
    slopes = place.values("weight").reshape(-1, *(1,) * (len(place.shape) - 1))
    return place.result("PRelu", place.inputs[0], place.weight("weight", slopes))


def _maxout(place: Place) -> str:
    """A maximum over neighbouring channels, as a pooling of (pieces, positions)."""
    pieces = place.shapes[0][0] // place.shape[0]
    maps = place.reshaped(place.inputs[0], place.shape[0], pieces, math.prod(place.shape[1:]))
    largest = place.step("MaxPool", maps, kernel_shape=[pieces, 1], strides=[1, 1])
    return place.result("Reshape", largest, place.integers(0, *place.shape))


def _bounds(place: Place) -> str:
    layer: Any = place.layer
    return _clip(place, layer.minimum, layer.maximum)


ROWS: dict[type[Layer], Callable[[Place], str]] = {
    Clip: _bounds,
    ELU: _same("Elu", alpha="alpha"),
    GELU: _gelu,
    Hardsigmoid: _same("HardSigmoid", alpha="slope", beta="offset"),
    Hardswish: _same("HardSwish"),
    LeakyReLU: _same("LeakyRelu", alpha="negative_slope"),
    LogSoftmax: _same("LogSoftmax", axis=1),
    Maxout: _maxout,
    Mish: _mish,
    PReLU: _prelu,
    ReLU: _same("Relu"),
    ReLU6: lambda place: _clip(place, 0.0, 6.0),
    SELU: _same("Selu", alpha=SELU.ALPHA, gamma=SELU.SCALE),
    ScaledTanh: _scaled_tanh,
    SiLU: _silu,
    Sigmoid: _same("Sigmoid"),
    Softmax: _same("Softmax", axis=1),
    Softplus: _same("Softplus"),
    Tanh: _same("Tanh"),
}
