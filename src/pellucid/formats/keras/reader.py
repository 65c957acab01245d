"""What a translation of one layer reads and writes: checked hyper-parameters, weights, nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import FormatError, UnsupportedLayer
from pellucid.formats.keras.topology import Call
from pellucid.graph import GraphBuilder
from pellucid.layers import Flatten, Layer, Reshape, Shape, Transpose

Float32 = NDArray[np.float32]
Weights = Callable[[Call, Sequence[str]], Sequence[Float32]]
"""(call of a layer, names of its weights in Keras's order) to the arrays; "a|b" is either name."""


@dataclass(frozen=True)
class Value:
    """A Keras tensor as a node of the graph, its channels first.

    Attributes:
        node: its name.
        shape: of one image, channels first.
        maps: where the node is a Flatten of maps: their shape. Its cells are then in the order (C, H, W),
            while the tensor's are in the order (H, W, C).
    """

    node: str
    shape: Shape
    maps: Shape | None = None


@dataclass
class Translation:
    """A graph in the making, with its parameters."""

    channels_first: bool
    weights: Weights
    builder: GraphBuilder = field(default_factory=GraphBuilder)
    parameters: dict[str, Float32] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)

    def input(self, shape: Shape, name: str) -> Value:
        """An Input for tensors of a Keras shape."""
        own = self.channels_leading(shape)
        self.shapes[name] = own
        return Value(self.builder.input(own, name), own)

    def add(
        self, layer: Layer, name: str, *inputs: Value, parameters: Mapping[str, Float32] | None = None
    ) -> Value:
        """A node with its parameters; its name gets a number where it is taken."""
        given = parameters or {}
        unique, number = name, 1
        while unique in self.shapes:
            unique, number = f"{name}_{number}", number + 1
        shapes = [value.shape for value in inputs]
        shape = layer.output_shape(shapes)
        node = self.builder.add(layer, *(value.node for value in inputs), name=unique)
        for spec in layer.parameters(shapes):
            array = given.get(spec.name)
            if array is None:
                raise FormatError(f"{name}: the weight {spec.name} is missing")
            if array.shape != spec.shape:
                raise FormatError(f"{name}: {spec.name} has shape {spec.shape}, received {array.shape}")
            self.parameters[f"{unique}.{spec.name}"] = np.ascontiguousarray(array, np.float32)
        self.shapes[unique] = shape
        return Value(node, shape)

    # ---- the order of axes

    def channels_leading(self, shape: Shape) -> Shape:
        """A Keras shape with its channels first."""
        return shape if self.channels_first else (shape[-1], *shape[:-1])

    def axis(self, axis: int, rank: int) -> int:
        """The axis of one image's array that a Keras axis is, which counts the batch."""
        own = axis + rank + 1 if axis < 0 else axis
        if not 1 <= own <= rank:
            raise FormatError(f"an axis is 1 to {rank} or -1 to -{rank}, received {axis}")
        if self.channels_first:
            return own - 1
        return 0 if own == rank else own

    def flatten(self, value: Value, name: str) -> Value:
        """All cells in one row; their order is noted, not changed."""
        flat = self.add(Flatten(), name, value)
        reordered = len(value.shape) > 1 and not self.channels_first and math.prod(value.shape[1:]) > 1
        maps = value.shape if reordered and value.shape[0] > 1 else None
        return Value(flat.node, flat.shape, maps)

    def in_keras_order(self, value: Value, name: str) -> Value:
        """The tensor with its cells as Keras orders them, axes as Keras has them."""
        if value.maps is not None:
            maps = self.add(Reshape(value.maps), f"{name}_maps", value)
            last = self.add(Transpose(_channels_last(len(value.maps))), f"{name}_last", maps)
            return self.add(Flatten(), f"{name}_flat", last)
        if self.channels_first or len(value.shape) == 1:
            return value
        return self.add(Transpose(_channels_last(len(value.shape))), f"{name}_last", value)

    def from_keras_order(self, value: Value, name: str) -> Value:
        """What `in_keras_order` did to the axes, undone."""
        if self.channels_first or len(value.shape) == 1:
            return value
        rank = len(value.shape)
        return self.add(Transpose((rank - 1, *range(rank - 1))), f"{name}_first", value)


