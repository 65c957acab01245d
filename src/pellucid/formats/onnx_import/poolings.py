"""Rows of the poolings."""

from __future__ import annotations

from typing import Any

from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.formulas import shortest
from pellucid.formats.onnx_import.values import Activation, Value
from pellucid.formats.onnx_import.windows import Window, short, short_pairs, window
from pellucid.layers import (
    AvgPool1d,
    AvgPool2d,
    Layer,
    LpPool1d,
    LpPool2d,
    MaxPool1d,
    MaxPool2d,
    Pad,
)

LOWEST = -3.4028234663852886e38
"""The lowest float32: a padded cell with it never wins a maximum."""


def _fields(call: Call, shape: Window) -> dict[str, Any]:
    return {
        "kernel_size": short(shape.kernel),
        "stride": None if shape.stride == shape.kernel else short(shape.stride),
        "padding": "same" if shape.padding is None else short_pairs(shape.padding),
        "ceil_mode": bool(call.integer("ceil_mode", 0)),
    }


def _fits(shape: Window) -> bool:
    """Whether the padding is one that a pooling may have: at most half its window."""
    extents = [(size - 1) * gap + 1 for size, gap in zip(shape.kernel, shape.dilation, strict=True)]
    pairs = shape.padding or ()
    return all(2 * max(pair) <= extent for pair, extent in zip(pairs, extents, strict=False))


def max_pool(call: Call) -> list[Value]:
    """MaxPool; its indices are not made."""
    x = call.activation()
    shape = window(call, x.shape[1:], None)
    call.require(call.integer("storage_order", 0) == 0, "its storage_order is 1")
    fields = _fields(call, shape)
    if not _fits(shape) and shape.padding is not None:
        x = call.emit(Pad(shape.padding, "zeros", LOWEST), x)
        fields["padding"] = 0
    kind = MaxPool1d if len(shape.kernel) == 1 else MaxPool2d
    return [call.emit(kind(**fields, dilation=short(shape.dilation)), x)]


def average_pool(call: Call) -> list[Value]:
    """AveragePool."""
    x = call.activation()
    kernel = call.list("kernel_shape") or ()
    if len(x.shape) == 4 and x.shape[0] == 1 and len(kernel) == 3 and kernel[1:] == (1, 1):
        return [_along_channels(call, x, kernel[0])]
    shape = window(call, x.shape[1:], None)
    call.require(set(shape.dilation) == {1}, "a mean over cells that are apart (dilations)")
    include, fields = bool(call.integer("count_include_pad", 0)), _fields(call, shape)
    if not _fits(shape) and shape.padding is not None:
        call.require(include, "a padding of more than half its window, which does not count")
        x = call.emit(Pad(shape.padding), x)
        fields["padding"] = 0
    if fields["padding"] == 0 and not fields["ceil_mode"]:
        include = True
    kind = AvgPool1d if len(shape.kernel) == 1 else AvgPool2d
    return [call.emit(kind(**fields, include_padding=include), x)]


def _along_channels(call: Call, x: Activation, size: int) -> Activation:
    """A mean over three axes that moves along the first only, as in PyTorch's local response norm."""
    plain = all(set(call.list(name) or (1,)) == {1} for name in ("strides", "dilations"))
    call.require(plain and set(call.list("pads") or (0,)) == {0}, "windows over 3 axes; 1 and 2 are known")
    _, channels, height, width = x.shape
    pooled = call.emit(
        AvgPool2d((size, 1), stride=1), call.importer.reshape(x, (1, channels, height * width))
    )
    return call.importer.reshape(pooled, (1, pooled.shape[1], height, width))


def lp_pool(call: Call) -> list[Value]:
    """LpPool."""
    x = call.activation()
    shape = window(call, x.shape[1:], None)
    call.require(set(shape.dilation) == {1}, "a norm of cells that are apart (dilations)")
    fields = _fields(call, shape)
    if not _fits(shape) and shape.padding is not None:
        x = call.emit(Pad(shape.padding), x)
        fields["padding"] = 0
    kind = LpPool1d if len(shape.kernel) == 1 else LpPool2d
    return [call.emit(kind(**fields, norm=shortest(call.real("p", 2))), x)]


def whole_maps(layer: Layer) -> Any:
    """The row of a pooling of whole maps, to (channels, 1, 1)."""

    def row(call: Call) -> list[Value]:
        x = call.activation()
        call.require(len(x.shape) >= 2, "there are no maps to pool")
        return [call.importer.reshape(call.emit(layer, x), (x.shape[0], *(1,) * (len(x.shape) - 1)))]

    return row


def global_lp_pool(call: Call) -> list[Value]:
    """GlobalLpPool: one window as large as the map."""
    x = call.activation()
    call.require(len(x.shape) in (2, 3), "maps of one or two axes are expected")
    kind = LpPool1d if len(x.shape) == 2 else LpPool2d
    norm = shortest(call.real("p", 2))
    return [call.emit(kind(short(x.shape[1:]), norm=norm), x)]
