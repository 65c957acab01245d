"""Layers of several inputs, and operations on tensors and plain numbers."""

from __future__ import annotations

import numpy as np

from pellucid.formats.keras.activations import Row
from pellucid.formats.keras.reader import LayerReader, Value
from pellucid.layers import Add, Concat, Divide, Multiply, Parameter, Subtract


def add(layer: LayerReader, inputs: list[Value]) -> Value:
    """Add, and x + 3 where Keras writes the operation down."""
    return layer.add(Add(), *_operands(layer, inputs))


def subtract(layer: LayerReader, inputs: list[Value]) -> Value:
    """Subtract."""
    return layer.add(Subtract(), *_operands(layer, inputs))


def multiply(layer: LayerReader, inputs: list[Value]) -> Value:
    """Multiply."""
    return layer.add(Multiply(), *_operands(layer, inputs))


def divide(layer: LayerReader, inputs: list[Value]) -> Value:
    """The operation x / y; Keras has no such layer."""
    return layer.add(Divide(), *_operands(layer, inputs))


def average(layer: LayerReader, inputs: list[Value]) -> Value:
    """Average: the sum over the number of inputs."""
    values = _alike(layer, inputs)
    total = layer.add(Add(), *values, suffix="_sum")
    return layer.add(Divide(), total, _constant(layer, "_count", len(values), total))


def concatenate(layer: LayerReader, inputs: list[Value]) -> Value:
    """Concatenate."""
    values = [layer.translation.in_keras_order(v, layer.name) if v.maps else v for v in inputs]
    axis = layer.translation.axis(layer.integer("axis", -1), len(values[0].shape))
    return layer.add(Concat(axis), *values)


def _operands(layer: LayerReader, inputs: list[Value]) -> list[Value]:
    """The inputs, and between them the plain numbers of an operation."""
    values = _alike(layer, inputs)
    given = layer.call.operands
    if not given:
        return values
    tensors = iter(values)
    if given.count(None) != len(values) or len(given) != 2:
        raise layer.refuse(f"an operation on {len(values)} tensor(s) and {len(given)} arguments")
    return [
        next(tensors) if number is None else _constant(layer, "_constant", number, values[0])
        for number in given
    ]


def _constant(layer: LayerReader, suffix: str, number: float, like: Value) -> Value:
    """A number that is broadcast over a value."""
    shape = (1,) * len(like.shape)
    array = np.full(shape, number, np.float32)
    return layer.add(Parameter(shape), suffix=suffix, parameters={"value": array})


def _alike(layer: LayerReader, inputs: list[Value]) -> list[Value]:
    """Inputs of one rank, their cells in one order."""
    if len({value.maps for value in inputs}) > 1 or any(value.maps for value in inputs):
        inputs = [layer.translation.in_keras_order(v, layer.name) if v.maps else v for v in inputs]
    return inputs


ROWS: dict[str, Row] = {
    "Add": add,
    "Average": average,
    "Concatenate": concatenate,
    "Divide": divide,
    "Multiply": multiply,
    "Subtract": subtract,
    "TrueDivide": divide,
}
