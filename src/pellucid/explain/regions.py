"""Which cells of its inputs a block of a node's cells is computed from: windows walked backwards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.layers import (
    AdaptivePooling,
    AxisWindow,
    BatchNorm,
    ChannelShuffle,
    Concat,
    Convolution,
    Crop,
    Flatten,
    GlobalPooling,
    InstanceNorm,
    Layer,
    MatMul,
    Maxout,
    Mean,
    Normalize,
    Pad,
    PReLU,
    Reshape,
    Shape,
    Slice,
    Subsample2d,
    Transpose,
    TransposedConvolution,
    Upsample,
)
from pellucid.layers.activation import Activation
from pellucid.layers.dropout import DropoutLayer
from pellucid.layers.merge import Elementwise
from pellucid.layers.pooling import Pooling

Positions = NDArray[np.int64]

Region = tuple[Positions, ...]
"""For every axis of one image's array, channels first, the positions that belong to a block of cells."""

ChannelWise = (
    Activation
    | PReLU
    | Pooling
    | AdaptivePooling
    | GlobalPooling
    | Subsample2d
    | BatchNorm
    | InstanceNorm
    | Normalize
    | DropoutLayer
    | Upsample
)
"""Layers whose every channel is made of the same channel alone."""


def sources(layer: Layer, inputs: Sequence[Shape], region: Region, *, beyond: bool) -> list[Region | None]:
    """The cells of every input that a region of a layer's output is computed from; None where there are none.

    Args:
        layer: a layer.
        inputs: shapes of its inputs.
        region: of its output.
        beyond: count the cells that windows reach outside the input too, as if the input went on there;
            otherwise padding is what the layer says: nothing, or a copy of cells inside.
    """
    match layer:
        case Concat():
            found = _concatenated(layer, inputs, region, beyond)
        case Elementwise():
            found = [_broadcast(shape, region) for shape in inputs]
        case MatMul():
            a, b = inputs
            rows = (*_broadcast(a[:-2], region[:-2]), region[-2], np.arange(a[-1]))
            columns = (*_broadcast(b[:-2], region[:-2]), np.arange(b[-2]), region[-1])
            found = [rows, columns]
        case _:
            found = [_only_source(layer, inputs[0], region, beyond)]
    return [None if any(len(axis) == 0 for axis in axes) else axes for axes in found]


def union(first: Region | None, second: Region) -> Region:
    """The smallest region that holds both."""
    if first is None:
        return second
    return tuple(np.union1d(a, b) for a, b in zip(first, second, strict=True))


def whole(shape: Shape) -> Region:
    """Every cell."""
    return tuple(np.arange(length) for length in shape)


def _only_source(layer: Layer, shape: Shape, region: Region, beyond: bool) -> Region:
    match layer:
        case Flatten() | Reshape():
            return _reshaped(shape, layer.output_shape([shape]), region)
        case Transpose():
            return tuple(region[layer.axes.index(axis)] for axis in range(len(shape)))
        case Pad() | Crop():
            mode = layer.mode if isinstance(layer, Pad) else "zeros"
            sides = layer.sides(shape)
            return tuple(_seen(axis, o, beyond, mode) for axis, o in zip(sides, region, strict=True))
        case Slice():
            first = layer.cells(shape).start
            kept = list(region)
            kept[layer.axis] = first + kept[layer.axis] * layer.step
            return tuple(kept)
        case Mean():
            return _averaged(layer, shape, region)
        case _:
            return (_channels(layer, shape, region[0]), *_spatial(layer, shape, region, beyond))


