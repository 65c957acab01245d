"""Rows of the reductions: means, sums, maxima and norms along axes behind the batch."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.folding import axes_of
from pellucid.formats.onnx_import.values import Activation, Constant, Value
from pellucid.layers import (
    Concat,
    GlobalAvgPool,
    GlobalMaxPool,
    LpPool2d,
    Maxout,
    Mean,
    Multiply,
    Shape,
    Transpose,
)

Reduction = Callable[[Call, Activation, tuple[int, ...]], Activation]
"""(call, x, axes of an image) to the result."""


def reduction(function: Reduction) -> Callable[[Call], list[Value]]:
    """The row of an operator: which axes it works on, and what it makes of them."""

    def row(call: Call) -> list[Value]:
        x = call.activation()
        given = axes_of(call)
        if not given and call.integer("noop_with_empty_axes", 0):
            return [x]
        call.require(bool(given), "it takes all images together")
        axes = {call.image_axis(axis, len(x.shape) + 1) for axis in given or ()}
        return [function(call, x, tuple(sorted(axes)))]

    return row


def mean(call: Call, x: Activation, axes: tuple[int, ...]) -> Activation:
    """A pooling for whole maps, else Mean."""
    if _are_maps(x, axes):
        return _shaped(call, call.emit(GlobalAvgPool(), x), x, axes)
    return call.emit(Mean(axes, keep_axes=bool(call.integer("keepdims", 1))), x)


def total(call: Call, x: Activation, axes: tuple[int, ...]) -> Activation:
    """The mean times the number of cells."""
    average = call.emit(Mean(axes, keep_axes=bool(call.integer("keepdims", 1))), x)
    cells = float(math.prod(x.shape[axis] for axis in axes))
    count = Constant.of(np.full((1,) * len(average.shape), cells, np.float32))
    return call.emit(Multiply(), average, call.importer.parameter(count, count.shape))


def largest(call: Call, x: Activation, axes: tuple[int, ...]) -> Activation:
    """A pooling for whole maps, else the largest of so many channels, once the axes are put first."""
    if _are_maps(x, axes):
        return _shaped(call, call.emit(GlobalMaxPool(), x), x, axes)
    cells, rest = _sizes(x, axes)
    first = call.importer.reshape(_put_first(call, x, axes), (cells, *rest))
    return _shaped(call, call.emit(Maxout(cells), first), x, axes)


def norm(power: float) -> Reduction:
    """The norm along axes, as one window over them."""

    def along(call: Call, x: Activation, axes: tuple[int, ...]) -> Activation:
        cells, rest = _sizes(x, axes)
        maps = call.importer.reshape(_put_first(call, x, axes), (1, cells, math.prod(rest)))
        return _shaped(call, call.emit(LpPool2d((cells, 1), stride=1, norm=power), maps), x, axes)

    return along


def _are_maps(x: Activation, axes: tuple[int, ...]) -> bool:
    return len(x.shape) >= 2 and axes == tuple(range(1, len(x.shape)))


def _sizes(x: Activation, axes: tuple[int, ...]) -> tuple[int, Shape]:
    """How many cells are taken together, and the lengths of the other axes."""
    rest = tuple(length for axis, length in enumerate(x.shape) if axis not in axes)
    return math.prod(x.shape[axis] for axis in axes), rest


def _put_first(call: Call, x: Activation, axes: tuple[int, ...]) -> Activation:
    order = axes + tuple(axis for axis in range(len(x.shape)) if axis not in axes)
    return x if order == tuple(range(len(x.shape))) else call.emit(Transpose(order), x)


def _shaped(call: Call, result: Activation, x: Activation, axes: tuple[int, ...]) -> Activation:
    """The result with the axes left out, or of length 1."""
    if call.integer("keepdims", 1):
        shape = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
    else:
        shape = _sizes(x, axes)[1]
    return call.importer.reshape(result, shape or (1,))


def largest_of(call: Call, values: list[Activation]) -> Activation:
    """The largest of several arrays, cell by cell: stacked as channels."""
    shape = values[0].shape
    call.require(all(value.shape == shape for value in values), "arrays of different shapes meet in it")
    maps = [call.importer.reshape(value, (1, *shape)) for value in values]
    stacked = call.emit(Concat(0), *maps)
    return call.importer.reshape(call.emit(Maxout(len(values)), stacked), shape)


ROWS: dict[str, Callable[[Call], list[Value]]] = {
    "ReduceL1": reduction(norm(1.0)),
    "ReduceL2": reduction(norm(2.0)),
    "ReduceMax": reduction(largest),
    "ReduceMean": reduction(mean),
    "ReduceSum": reduction(total),
}
