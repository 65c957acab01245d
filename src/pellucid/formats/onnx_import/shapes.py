"""Rows of the operators that rearrange cells, take part of them or put them together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.decomposed import group_norm
from pellucid.formats.onnx_import.folding import (
    reshape_target,
    shape_slice,
    slices,
    split_lengths,
    squeezed_shape,
    unsqueezed_shape,
)
from pellucid.formats.onnx_import.tensors import DTYPES
from pellucid.formats.onnx_import.values import BATCH, Activation, Constant, UnsupportedError, Value
from pellucid.layers import (
    Add,
    ChannelShuffle,
    Concat,
    Reshape,
    Shape,
    Slice,
    Transpose,
)

MOST_PARTS = 64
"""Slices that a Gather of scattered indices may become."""


def _with_batch(value: Value) -> Shape:
    return (BATCH, *value.shape)


def shape_of(call: Call) -> list[Value]:
    """Shape of an activation: a constant, with BATCH for the number of images."""
    return [Constant.of(shape_slice(call, _with_batch(call.value(0))))]


def size_of(call: Call) -> list[Value]:
    """Size of an activation."""
    return [Constant.of(np.array(math.prod(_with_batch(call.value(0))), np.int64))]


def identity(call: Call) -> list[Value]:
    """The value itself."""
    return [call.value(0)]


def cast(call: Call) -> list[Value]:
    """Cast between floating-point numbers, which are all float32 here."""
    code = call.integer("to", 1)
    call.require(code == 16 or DTYPES.get(code, "")[1:2] == "f", f"a cast of activations to data type {code}")
    return [call.value(0)]


def _reshaped(call: Call, x: Activation, shape: Shape) -> Activation:
    """Another shape, or the layer that two of them stand around."""
    normalised = group_norm(call, x, shape)
    if normalised is not None:
        return normalised
    shuffled = _channel_shuffle(call, x, shape)
    if shuffled is not None:
        return shuffled
    return call.importer.reshape(x, shape)


def _channel_shuffle(call: Call, x: Activation, shape: Shape) -> Activation | None:
    """Channels as (groups, C / groups), these two axes exchanged, and one axis again."""
    if not isinstance(call.layer_before(x), Transpose):
        return None
    records, shapes = call.importer.records, call.importer.shapes
    swap = records[x.node]
    split = records[swap.inputs[0]]
    if not isinstance(split.layer, Reshape) or swap.layer != Transpose((1, 0, *range(2, len(x.shape)))):
        return None
    whole = Activation(split.inputs[0], shapes[split.inputs[0]])
    kept = shape == whole.shape and x.shape[2:] == shape[1:] and x.shape[0] * x.shape[1] == shape[0]
    return call.emit(ChannelShuffle(x.shape[1]), whole) if kept else None


def reshape(call: Call) -> list[Value]:
    """Reshape; images stay apart."""
    x = call.activation()
    target = reshape_target(call, _with_batch(x))
    return [_reshaped(call, x, call.image_shape(target, math.prod(x.shape)))]


def flatten(call: Call) -> list[Value]:
    """Flatten behind the batch."""
    x = call.activation()
    axis = call.integer("axis", 1)
    call.require(axis in (1, -len(x.shape)), f"axis {axis}; 1 is expected, which leaves the images apart")
    return [call.importer.reshape(x, (math.prod(x.shape),))]


def squeeze(call: Call) -> list[Value]:
    """Squeeze; without axes an image of one cell keeps one."""
    x = call.activation()
    shape = squeezed_shape(call, _with_batch(x))
    return [call.importer.reshape(x, call.image_shape(shape, math.prod(x.shape)))]


def unsqueeze(call: Call) -> list[Value]:
    """Unsqueeze behind the batch."""
    x = call.activation()
    shape = unsqueezed_shape(call, _with_batch(x))
    return [call.importer.reshape(x, call.image_shape(shape, math.prod(x.shape)))]


def transpose(call: Call) -> list[Value]:
    """Transpose; the batch stays first. Two in a row become one."""
    x = call.activation()
    rank = len(x.shape) + 1
    order = call.list("perm") or tuple(reversed(range(rank)))
    call.require(sorted(order) == list(range(rank)), f"its perm {order} does not fit {rank} axes")
    call.require(order[0] == 0, "it moves the batch from axis 0; images stay apart")
    axes = tuple(axis - 1 for axis in order[1:])
    record = call.importer.records[x.node]
    if isinstance(record.layer, Transpose):
        axes = tuple(record.layer.axes[axis] for axis in axes)
        x = Activation(record.inputs[0], call.importer.shapes[record.inputs[0]])
    return [x if axes == tuple(range(rank - 1)) else call.emit(Transpose(axes), x)]


def concat(call: Call) -> list[Value]:
    """Concat along any axis but the batch."""
    values = [value for value in call.inputs if value is not None and 0 not in value.shape]
    rank = max(len(value.shape) + (not isinstance(value, Constant)) for value in values)
    axis = call.image_axis(call.integer("axis", 1), rank)
    nodes = []
    for value in values:
        if isinstance(value, Constant):
            call.require(
                len(value.shape) == rank and value.shape[0] in (1, BATCH),
                f"a constant of shape {value.shape} gives every image of the batch its own cells",
            )
            nodes.append(call.importer.parameter(value, value.shape[1:]))
        else:
            nodes.append(call.importer.activation(value))
    return [nodes[0] if len(nodes) == 1 else call.emit(Concat(axis), *nodes)]


def _sliced(call: Call, x: Activation, axis: int, start: int, stop: int, step: int = 1) -> Activation:
    """Some cells of an axis; nothing to do for all of them."""
    length = x.shape[axis]
    if (start, stop, step) == (0, length, 1):
        return x
    return call.emit(Slice(axis, start, None if stop >= length else stop, step), x)


def slice_(call: Call) -> list[Value]:
    """Slice, an axis after the other; the batch stays whole."""
    x = call.activation()
    for axis, chosen in sorted(slices(call, _with_batch(x)).items()):
        length = _with_batch(x)[axis]
        kept = range(*chosen.indices(length))
        if kept == range(length):
            continue
        image_axis = call.image_axis(axis, len(x.shape) + 1)
        call.require(len(kept) > 0, f"it keeps nothing of axis {axis}")
        x = _picked(call, x, image_axis, kept)
    return [x]


def _picked(call: Call, x: Activation, axis: int, chosen: Sequence[int]) -> Activation:
    """Cells of an axis in this order: one Slice, or several put together."""
    step = chosen[1] - chosen[0] if len(chosen) > 1 else 1
    if step > 0 and list(chosen) == list(range(chosen[0], chosen[-1] + 1, step)):
        return _sliced(call, x, axis, chosen[0], chosen[-1] + 1, step)
    call.require(len(chosen) <= MOST_PARTS, f"{len(chosen)} scattered cells of an axis")
    return call.emit(Concat(axis), *(_sliced(call, x, axis, index, index + 1) for index in chosen))


def split(call: Call) -> list[Value | None]:
    """Split: a Slice for every part."""
    x = call.activation()
    axis = call.image_axis(call.integer("axis", 0), len(x.shape) + 1)
    start, parts = 0, []
    for length in split_lengths(call, x.shape[axis]):
        call.require(length > 0, "one of its parts is empty")
        parts.append(_sliced(call, x, axis, start, start + length))
        start += length
    return list(parts)


def gather(call: Call) -> list[Value]:
    """Gather with constant indices."""
    x, indices = call.activation(), call.constant(1)
    axis = call.image_axis(call.integer("axis", 0), len(x.shape) + 1)
    length = x.shape[axis]
    chosen = [index % length for index in call.integers(1) if -length <= index < length]
    call.require(0 < len(chosen) == indices.size, f"its indices do not fit {length} cells")
    result = _picked(call, x, axis, chosen)
    shape = result.shape[:axis] + indices.shape + result.shape[axis + 1 :]
    return [call.importer.reshape(result, shape or (1,))]


def expand(call: Call) -> list[Value]:
    """Expand: cells repeated along axes of length 1, by adding zeros of the full shape."""
    value = call.value(0)
    if isinstance(value, Constant):
        raise UnsupportedError("a constant as large as the batch")
    x = call.activation()
    shape = np.broadcast_shapes(_with_batch(x), tuple(1 if n == -1 else n for n in call.integers(1)))
    image = call.image_shape(shape, math.prod(shape[1:]))
    return [_repeated(call, x, image)]


def _repeated(call: Call, x: Activation, shape: Shape) -> Activation:
    if x.shape == shape:
        return x
    call.require(math.prod(shape) <= 1 << 24, f"it repeats cells to the shape {shape}")
    zero = Constant.of(np.zeros((1,) * len(shape), np.float32))
    lengths = tuple(n if n != old else 1 for n, old in zip(shape, x.shape, strict=True))
    zeros = Constant(lengths, zero.dtype, lambda: np.zeros(lengths, np.float32))
    return call.emit(Add(), x, call.importer.parameter(zeros, lengths))


def tile(call: Call) -> list[Value]:
    """Tile: copies side by side."""
    x = call.activation()
    repeats = call.integers(1)
    call.require(len(repeats) == len(x.shape) + 1 and repeats[0] == 1, f"it repeats images by {repeats}")
    call.require(max(repeats) <= MOST_PARTS and min(repeats) >= 1, f"it repeats cells by {repeats}")
    for axis, times in enumerate(repeats[1:]):
        if times > 1:
            x = call.emit(Concat(axis), *(x,) * times)
    return [x]


def _blocks(call: Call) -> tuple[Activation, int, int, int, int]:
    x, size = call.activation(), call.integer("blocksize", 0)
    call.require(
        len(x.shape) == 3 and size >= 1, "maps of two axes and a blocksize of at least 1 are expected"
    )
    channels, height, width = x.shape
    return x, size, channels, height, width


def _rearranged(call: Call, x: Activation, apart: Shape, axes: Sequence[int], result: Shape) -> Activation:
    moved = call.emit(Transpose(tuple(axes)), call.importer.reshape(x, apart))
    return call.importer.reshape(moved, result)


def depth_to_space(call: Call) -> list[Value]:
    """DepthToSpace: channels spread over blocks of positions."""
    x, b, channels, height, width = _blocks(call)
    call.require(channels % (b * b) == 0, f"{channels} channels do not fit blocks of {b} x {b}")
    kept = channels // (b * b)
    result = (kept, height * b, width * b)
    if call.text("mode", "DCR") == "DCR":
        return [_rearranged(call, x, (b, b, kept, height, width), (2, 3, 0, 4, 1), result)]
    return [_rearranged(call, x, (kept, b, b, height, width), (0, 3, 1, 4, 2), result)]


def space_to_depth(call: Call) -> list[Value]:
    """SpaceToDepth: blocks of positions become channels."""
    x, b, channels, height, width = _blocks(call)
    call.require(height % b == width % b == 0, f"maps of {height} x {width} do not fit blocks of {b} x {b}")
    apart = (channels, height // b, b, width // b, b)
    result = (channels * b * b, height // b, width // b)
    return [_rearranged(call, x, apart, (2, 4, 0, 1, 3), result)]


ROWS: dict[str, Any] = {
    "Cast": cast,
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "Flatten": flatten,
    "Gather": gather,
    "Identity": identity,
    "Reshape": reshape,
    "Shape": shape_of,
    "Size": size_of,
    "Slice": slice_,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