def _spatial(layer: Layer, shape: Shape, region: Region, beyond: bool) -> list[Positions]:
    """Positions along the axes after the channels."""
    if isinstance(layer, Upsample | AdaptivePooling) and not beyond:
        mixtures = (
            [[[cell for cell, _ in mixture] for mixture in axis] for axis in layer.neighbours([shape])]
            if isinstance(layer, Upsample)
            else layer.bins([shape])
        )
        return [
            np.unique(np.concatenate([np.asarray(axis[o], np.int64) for o in outputs]))
            for axis, outputs in zip(mixtures, region[1:], strict=True)
        ]
    window = layer.window([shape])
    if window is None:
        return [np.arange(length) for length in shape[1:]]
    if not window:
        return list(region[1:])
    mode = layer.padding_mode if isinstance(layer, Convolution) else "zeros"
    return [_seen(axis, o, beyond, mode) for axis, o in zip(window, region[1:], strict=True)]


def _seen(axis: AxisWindow, outputs: Positions, beyond: bool, mode: str) -> Positions:
    """Input positions that these output positions see, by AxisWindow's rule."""
    taps = outputs[:, None] * axis.stride - axis.pad_start + np.arange(axis.kernel) * axis.dilation
    cells = np.unique(taps)
    cells = cells[cells % axis.fraction == 0] // axis.fraction
    return cells if beyond else _padded(cells, axis.input, mode)


def _padded(cells: Positions, length: int, mode: str) -> Positions:
    """Cells of an axis that positions inside and outside it show."""
    match mode:
        case "edge":
            return np.unique(cells.clip(0, length - 1))
        case "reflect":
            last = length - 1
            inside: Positions = np.unique(last - np.abs(last - np.abs(cells)))
            return inside
        case "circular":
            return np.unique(cells % length)
        case _:
            return cells[(cells >= 0) & (cells < length)]


def _channels(layer: Layer, shape: Shape, channels: Positions) -> Positions:
    """Input channels behind output channels."""
    count = shape[0]
    match layer:
        case Convolution(connections=rows) if rows is not None:
            return np.unique(np.concatenate([np.asarray(rows[c], np.int64) for c in channels]))
        case Convolution() | TransposedConvolution():
            each = count // layer.groups
            groups = np.unique(channels // (layer.out_channels // layer.groups))
            return (groups[:, None] * each + np.arange(each)).ravel()
        case Maxout():
            return (channels[:, None] * layer.pieces + np.arange(layer.pieces)).ravel()
        case ChannelShuffle():
            return np.sort(channels % layer.groups * (count // layer.groups) + channels // layer.groups)
        case _:
            return channels if isinstance(layer, ChannelWise) else np.arange(count)


def _concatenated(layer: Concat, inputs: Sequence[Shape], region: Region, beyond: bool) -> list[Region]:
    found, offset = [], 0
    for number, shape in enumerate(inputs):
        length, axes = shape[layer.axis], list(region)
        cells = axes[layer.axis] - offset
        # What lies beyond the ends belongs to the outer inputs.
        first = beyond and number == 0
        last = beyond and number == len(inputs) - 1
        axes[layer.axis] = cells[((cells >= 0) | first) & ((cells < length) | last)]
        found.append(tuple(axes))
        offset += length
    return found


def _broadcast(shape: Shape, region: Region) -> Region:
    """An axis of length 1 shows its only cell everywhere."""
    return tuple(
        np.zeros(1, np.int64) if length == 1 and len(cells) else cells
        for length, cells in zip(shape, region, strict=True)
    )


def _averaged(layer: Mean, shape: Shape, region: Region) -> Region:
    left = list(region) if layer.keep_axes or len(layer.axes) < len(shape) else []
    axes = []
    for axis, length in enumerate(shape):
        if axis in layer.axes:
            axes.append(np.arange(length))
            if layer.keep_axes:
                left.pop(0)
        else:
            axes.append(left.pop(0))
    return tuple(axes)


def _reshaped(shape: Shape, output: Shape, region: Region) -> Region:
    inside = [_padded(cells, length, "zeros") for cells, length in zip(region, output, strict=True)]
    if any(len(cells) == 0 for cells in inside):
        return tuple(np.empty(0, np.int64) for _ in shape)
    cells = np.ravel_multi_index(np.ix_(*inside), output).ravel()
    return tuple(np.unique(axis) for axis in np.unravel_index(cells, shape))
