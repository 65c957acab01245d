"""Rows of the normalisations and of dropout."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.formats.onnx_export.writer import KIND, Place
from pellucid.layers import (
    BatchNorm1d,
    BatchNorm2d,
    Dropout,
    Dropout2d,
    GroupNorm,
    InstanceNorm,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    Normalize,
    Shape,
    StochasticDepth,
)


def _normalize(place: Place) -> str:
    layer: Any = place.layer
    shape = (-1, *(1,) * (len(place.shape) - 1))
    mean, deviation = (
        place.constant(np.array(numbers, np.float32).reshape(shape))
        for numbers in (layer.mean, layer.deviation)
    )
    return place.result("Div", place.step("Sub", place.inputs[0], mean), deviation)


def _affine(place: Place, shape: Shape) -> tuple[str, str]:
    """Gamma and beta; ones and zeros where the layer has none."""
    layer: Any = place.layer
    if layer.affine:
        return place.weight("weight"), place.weight("bias")
    return place.constant(np.ones(shape, np.float32)), place.constant(np.zeros(shape, np.float32))


def _batch_norm(place: Place) -> str:
    layer: Any = place.layer
    gamma, beta = _affine(place, place.shape[:1])
    statistics = place.weight("running_mean"), place.weight("running_var")
    return place.result(
        "BatchNormalization",
        place.inputs[0],
        gamma,
        beta,
        *statistics,
        epsilon=layer.epsilon,
        momentum=1 - layer.momentum,
    )


def _instance_norm(place: Place) -> str:
    layer: Any = place.layer
    gamma, beta = _affine(place, place.shape[:1])
    return place.result("InstanceNormalization", place.inputs[0], gamma, beta, epsilon=layer.epsilon)


def _group_norm(place: Place) -> str:
    """Every group as one channel of an instance norm."""
    layer: Any = place.layer
    ones, zeros = (place.constant(np.full(layer.groups, n, np.float32)) for n in (1, 0))
    groups = place.reshaped(place.inputs[0], layer.groups, -1)
    normalised = place.step("InstanceNormalization", groups, ones, zeros, epsilon=layer.epsilon)
    if not layer.affine:
        return place.result("Reshape", normalised, place.integers(0, *place.shape))
    shape = (1, -1, *(1,) * (len(place.shape) - 1))
    gamma, beta = (place.weight(name, place.values(name).reshape(shape)) for name in ("weight", "bias"))
    scaled = place.step("Mul", place.reshaped(normalised, *place.shape), gamma)
    return place.result("Add", scaled, beta)


def _layer_norm(place: Place) -> str:
    layer: Any = place.layer
    shape = layer.affine_shape(place.shape)
    gamma, beta = _affine(place, shape)
    return place.result(
        "LayerNormalization", place.inputs[0], gamma, beta, axis=-len(shape), epsilon=layer.epsilon
    )


def _local_response_norm(place: Place) -> str:
    """LRN; written out for an even number of channels, whose middle is elsewhere, or more than there are."""
    layer: Any = place.layer
    x = place.inputs[0]
    if layer.size % 2 and layer.size <= place.shape[0] and len(place.shape) > 1:
        return place.result("LRN", x, alpha=layer.alpha, beta=layer.beta, bias=layer.k, size=layer.size)
    squares = place.reshaped(place.step("Mul", x, x), 1, place.shape[0], math.prod(place.shape[1:]))
    before, after = layer.size // 2, (layer.size - 1) // 2
    longer = place.step("Pad", squares, place.integers(0, 0, before, 0, 0, 0, after, 0))
    means = place.step("AveragePool", longer, kernel_shape=[layer.size, 1], strides=[1, 1])
    scaled = place.step("Mul", place.reshaped(means, *place.shape), place.constant(layer.alpha))
    power = place.step("Pow", place.step("Add", scaled, place.constant(layer.k)), place.constant(layer.beta))
    return place.result("Div", x, power)


def _dropout(place: Place) -> str:
    layer: Any = place.layer
    metadata = None if isinstance(layer, Dropout) else {KIND: layer.name}
    return place.result("Dropout", place.inputs[0], place.constant(np.float32(layer.rate)), metadata=metadata)


ROWS: dict[type[Layer], Callable[[Place], str]] = {
    BatchNorm1d: _batch_norm,
    BatchNorm2d: _batch_norm,
    Dropout: _dropout,
    Dropout2d: _dropout,
    GroupNorm: _group_norm,
    InstanceNorm: _instance_norm,
    LayerNorm: _layer_norm,
    LocalResponseNorm: _local_response_norm,
    Normalize: _normalize,
    StochasticDepth: _dropout,
}
