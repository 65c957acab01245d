"""Rows of the normalisations, of dropout and of softmax."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.formulas import shortest
from pellucid.formats.onnx_import.values import Activation, Value
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
    StochasticDepth,
    Transpose,
)


def _affine(call: Call, gamma: int, beta: int) -> bool:
    """Whether gamma and beta are weights, rather than the ones and zeros of a layer that has none."""
    pairs = [(call.constant(index), number) for index, number in ((gamma, 1), (beta, 0)) if call.has(index)]
    made_up = all(not value.stored or value.name.startswith("val_") for value, _ in pairs)
    return not (made_up and all(np.all(value.array() == number) for value, number in pairs))


def batch_norm(call: Call) -> list[Value]:
    """BatchNormalization, in the form for inference or for training."""
    x = call.activation()
    call.require(len(x.shape) in (1, 2, 3), f"a batch norm of {len(x.shape)} axes an image")
    call.require(call.integer("spatial", 1) == 1, "its statistics are kept for every position (spatial = 0)")
    kind = BatchNorm2d if len(x.shape) == 3 else BatchNorm1d
    momentum = round(1 - call.real("momentum", 0.9), 6)  # ONNX weighs the old statistics, Pellucid the new
    affine = _affine(call, 1, 2)
    layer = kind(epsilon=shortest(call.real("epsilon", 1e-5)), momentum=momentum, affine=affine)
    parameters = {"running_mean": call.constant(3).floats, "running_var": call.constant(4).floats}
    if affine:
        parameters |= {"weight": call.constant(1).floats, "bias": call.constant(2).floats}
    return [call.emit(layer, x, parameters=parameters, weight=call.constant(1))]


def instance_norm(call: Call) -> list[Value]:
    """InstanceNormalization."""
    affine = _affine(call, 1, 2)
    layer = InstanceNorm(epsilon=shortest(call.real("epsilon", 1e-5)), affine=affine)
    weights = {"weight": call.constant(1).floats, "bias": call.constant(2).floats}
    parameters = weights if affine else {}
    return [call.emit(layer, call.activation(), parameters=parameters, weight=call.constant(1))]


def group_norm(call: Call) -> list[Value]:
    """GroupNormalization; gamma and beta are one a group before version 21, one a channel since."""
    x, groups = call.activation(), call.integer("num_groups", 1)
    layer = GroupNorm(epsilon=shortest(call.real("epsilon", 1e-5)), groups=groups)

    def spread(index: int) -> Any:
        value = call.constant(index)
        times = x.shape[0] // value.size if value.size else 0
        return lambda: np.repeat(value.floats().reshape(-1), times)

    parameters = {"weight": spread(1), "bias": spread(2)}
    return [call.emit(layer, x, parameters=parameters, weight=call.constant(1))]


def layer_norm(call: Call) -> list[Value]:
    """LayerNormalization over the last axes."""
    x, weight = call.activation(), call.constant(1)
    rank = len(x.shape) + 1
    axes = rank - 1 - call.image_axis(call.integer("axis", -1), rank)
    affine = _affine(call, 1, 2)
    layer = LayerNorm(epsilon=shortest(call.real("epsilon", 1e-5)), affine=affine, axes=axes)
    shape = layer.affine_shape(x.shape)

    def spread(index: int) -> Any:
        value = call.constant(index)
        return lambda: np.broadcast_to(value.floats(), shape)

    call.require(len(weight.shape) <= axes, f"its scale has the shape {weight.shape}, for {shape}")
    zeros = {"bias": lambda: np.zeros(shape, np.float32)}
    parameters = {"weight": spread(1), **({"bias": spread(2)} if call.has(2) else zeros)}
    return [call.emit(layer, x, parameters=parameters if affine else {}, weight=weight)]


def local_response_norm(call: Call) -> list[Value]:
    """LRN."""
    size = call.integer("size", 0)
    call.require(size % 2 == 1, f"an even number of neighbouring channels, {size}")
    layer = LocalResponseNorm(
        size,
        shortest(call.real("alpha", 1e-4)),
        shortest(call.real("beta", 0.75)),
        shortest(call.real("bias", 1.0)),
    )
    return [call.emit(layer, call.activation())]


DROPOUTS = {"Dropout2d": Dropout2d, "StochasticDepth": StochasticDepth}
"""Other layers that are written as Dropout, with their name beside it."""

KIND = "pellucid.layer"
"""The entry of a node's metadata with that name."""


def dropout(call: Call) -> list[Value]:
    """Dropout, which does nothing outside training."""
    rate = call.real("ratio", 0.5) if call.opset < 12 else call.number(1) if call.has(1) else 0.5
    x = call.activation()
    if rate == 0:
        return [x]
    kind = DROPOUTS.get(call.operation.metadata.get(KIND, ""), Dropout)
    return [call.emit(kind(rate=shortest(rate)), x)]


def softmax(layer: Layer) -> Any:
    """The row of Softmax or LogSoftmax: along one axis since version 13, along all from it on before."""

    def row(call: Call) -> list[Value]:
        x = call.activation()
        rank = len(x.shape) + 1
        axis = call.image_axis(call.integer("axis", -1 if call.opset >= 13 else 1), rank)
        if call.opset >= 13 or math.prod(x.shape[axis + 1 :]) == 1:
            return [_along(call, layer, x, axis)]
        before = x.shape[:axis]
        joined = call.importer.reshape(x, (*before, math.prod(x.shape[axis:])))
        return [call.importer.reshape(_along(call, layer, joined, len(before)), x.shape)]

    return row


def _along(call: Call, layer: Layer, x: Activation, axis: int) -> Activation:
    """A layer that works along the channels, along another axis."""
    if axis == 0:
        return call.emit(layer, x)
    order: Sequence[int] = (axis, *(n for n in range(len(x.shape)) if n != axis))
    back = tuple(order.index(n) for n in range(len(order)))
    return call.emit(Transpose(back), call.emit(layer, call.emit(Transpose(tuple(order)), x)))
