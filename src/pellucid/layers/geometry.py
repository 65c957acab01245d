"""Turning what a person writes (3, "same", (1, 2)) into one window an axis."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from pellucid.layers.layer import AxisWindow, Shape, require

Axes = int | tuple[int, ...]
PaddingAmount = Literal["valid", "same", "full"]
Padding = int | tuple[int | tuple[int, int], ...] | PaddingAmount
PaddingMode = Literal["zeros", "edge", "reflect", "circular"]

PADDING_AMOUNTS = ("valid", "same", "full")
PADDING_MODES: tuple[PaddingMode, ...] = ("zeros", "edge", "reflect", "circular")


def per_axis(layer: str, rule: str, value: Axes, rank: int, minimum: int) -> tuple[int, ...]:
    """One whole number an axis, each at least `minimum`; a single number stands for all axes."""
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    valid = len(values) == rank and all(
        isinstance(v, int) and not isinstance(v, bool) and v >= minimum for v in values
    )
    require(
        valid,
        layer,
        f"{rule} is a whole number of at least {minimum}" + (f", or {rank} of them" if rank > 1 else ""),
        value,
    )
    return values


def require_kernels(layer: str, rank: int, out_channels: int, groups: int = 1, **axes: Axes) -> None:
    """Require what every layer of kernels does: channels that groups can share, lengths of at least 1.

    Args:
        axes: kernel_size, stride, ...: one number or one an axis each.
    """
    per_axis(layer, "out_channels", out_channels, 1, 1)
    per_axis(layer, "groups", groups, 1, 1)
    for rule, value in axes.items():
        per_axis(layer, rule, value, rank, 1)
    rule = f"out_channels is a multiple of groups = {groups}"
    require(out_channels % groups == 0, layer, rule, out_channels)


def padding_amounts(layer: str, padding: Padding, rank: int) -> tuple[tuple[int, int], ...] | PaddingAmount:
    """Padding as a named amount, or (start, end) an axis."""
    if isinstance(padding, str):
        require(padding in PADDING_AMOUNTS, layer, f"padding is one of {', '.join(PADDING_AMOUNTS)}", padding)
        return padding
    pairs = (padding,) * rank if isinstance(padding, int) else tuple(padding)
    amounts = tuple((p, p) if isinstance(p, int) else tuple(p) for p in pairs)
    valid = len(amounts) == rank and all(
        len(p) == 2 and all(isinstance(v, int) and v >= 0 for v in p) for p in amounts
    )
    require(
        valid, layer, f"padding is a number, {rank} of them, {rank} pairs (start, end), or a name", padding
    )
    return tuple((p[0], p[1]) for p in amounts)


def same_padding(length: int, extent: int, stride: int) -> tuple[int, int]:
    """Padding that makes the output ceil(I / S) long: P = max(0, S ceil(I/S) - I + F_eff - S)."""
    total = max(0, stride * math.ceil(length / stride) - length + extent - stride)
    return total // 2, total - total // 2


def windows(
    layer: str,
    lengths: Shape,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[tuple[int, int], ...] | PaddingAmount,
    ceil_mode: bool = False,
) -> tuple[AxisWindow, ...]:
    """The window of every spatial axis; raises LayerError where the kernel does not fit.

    With ceil_mode a last window that reaches beyond the padding counts too, if it begins before the end of
    the input.
    """
    result = []
    for axis, length in enumerate(lengths):
        extent = kernel[axis] + (kernel[axis] - 1) * (dilation[axis] - 1)
        if padding == "valid":
            start, end = 0, 0
        elif padding == "same":
            start, end = same_padding(length, extent, stride[axis])
        elif padding == "full":
            start, end = extent - 1, extent - 1
        else:
            start, end = padding[axis]
        window = AxisWindow(length, kernel[axis], stride[axis], dilation[axis], start, end)
        window = _with_overhang(window) if ceil_mode else window
        require(
            window.output >= 1,
            layer,
            f"a window of {extent} needs an input at least as long, padding included",
            f"{length} + {start} + {end}",
        )
        result.append(window)
    return tuple(result)


def _with_overhang(window: AxisWindow) -> AxisWindow:
    missing = -(window.padded - window.extent) % window.stride
    begins_inside = window.output * window.stride < window.pad_start + window.input
    return replace(window, overhang=missing) if missing and begins_inside else window


def require_padding_mode(layer: str, mode: str, axes: tuple[AxisWindow, ...]) -> None:
    """Require that the input is long enough to be mirrored or wrapped by the padding asked for."""
    for axis in axes:
        widest = max(axis.pad_start, axis.pad_end)
        limit = {"reflect": axis.input - 1, "circular": axis.input}.get(mode, widest)
        require(
            widest <= limit,
            layer,
            f'padding mode "{mode}" can pad an axis of {axis.input} by at most {limit}',
            widest,
        )


AxisPairs = int | tuple[tuple[int, int], ...]
"""Amounts at both ends: one number for all spatial axes, or a (start, end) pair an axis."""


def per_side(layer: str, rule: str, amounts: AxisPairs, shape: Shape) -> tuple[tuple[int, int], ...]:
    """A (start, end) pair for every axis of the shape, channels first.

    A single number stands for both ends of the spatial axes; as many pairs as spatial axes leave the channels
    alone.
    """
    if isinstance(amounts, int):
        return ((0, 0), *((amounts, amounts),) * (len(shape) - 1))
    require(
        len(amounts) in (len(shape) - 1, len(shape)),
        layer,
        f"{rule} has a pair for each of {len(shape) - 1} spatial axes, or of {len(shape)} axes",
        amounts,
    )
    return ((0, 0),) * (len(shape) - len(amounts)) + amounts


def require_pairs(layer: str, rule: str, amounts: AxisPairs) -> None:
    """Require a number of at least 0, or (start, end) pairs of such."""
    pairs = ((amounts, amounts),) if isinstance(amounts, int) else amounts
    valid = len(pairs) > 0 and all(len(pair) == 2 and all(n >= 0 for n in pair) for pair in pairs)
    require(valid, layer, f"{rule} is a number of at least 0, or a (start, end) pair an axis", amounts)
