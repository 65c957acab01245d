"""Activations, as layers of their own or by name in another layer's configuration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.formats.keras.reader import LayerReader, Value
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
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)

NAMED: dict[str, Layer | None] = {
    "linear": None,
    "elu": ELU(),
    "gelu": GELU(),
    "hard_silu": Hardswish(),
    "hard_swish": Hardswish(),
    "hard_tanh": Clip(-1.0, 1.0),
    "leaky_relu": LeakyReLU(0.2),
    "log_softmax": LogSoftmax(),
    "mish": Mish(),
    "relu": ReLU(),
    "relu6": ReLU6(),
    "selu": SELU(),
    "sigmoid": Sigmoid(),
    "silu": SiLU(),
    "softmax": Softmax(),
    "softplus": Softplus(),
    "swish": SiLU(),
    "tanh": Tanh(),
}
"""Functions by Keras's names; None for the identity."""


def activated(layer: LayerReader, value: Value) -> Value:
    """A layer's result through the activation that its configuration names."""
    name = _name(layer)
    return value if name == "linear" else _apply(layer, name, value, f"_{name}")


def _name(layer: LayerReader) -> str:
    """Of the function: a text, or an object that holds one."""
    value = layer.call.config.get("activation")
    while isinstance(value, dict):
        value = value.get("config") if value.get("class_name") == "function" else value.get("class_name")
    if value is None:
        return "linear"
    if not isinstance(value, str):
        raise layer.refuse(f"the activation {value!r:.60} is not known by a name")
    return value


def _apply(layer: LayerReader, name: str, value: Value, suffix: str) -> Value:
    if name == "hard_sigmoid":
        # Keras 3 has the slope 1/6; Keras 2 and TensorFlow.js had 0.2.
        modern = "module" in layer.call.config or isinstance(layer.call.config.get("dtype"), dict)
        return same(layer, Hardsigmoid() if modern else Hardsigmoid(0.2), value, suffix)
    if name not in NAMED:
        raise layer.refuse(f"the activation {name} is not supported; supported: {', '.join(NAMED)}")
    function = NAMED[name]
    return value if function is None else same(layer, function, value, suffix)


def same(layer: LayerReader, function: Layer, value: Value, suffix: str = "") -> Value:
    """A layer that treats each cell alone: the order of the cells stays what it was."""
    if value.maps is not None and isinstance(function, Softmax | LogSoftmax):
        value = layer.translation.in_keras_order(value, layer.name)
    result = layer.add(function, value, suffix=suffix)
    return Value(result.node, result.shape, value.maps)


def activation(layer: LayerReader, inputs: list[Value]) -> Value:
    """Activation("relu")."""
    return _apply(layer, _name(layer), inputs[0], "")


def relu(layer: LayerReader, inputs: list[Value]) -> Value:
    """ReLU, with its largest value and negative slope."""
    slope = layer.number("negative_slope", layer.number("alpha", 0.0))
    largest = layer.call.config.get("max_value")
    if layer.number("threshold", layer.number("theta", 0.0)) != 0:
        raise layer.refuse("a threshold other than 0 is not supported")
    if largest is None:
        return same(layer, LeakyReLU(slope) if slope else ReLU(), inputs[0])
    if slope:
        raise layer.refuse("a largest value with a negative slope is not supported")
    bound = layer.number("max_value")
    return same(layer, ReLU6() if bound == 6 else Clip(0.0, bound), inputs[0])


def leaky_relu(layer: LayerReader, inputs: list[Value]) -> Value:
    """LeakyReLU; 0.3 is Keras's slope."""
    return same(layer, LeakyReLU(layer.number("negative_slope", layer.number("alpha", 0.3))), inputs[0])


def elu(layer: LayerReader, inputs: list[Value]) -> Value:
    """ELU."""
    return same(layer, ELU(layer.number("alpha", 1.0)), inputs[0])


def softmax(layer: LayerReader, inputs: list[Value]) -> Value:
    """Softmax over the channels."""
    axis = layer.integer("axis", -1)
    if layer.translation.axis(axis, len(inputs[0].shape)) != 0:
        raise layer.refuse("a softmax over another axis than the channels is not supported")
    return same(layer, Softmax(), inputs[0])


def prelu(layer: LayerReader, inputs: list[Value]) -> Value:
    """PReLU with one slope a channel, or one in all."""
    (alpha,) = layer.arrays("alpha")
    (value,) = inputs
    rank = len(value.shape)
    if alpha.ndim != rank:
        raise layer.refuse(f"slopes of {rank} axes are expected, received {alpha.shape}")
    if value.maps is not None:
        value = layer.translation.in_keras_order(value, layer.name)
    axis = 0 if layer.translation.channels_first else rank - 1
    slopes = np.moveaxis(alpha, axis, 0)
    slopes = slopes.reshape(len(slopes), -1)[:, 0]
    spread = slopes.reshape(*(-1 if number == axis else 1 for number in range(rank)))
    if not np.array_equal(np.broadcast_to(spread, alpha.shape), alpha):
        raise layer.refuse("a slope for every cell is not supported; share it along the positions")
    return layer.add(PReLU(shared=alpha.size == 1), value, parameters={"weight": slopes})


Row = Callable[[LayerReader, list[Value]], Value]

ROWS: dict[str, Row] = {
    "Activation": activation,
    "ELU": elu,
    "LeakyReLU": leaky_relu,
    "PReLU": prelu,
    "ReLU": relu,
    "Softmax": softmax,
}
