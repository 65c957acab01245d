"""Rows of the poolings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import UnsupportedLayer
from pellucid.formats.onnx_export.convolutions import padded, pads
from pellucid.formats.onnx_export.writer import Place
from pellucid.layers import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    AxisWindow,
    GlobalAvgPool,
    GlobalMaxPool,
    Layer,
    LpPool1d,
    LpPool2d,
    MaxPool1d,
    MaxPool2d,
)

LOWEST = -3.4028234663852886e38
"""The lowest float32, which never wins a maximum."""


def _with_overhang(place: Place, axes: Sequence[AxisWindow], number: float) -> str:
    """The maps with all that windows reach beyond their edges."""
    pairs = [(axis.pad_start, axis.pad_end + axis.overhang) for axis in axes]
    return padded(place, place.inputs[0], pairs, "zeros", number)


def _windows(axes: Sequence[AxisWindow]) -> dict[str, Any]:
    return {
        "kernel_shape": [axis.kernel for axis in axes],
        "strides": [axis.stride for axis in axes],
    }


def _max_pool(place: Place) -> str:
    layer: Any = place.layer
    axes = layer.window(place.shapes)
    dilations = [axis.dilation for axis in axes]
    attributes = _windows(axes) | {"dilations": dilations}
    if _overhangs_unlike_onnx(axes):
        return place.result("MaxPool", _with_overhang(place, axes, LOWEST), **attributes)
    ceil_mode = int(any(axis.overhang for axis in axes))
    return place.result("MaxPool", place.inputs[0], **attributes, pads=pads(axes), ceil_mode=ceil_mode)


def _overhangs_unlike_onnx(axes: Sequence[AxisWindow]) -> bool:
    """Whether windows overhang along one axis and, although they could, not along another."""
    overhangs = any(axis.overhang for axis in axes)
    fitting = all((axis.padded - axis.extent) % axis.stride == 0 for axis in axes)
    return overhangs and not fitting


def _average_pool(place: Place) -> str:
    """AveragePool; where windows overhang padding that counts, the whole window and a factor a position."""
    layer: Any = place.layer
    axes = layer.window(place.shapes)
    overhangs = any(axis.overhang for axis in axes)
    if not overhangs or (not layer.include_padding and not _overhangs_unlike_onnx(axes)):
        attributes = _windows(axes) | {"pads": pads(axes), "ceil_mode": int(overhangs)}
        include = int(layer.include_padding)
        return place.result("AveragePool", place.inputs[0], **attributes, count_include_pad=include)
    means = place.step("AveragePool", _with_overhang(place, axes, 0), **_windows(axes))
    factors = np.ones((1, 1, *(1,) * len(axes)))
    for index, axis in enumerate(axes):
        factor = axis.kernel / _counted(axis, layer.include_padding)
        factors = factors * factor.reshape(-1, *(1,) * (len(axes) - 1 - index))
    return place.result("Mul", means, place.constant(factors))


def _counted(axis: AxisWindow, include_padding: bool) -> NDArray[np.float64]:
    """How many cells count in each window along an axis."""
    starts = np.arange(axis.output) * axis.stride
    low, high = (0, axis.padded - axis.overhang)
    if not include_padding:
        low, high = axis.pad_start, axis.pad_start + axis.input
    counted = np.minimum(starts + axis.kernel, high) - np.maximum(starts, low)
    return counted.astype(np.float64)


def _lp_pool(place: Place) -> str:
    layer: Any = place.layer
    if layer.norm != int(layer.norm):
        raise UnsupportedLayer(
            f"{place.name}: ONNX's LpPool has whole norms, received {layer.norm}; use another norm"
        )
    axes = layer.window(place.shapes)
    reaches = any(axis.pad_start or axis.pad_end or axis.overhang for axis in axes)
    value = _with_overhang(place, axes, 0) if reaches else place.inputs[0]
    return place.result("LpPool", value, **_windows(axes), p=int(layer.norm))


def _whole_maps(kind: str) -> Callable[[Place], str]:
    return lambda place: place.result("Flatten", place.step(kind, place.inputs[0]), axis=1)


def _adaptive(kind: str) -> Callable[[Place], str]:
    """Equal windows as a pooling; others by a matrix for means, one by one for maxima."""

    def row(place: Place) -> str:
        layer: Any = place.layer
        axes = layer.window(place.shapes)
        if axes is not None:
            return place.result(kind, place.inputs[0], **_windows(axes))
        bins = layer.bins(place.shapes)
        value = place.inputs[0]
        for axis in range(len(bins)):
            if kind == "MaxPool":
                value = _largest(place, value, axis, len(bins), bins[axis])
            else:
                value = _means(place, value, axis, len(bins), bins[axis])
        return place.result("Identity", value)

    return row


def _means(place: Place, value: str, axis: int, rank: int, bins: Sequence[range]) -> str:
    """A product with the matrix of the windows' shares, from the side of the axis."""
    matrix = np.zeros((len(bins), max(max(bin) for bin in bins) + 1), np.float32)
    for index, cells in enumerate(bins):
        matrix[index, cells.start : cells.stop] = 1 / len(cells)
    if axis == rank - 1:
        shape = (1,) * rank + (matrix.shape[1], matrix.shape[0])
        return place.step("MatMul", value, place.constant(matrix.T.reshape(shape)))
    return place.step("MatMul", place.constant(matrix.reshape(1, 1, *matrix.shape)), value)


def _largest(place: Place, value: str, axis: int, rank: int, bins: Sequence[range]) -> str:
    """The largest cell of every window along an axis, put together."""
    parts = []
    for cells in bins:
        starts, ends = place.integers(cells.start), place.integers(cells.stop)
        part = place.step("Slice", value, starts, ends, place.integers(2 + axis))
        kernel = [len(cells) if other == axis else 1 for other in range(rank)]
        parts.append(place.step("MaxPool", part, kernel_shape=kernel, strides=[1] * rank))
    return place.step("Concat", *parts, axis=2 + axis)


ROWS: dict[type[Layer], Callable[[Place], str]] = {
    AdaptiveAvgPool1d: _adaptive("AveragePool"),
    AdaptiveAvgPool2d: _adaptive("AveragePool"),
    AdaptiveMaxPool1d: _adaptive("MaxPool"),
    AdaptiveMaxPool2d: _adaptive("MaxPool"),
    AvgPool1d: _average_pool,
    AvgPool2d: _average_pool,
    GlobalAvgPool: _whole_maps("GlobalAveragePool"),
    GlobalMaxPool: _whole_maps("GlobalMaxPool"),
    LpPool1d: _lp_pool,
    LpPool2d: _lp_pool,
    MaxPool1d: _max_pool,
    MaxPool2d: _max_pool,
}
