"""Definition of the poolings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import single_term, weighted_terms
from pellucid.engines.reference.windows import (
    pad,
    pad_adjoint,
    window_cells,
    windows,
    windows_adjoint,
)
from pellucid.layers import AvgPool2d, AxisWindow, GlobalAvgPool, Layer, MaxPool2d, Subsample2d

TAPS = (-2, -1)
"""The kernel's axes of an array of windows."""

Axes = tuple[AxisWindow, ...]


def _spread(gradient: Array, axes: Axes) -> Array:
    """dJ/dx of y = sum of each window: every cell of a window receives the window's gradient."""
    taps = tuple(axis.kernel for axis in axes)
    shared = np.broadcast_to(gradient[..., None, None], (*gradient.shape, *taps))
    return pad_adjoint(windows_adjoint(shared, axes), axes)


# ---- maximum


@dataclass(frozen=True)
class MaxCache:
    """The tap that won each window, counted in reading order."""

    winner: NDArray[np.intp]
    axes: Axes


def winners(x: Array, axes: Axes) -> tuple[Array, NDArray[np.intp]]:
    """The maximum of each window and its tap: a NaN wins, ties go to the first, padding never wins."""
    seen = windows(pad(x, axes, constant=-np.inf), axes)
    seen = seen.reshape(*seen.shape[:4], -1)
    real = windows(pad(np.ones((1, 1, *x.shape[2:]), bool), axes), axes).reshape(1, 1, *seen.shape[2:])
    maximum = seen.max(axis=-1)
    wins = real & ((seen == maximum[..., None]) | np.isnan(seen))
    return maximum, wins.argmax(axis=-1)


def max_forward(
    layer: MaxPool2d, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, MaxCache]:
    """y[c,i,j] = max_{u,v} x[c,iS+u-P,jS+v-P]."""
    (x,) = inputs
    axes = layer.window([x.shape[1:]])
    y, winner = winners(x, axes)
    return y, MaxCache(winner, axes)


def max_backward(layer: MaxPool2d, gradient: Array, cache: MaxCache, rule: Rule) -> Backward:
    """dJ/dx[winner] = dJ/dy, 0 elsewhere; overlapping windows add up."""
    routed = np.zeros((*gradient.shape, math.prod(layer.kernel)), gradient.dtype)
    np.put_along_axis(routed, cache.winner[..., None], gradient[..., None], axis=-1)
    routed = routed.reshape(*gradient.shape, *layer.kernel)
    return (pad_adjoint(windows_adjoint(routed, cache.axes), cache.axes),), {}


def max_terms(layer: MaxPool2d, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The winner alone."""
    (x,) = inputs
    axes = layer.window([x.shape])
    _, winner = winners(x[None], axes)
    _, source = list(window_cells(axes, cell[1:], "zeros"))[winner[(0, *cell)]]
    assert source is not None, "padding never wins"
    return single_term(x, (cell[0], *source))


# ---- mean


def window_sizes(layer: AvgPool2d, axes: Axes) -> NDArray[np.float64]:
    """n of each window, (1, 1, *output): the whole window, or its real cells only."""
    if layer.include_padding:
        return np.full((1, 1, 1, 1), math.prod(layer.kernel), np.float64)
    ones = np.ones((1, 1, *(axis.input for axis in axes)))
    real: NDArray[np.float64] = windows(pad(ones, axes), axes).sum(axis=TAPS)
    return real


def average_forward(
    layer: AvgPool2d, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Axes]:
    """y[c,i,j] = 1/n sum_{u,v} x[c,iS+u-P,jS+v-P]."""
    (x,) = inputs
    axes = layer.window([x.shape[1:]])
    n = window_sizes(layer, axes).astype(x.dtype)
    return windows(pad(x, axes), axes).sum(axis=TAPS) / n, axes


def average_backward(layer: AvgPool2d, gradient: Array, cache: Axes, rule: Rule) -> Backward:
    """Every cell of a window receives dJ/dy / n."""
    n = window_sizes(layer, cache).astype(gradient.dtype)
    return (_spread(gradient / n, cache),), {}


def average_terms(layer: AvgPool2d, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """x / n for the real cells of the window."""
    (x,) = inputs
    axes = layer.window([x.shape])
    sizes = np.broadcast_to(window_sizes(layer, axes), (1, 1, *(axis.output for axis in axes)))
    weight = 1 / sizes[(0, 0, *cell[1:])]
    cells = [source for _, source in window_cells(axes, cell[1:], "zeros") if source is not None]
    return weighted_terms(x, [((cell[0], *source), weight) for source in cells])


# ---- mean of the whole map


def global_forward(
    layer: GlobalAvgPool, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, tuple[int, ...]]:
    """y[c] = 1/(H W) sum_{i,j} x[c,i,j]."""
    (x,) = inputs
    return x.mean(axis=tuple(range(2, x.ndim))), x.shape


def global_backward(layer: GlobalAvgPool, gradient: Array, cache: tuple[int, ...], rule: Rule) -> Backward:
    """dJ/dx[c,i,j] = dJ/dy[c] / (H W)."""
    spatial = cache[2:]
    shared = gradient / gradient.dtype.type(math.prod(spatial))
    return (np.broadcast_to(shared.reshape(*shared.shape, *(1,) * len(spatial)), cache).copy(),), {}


def global_terms(layer: GlobalAvgPool, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """x / (H W) for all cells of the map."""
    (x,) = inputs
    weight = 1 / math.prod(x.shape[1:])
    return weighted_terms(x, [((cell[0], *source), weight) for source in np.ndindex(x.shape[1:])])


# ---- trainable subsampling


@dataclass(frozen=True)
class SubsampleCache:
    """The windows' sums and the coefficients they were multiplied by."""

    sums: Array
    coefficient: Array
    axes: Axes


def subsample_forward(
    layer: Subsample2d, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, SubsampleCache]:
    """z[c,i,j] = w[c] sum_{u,v} x[c,iS+u,jS+v] + b[c]."""
    (x,) = inputs
    axes = layer.window([x.shape[1:]])
    sums = windows(x, axes).sum(axis=TAPS)
    w, b = parameters["coefficient"], parameters["bias"]
    return w[:, None, None] * sums + b[:, None, None], SubsampleCache(sums, w, axes)


def subsample_backward(layer: Subsample2d, gradient: Array, cache: SubsampleCache, rule: Rule) -> Backward:
    """dJ/dw[c] = sum delta times the windows' sums; dJ/db[c] = sum delta; dJ/dx = w delta."""
    delta = gradient
    gradients = {"coefficient": (delta * cache.sums).sum(axis=(0, 2, 3)), "bias": delta.sum(axis=(0, 2, 3))}
    return (_spread(cache.coefficient[:, None, None] * delta, cache.axes),), gradients


def subsample_terms(layer: Subsample2d, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """w x for the cells of the window, then the bias."""
    (x,) = inputs
    channel = cell[0]
    weight = parameters["coefficient"][channel]
    seen = window_cells(layer.window([x.shape]), cell[1:], "zeros")
    products = [((channel, *source), weight) for _, source in seen if source is not None]
    return weighted_terms(x, products, parameters["bias"][channel])


DEFINITIONS: dict[type[Layer], Definition] = {
    MaxPool2d: Definition(max_forward, max_backward, max_terms),
    AvgPool2d: Definition(average_forward, average_backward, average_terms),
    GlobalAvgPool: Definition(global_forward, global_backward, global_terms),
    Subsample2d: Definition(subsample_forward, subsample_backward, subsample_terms),
}
