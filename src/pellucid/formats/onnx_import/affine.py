"""Constants added to or multiplied with a node that has a place for them: biases, gamma and beta, pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from pellucid.formats.onnx_import.call import Call, module_of
from pellucid.formats.onnx_import.formulas import shortest
from pellucid.formats.onnx_import.values import Activation, Array, Constant
from pellucid.layers import (
    Convolution,
    GroupNorm,
    Input,
    InstanceNorm,
    Layer,
    LayerNorm,
    Linear,
    Normalize,
    Shape,
    TransposedConvolution,
)


def fold_into_node(call: Call) -> Activation | None:
    """The node before with the operation's constant in it, or None where that is not the same."""
    if len(call.inputs) != 2:
        return None
    first, second = call.value(0), call.value(1)
    kind = call.operation.type
    if isinstance(first, Constant) and kind in ("Add", "Mul"):
        first, second = second, first
    if isinstance(first, Constant) or not isinstance(second, Constant) or second.dtype.kind != "f":
        return None
    before = call.activation(1 if first is call.inputs[1] else 0)
    if kind in ("Sub", "Div"):
        return _pixels(call, before, second)
    layer = call.layer_before(before)
    if layer is None or not second.stored or type(layer) not in FOLDS:
        return None
    return FOLDS[type(layer)](call, before, layer, second)


def _pixels(call: Call, before: Activation, value: Constant) -> Activation | None:
    """Mean and deviation of each channel of an input: Normalize."""
    layer = call.importer.records[before.node].layer
    per_channel = _channels(value, before.shape)
    if per_channel is None or not np.all(np.isfinite(per_channel)):
        return None
    numbers = tuple(shortest(float(n)) for n in per_channel)
    if call.operation.type == "Sub":
        return (
            call.emit(Normalize(numbers, (1.0,) * len(numbers)), before) if isinstance(layer, Input) else None
        )
    if not np.all(per_channel):
        return None
    if isinstance(layer, Input):
        return call.emit(Normalize((0.0,) * len(numbers), numbers), before)
    if not isinstance(layer, Normalize) or set(layer.deviation) != {1.0} or not call.importer.is_free(before):
        return None
    count = max(len(layer.mean), len(numbers))
    mean, deviation = (n * count if len(n) == 1 else n for n in (layer.mean, numbers))
    return call.importer.change(before, Normalize(mean, deviation), {}, "")


def _channels(value: Constant, shape: Shape) -> Any:
    """A constant's numbers if they are one, or one a channel, of images of this shape."""
    lengths = value.shape[-len(shape) :]
    padded = (1,) * (len(shape) - len(lengths)) + lengths
    if value.size not in (1, shape[0]) or (value.size > 1 and padded[0] != shape[0]):
        return None
    return value.floats().reshape(-1)


def _bias(call: Call, before: Activation, layer: Any, value: Constant) -> Activation | None:
    """Added to a convolution or a linear layer without bias."""
    numbers = _channels(value, before.shape)
    if call.operation.type != "Add" or layer.bias or numbers is None:
        return None
    count = before.shape[0]

    def bias() -> Array:
        return np.broadcast_to(value.floats().reshape(-1), (count,))

    return call.importer.change(before, replace(layer, bias=True), {"bias": bias}, "")


def _gamma_or_beta(call: Call, before: Activation, layer: Any, value: Constant) -> Activation | None:
    """Multiplied with a normalisation without gamma and beta, or added to it, in this order."""
    shape = layer.affine_shape(before.shape)
    lengths = value.shape[-len(before.shape) :]
    padded = (1,) * (len(before.shape) - len(lengths)) + lengths
    expected = padded[-len(shape) :] if isinstance(layer, LayerNorm) else padded[:1]
    if value.size != int(np.prod(shape)) or tuple(expected) != tuple(shape):
        return None
    record = call.importer.records[before.node]

    def numbers() -> Array:
        return value.floats().reshape(shape)

    if call.operation.type == "Mul" and not layer.affine:
        parameters = {"weight": numbers, "bias": lambda: np.zeros(shape, np.float32)}
        record.awaits_beta = True
        return call.importer.change(before, replace(layer, affine=True), parameters, module_of(value))
    if call.operation.type == "Add" and record.awaits_beta:
        record.awaits_beta = False
        return call.importer.change(before, layer, {"bias": numbers}, "")
    return None


Fold = Callable[[Call, Activation, Any, Constant], Activation | None]

FOLDS: Mapping[type[Layer], Fold] = MappingProxyType(
    {
        **dict.fromkeys(
            (*Convolution.__subclasses__(), *TransposedConvolution.__subclasses__(), Linear), _bias
        ),
        **dict.fromkeys((GroupNorm, InstanceNorm, LayerNorm), _gamma_or_beta),
    }
)
"""Layers that have a place for a constant."""