def _channels_last(rank: int) -> tuple[int, ...]:
    return (*range(1, rank), 0)


@dataclass(frozen=True)
class LayerReader:
    """One call of a layer: what its configuration says, checked, and where its nodes go."""

    call: Call
    translation: Translation

    @property
    def name(self) -> str:
        """Of the layer, for nodes and messages: its path with dots."""
        return self.call.path.replace("/", ".")

    def refuse(self, why: str) -> UnsupportedLayer:
        """The error that says what cannot be translated."""
        return UnsupportedLayer(f"{self.name} ({self.call.class_name}): {why}")

    def add(
        self,
        layer: Layer,
        *inputs: Value,
        suffix: str = "",
        parameters: Mapping[str, Float32] | None = None,
    ) -> Value:
        """A node named after the layer."""
        return self.translation.add(layer, self.name + suffix, *inputs, parameters=parameters)

    def arrays(self, *names: str) -> list[Float32]:
        """The layer's weights, in Keras's order, of which the names are given."""
        if self.call.number > 0:
            raise self.refuse("the layer is called more than once; shared weights are not supported")
        return list(self.translation.weights(self.call, names))

    def _value(self, key: str, default: object) -> object:
        value = self.call.config.get(key, default)
        return default if value is None else value

    def _wrong(self, key: str, rule: str, value: object) -> FormatError:
        return FormatError(f"{self.name}: {key} is {rule}, received {value!r:.80}")

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number."""
        value = self._value(key, default)
        if type(value) is not int or abs(value) > 2**31 - 1:
            raise self._wrong(key, "a whole number", value)
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number."""
        value = self._value(key, default)
        if isinstance(value, dict) and isinstance(value.get("config"), dict):
            value = value["config"].get("value")  # Keras 3 wraps some numbers as arrays
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self._wrong(key, "a number", value)
        return float(value)

    def boolean(self, key: str, default: bool) -> bool:
        """True or False."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A text."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "text", value)
        return value

    def integers(self, key: str, count: int, default: int | None = None) -> tuple[int, ...]:
        """So many whole numbers; a single one stands for all."""
        value = self._value(key, default)
        values = [value] * count if type(value) is int else value
        if not isinstance(values, list) or len(values) != count or any(type(v) is not int for v in values):
            raise self._wrong(key, f"{count} whole number(s)", value)
        if any(abs(v) > 2**31 - 1 for v in values):
            raise self._wrong(key, f"{count} whole number(s) below 2^31", value)
        return tuple(values)

    def numbers(self, key: str, count: int, default: float | None = None) -> tuple[float, ...]:
        """So many numbers, or one that stands for all."""
        value = self._value(key, default)
        values: list[Any] = value if isinstance(value, list) else [value]
        while len(values) == 1 and isinstance(values[0], list):
            values = values[0]
        valid = len(values) in (1, count) and all(
            isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values
        )
        if not valid:
            raise self._wrong(key, f"one number or {count}", value)
        return tuple(float(v) for v in values)

    def pairs(self, key: str, count: int) -> tuple[tuple[int, int], ...]:
        """Amounts at both ends of so many axes: 1, [1, 2], or [[1, 2], [3, 4]]."""
        value = self._value(key, None)
        if type(value) is int:
            value = [value] * count
        if count == 1 and isinstance(value, list) and len(value) == 2:
            value = [value]
        if not isinstance(value, list) or len(value) != count:
            raise self._wrong(key, "amounts at both ends of the axes", value)
        pairs = [[v, v] if type(v) is int else v for v in value]
        if any(not isinstance(p, list) or len(p) != 2 or any(type(v) is not int for v in p) for p in pairs):
            raise self._wrong(key, "amounts at both ends of the axes", value)
        return tuple((p[0], p[1]) for p in pairs)
