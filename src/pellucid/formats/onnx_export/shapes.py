"""Rows of the layers that rearrange, merge, surround or resize."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.formats.onnx_export.convolutions import PADDING_MODES
from pellucid.formats.onnx_export.writer import Place
from pellucid.layers import (
    Add,
    ChannelShuffle,
    Concat,
    Crop,
    Divide,
    Flatten,
    Input,
    Layer,
    MatMul,
    Mean,
    Multiply,
    Pad,
    Parameter,
    Reshape,
    Slice,
    Subtract,
    Transpose,
    Upsample,
)

COORDINATES = {"half-pixel": "half_pixel", "align-corners": "align_corners", "asymmetric": "asymmetric"}


def _parameter(place: Place) -> str:
    """Its numbers with a batch of one: an initializer if training moves them, else a constant."""
    layer: Any = place.layer
    values = place.values("value")[None]
    place.writer.same_for_all.add(place.name)
    if layer.trainable:
        return place.writer.array(values, place.name)
    return place.result("Constant", value=place.writer.tensor(values, place.name))


def _merge(kind: str) -> Callable[[Place], str]:
    """Two inputs at a time."""

    def row(place: Place) -> str:
        total = place.inputs[0]
        for other in place.inputs[1:-1]:
            total = place.step(kind, total, other)
        return place.result(kind, total, place.inputs[-1])

    return row


def _concat(place: Place) -> str:
    """Inputs that are the same for every image are repeated first; the others say how often."""
    layer: Any = place.layer
    apart = [name for name in place.inputs if name not in place.writer.same_for_all]
    parts = [
        place.with_batch(name, apart[0], shape) if apart and name in place.writer.same_for_all else name
        for name, shape in zip(place.inputs, place.shapes, strict=True)
    ]
    return place.result("Concat", *parts, axis=layer.axis + 1)


def _reshape(place: Place) -> str:
    return place.result("Reshape", place.inputs[0], place.integers(0, *place.shape))


def _transpose(place: Place) -> str:
    layer: Any = place.layer
    return place.result("Transpose", place.inputs[0], perm=[0, *(axis + 1 for axis in layer.axes)])


def _shuffle(place: Place) -> str:
    layer: Any = place.layer
    channels, *rest = place.shape
    dealt = place.reshaped(place.inputs[0], layer.groups, channels // layer.groups, *rest)
    turned = place.step("Transpose", dealt, perm=[0, 2, 1, *range(3, 3 + len(rest))])
    return place.result("Reshape", turned, place.integers(0, *place.shape))


def _mean(place: Place) -> str:
    layer: Any = place.layer
    axes = [axis + 1 for axis in layer.axes]
    whole = not layer.keep_axes and len(axes) == len(place.shapes[0])
    kept = int(layer.keep_axes or whole)
    make = place.step if whole else place.result
    if place.opset >= 18:
        mean = make("ReduceMean", place.inputs[0], place.integers(*axes), keepdims=kept)
    else:
        mean = make("ReduceMean", place.inputs[0], axes=axes, keepdims=kept)
    return place.result("Reshape", mean, place.integers(0, 1)) if whole else mean


def _pad(place: Place) -> str:
    layer: Any = place.layer
    sides = layer.sides(place.shapes[0])
    amounts = [0, *(side.pad_start for side in sides), 0, *(side.pad_end for side in sides)]
    inputs = [place.inputs[0], place.integers(*amounts)]
    if layer.mode == "zeros" and layer.value != 0:
        inputs.append(place.constant(np.float32(layer.value)))
    return place.result("Pad", *inputs, mode=PADDING_MODES[layer.mode])


def _crop(place: Place) -> str:
    layer: Any = place.layer
    sides = layer.sides(place.shapes[0])
    starts = [-side.pad_start for side in sides]
    ends = [start + length for start, length in zip(starts, place.shape, strict=True)]
    axes = range(1, 1 + len(sides))
    numbers = (place.integers(*values) for values in (starts, ends, axes))
    return place.result("Slice", place.inputs[0], *numbers)


def _slice(place: Place) -> str:
    layer: Any = place.layer
    kept = layer.cells(place.shapes[0])
    numbers = ([kept.start], [kept[-1] + 1], [layer.axis + 1], [layer.step])
    return place.result("Slice", place.inputs[0], *(place.integers(*values) for values in numbers))


def _upsample(place: Place) -> str:
    layer: Any = place.layer
    old, new = place.shapes[0][1:], place.shape[1:]
    rule = "floor" if layer.coordinates == "asymmetric" else "round_prefer_floor"
    if all(after % before == 0 for before, after in zip(old, new, strict=True)):
        scales = [after / before for before, after in zip(old, new, strict=True)]
        sizes = ["", place.constant([1, 1, *scales])]
    else:
        kept = place.step("Slice", place.step("Shape", place.inputs[0]), place.integers(0), place.integers(2))
        sizes = ["", "", place.step("Concat", kept, place.integers(*new), axis=0)]
    return place.result(
        "Resize",
        place.inputs[0],
        *sizes,
        mode=layer.mode,
        coordinate_transformation_mode=COORDINATES[layer.coordinates],
        nearest_mode=rule if layer.mode == "nearest" else None,
    )


ROWS: dict[type[Layer], Callable[[Place], object]] = {
    Add: _merge("Add"),
    ChannelShuffle: _shuffle,
    Concat: _concat,
    Crop: _crop,
    Divide: _merge("Div"),
    Flatten: lambda place: place.result("Flatten", place.inputs[0], axis=1),
    Input: lambda place: None,
    MatMul: _merge("MatMul"),
    Mean: _mean,
    Multiply: _merge("Mul"),
    Pad: _pad,
    Parameter: _parameter,
    Reshape: _reshape,
    Slice: _slice,
    Subtract: _merge("Sub"),
    Transpose: _transpose,
    Upsample: _upsample,
}
