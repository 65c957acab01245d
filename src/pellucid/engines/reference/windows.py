"""Padding, sliding windows and their adjoints: what convolution and pooling share.

Arrays are (N, C, *spatial), one AxisWindow a spatial axis. A linear map's adjoint (its transpose) is what
carries gradients back through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pellucid.engines.engine import Array
from pellucid.layers import AxisWindow

Axes = Sequence[AxisWindow]

NUMPY_MODES: dict[str, Literal["edge", "reflect", "wrap"]] = {
    "edge": "edge",
    "reflect": "reflect",
    "circular": "wrap",
}


def padding_sources(axis: AxisWindow, mode: str) -> NDArray[np.int64]:
    """For each position of the padded axis the input position it shows; -1 where that is a constant."""
    positions = np.arange(axis.input, dtype=np.int64)
    amounts = (axis.pad_start, axis.pad_end + axis.overhang)
    if mode == "zeros":
        return np.pad(positions, amounts, constant_values=-1)
    mirrored: NDArray[np.int64] = np.pad(positions, amounts, mode=NUMPY_MODES[mode])
    return mirrored


def pad(x: Array, axes: Axes, mode: str = "zeros", constant: float = 0.0) -> Array:
    """x with every spatial axis padded, or x itself; `constant` is what mode "zeros" pads with."""
    for number, axis in enumerate(axes, start=2):
        if not (axis.pad_start or axis.pad_end or axis.overhang):
            continue
        sources = padding_sources(axis, mode)
        outside = np.expand_dims(sources < 0, tuple(range(1, x.ndim - number)))
        x = np.where(outside, x.dtype.type(constant), np.take(x, sources, axis=number))
    return x


def pad_adjoint(gradient: Array, axes: Axes, mode: str = "zeros") -> Array:
    """dJ/dx from dJ/d(padded x): every input cell collects from all the positions that show it."""
    for number, axis in enumerate(axes, start=2):
        padded = np.moveaxis(gradient, number, 0)
        collected = np.zeros((axis.input, *padded.shape[1:]), gradient.dtype)
        for position, source in enumerate(padding_sources(axis, mode)):
            if source >= 0:
                collected[source] += padded[position]
        gradient = np.moveaxis(collected, 0, number)
    return gradient


def windows(padded: Array, axes: Axes) -> Array:
    """(N, C, *padded) to (N, C, *output, *kernel): all the cells that every output position sees."""
    spatial = tuple(range(2, 2 + len(axes)))
    every = sliding_window_view(padded, tuple(axis.extent for axis in axes), axis=spatial)
    steps = (slice(None, None, axis.stride) for axis in axes)
    taps = (slice(None, None, axis.dilation) for axis in axes)
    return every[(slice(None), slice(None), *steps, *taps)]


def windows_adjoint(gradient: Array, axes: Axes) -> Array:
    """(N, C, *output, *kernel) to (N, C, *padded): every cell collects from all the windows that see it."""
    collected = np.zeros((*gradient.shape[:2], *(axis.padded for axis in axes)), gradient.dtype)
    rank = len(axes)
    taps = np.moveaxis(gradient, range(-rank, 0), range(rank))
    for tap in product(*(range(axis.kernel) for axis in axes)):
        seen = (
            slice(k * axis.dilation, k * axis.dilation + (axis.output - 1) * axis.stride + 1, axis.stride)
            for k, axis in zip(tap, axes, strict=True)
        )
        collected[(slice(None), slice(None), *seen)] += taps[tap]
    return collected


def window_sums(x: Array, axes: Axes) -> Array:
    """The sum of each window, (N, C, *output); what is padded counts as 0."""
    seen = windows(pad(x, axes), axes)
    return np.asarray(seen.sum(axis=tuple(range(-len(axes), 0))), x.dtype)


def window_sums_adjoint(gradient: Array, axes: Axes) -> Array:
    """dJ/dx of y = sum of each window: every cell of a window receives the window's gradient."""
    taps = tuple(axis.kernel for axis in axes)
    single = gradient.reshape(*gradient.shape, *(1,) * len(axes))
    shared = np.broadcast_to(single, (*gradient.shape, *taps))
    return pad_adjoint(windows_adjoint(shared, axes), axes)


def window_cells(
    axes: Axes, position: Sequence[int], mode: str
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...] | None]]:
    """(tap, input position) for all taps of the window at an output position; None where a constant lies."""
    sources = [padding_sources(axis, mode) for axis in axes]
    for tap in product(*(range(axis.kernel) for axis in axes)):
        cell = tuple(
            int(source[o * axis.stride + k * axis.dilation])
            for source, o, k, axis in zip(sources, position, tap, axes, strict=True)
        )
        yield tap, (cell if min(cell) >= 0 else None)
