"""From a Keras configuration and its weights to a model: a row a layer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pellucid.engines.engine import Engine
from pellucid.errors import FormatError, GraphError, LayerError, UnsupportedLayer
from pellucid.formats.keras import activations, merging, others, weighted
from pellucid.formats.keras.activations import Row
from pellucid.formats.keras.reader import LayerReader, Translation, Value, Weights
from pellucid.formats.keras.topology import Call, Tensor, Wiring, wiring
from pellucid.layers import Shape
from pellucid.model import Model

ROWS: Mapping[str, Row] = {**activations.ROWS, **merging.ROWS, **others.ROWS, **weighted.ROWS}
"""For every class of Keras its translation."""

LARGEST_RANK = 4
"""Axes of an input, without the batch."""


def translated(path: str | os.PathLike[str], config: object, weights: Weights, engine: str | Engine) -> Model:
    """A model from the parts of a file.

    Raises:
        FormatError: a configuration or weights that do not hold together.
        UnsupportedLayer: layers that cannot be translated, all of them named.
    """
    try:
        wired = wiring(config)
        translation = Translation(_channels_first(wired), weights)
        values = _values(wired, translation)
        outputs = [_output(translation, values[tensor]) for tensor in wired.outputs]
        graph = translation.builder.graph(outputs)
        name = Path(path).parent.name if Path(path).name == "model.json" else Path(path).stem
        return Model(graph, translation.parameters, engine=engine, name=name)
    except UnsupportedLayer as error:
        raise UnsupportedLayer(f"{path}: {error}") from None
    except (FormatError, GraphError, LayerError) as error:
        raise FormatError(f"{path}: {error}") from None


def _channels_first(wired: Wiring) -> bool:
    """Whether the model keeps channels before positions; it may not do both."""
    orders = {call.config.get("data_format") for call in wired.calls} & {"channels_first", "channels_last"}
    if len(orders) > 1:
        raise FormatError("layers with channels_first and channels_last in one model are not supported")
    return orders == {"channels_first"}


def _values(wired: Wiring, translation: Translation) -> dict[Tensor, Value]:
    """What every call yields; what cannot be translated is reported all at once."""
    values: dict[Tensor, Value] = {}
    refused: list[str] = []
    for call in wired.calls:
        if not all(tensor in values for tensor in call.inputs):
            continue  # behind something refused
        try:
            values[call.tensor] = _value(call, translation, values)
        except UnsupportedLayer as error:
            refused.append(str(error))
        except LayerError as error:
            raise FormatError(f"{call.path} ({call.class_name}): {error}") from None
    if refused:
        count = f"{len(refused)} layers" if len(refused) > 1 else "1 layer"
        raise UnsupportedLayer(f"{count} not supported: {'; '.join(refused)}")
    return values


def _value(call: Call, translation: Translation, values: Mapping[Tensor, Value]) -> Value:
    if call.class_name == "InputLayer":
        return translation.input(_input_shape(call), call.path.replace("/", "."))
    reader = LayerReader(call, translation)
    if call.class_name not in ROWS:
        raise reader.refuse("no such layer here")
    inputs = [values[tensor] for tensor in call.inputs]
    if not inputs:
        raise FormatError(f"{call.path}: a {call.class_name} has an input")
    return ROWS[call.class_name](reader, inputs)


def _input_shape(call: Call) -> Shape:
    shape = call.config.get("batch_shape", call.config.get("batch_input_shape"))
    if not isinstance(shape, list) or not 2 <= len(shape) <= LARGEST_RANK + 1:
        raise FormatError(f"{call.path}: an input's shape is [null, H, W, C], received {shape!r:.60}")
    lengths = shape[1:]
    if any(type(n) is not int or not 1 <= n < 2**31 for n in lengths):
        raise FormatError(
            f"{call.path}: an input's lengths are known, received {shape}; save the model with a fixed size"
        )
    return tuple(lengths)


def _output(translation: Translation, value: Value) -> str:
    """The node of an output; a row of cells is put into Keras's order."""
    return translation.in_keras_order(value, value.node).node if value.maps is not None else value.node
