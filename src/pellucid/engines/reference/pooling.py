"""Definition of the poolings, for any number of spatial axes.

The equations are written for two. x is the padded input, S the stride, D the dilation.
"""

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
    window_sums,
    window_sums_adjoint,
    windows,
    windows_adjoint,
)
from pellucid.layers import (
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
from pellucid.layers.pooling import AvgPooling, LpPooling, MaxPooling

Axes = tuple[AxisWindow, ...]

# ---- maximum


@dataclass(frozen=True)
class MaxCache:
    """The tap that won each window, counted in reading order."""

    winner: NDArray[np.intp]
    axes: Axes


def winners(x: Array, axes: Axes) -> tuple[Array, NDArray[np.intp]]:
    """The maximum of each window and its tap: a NaN wins, ties go to the first, padding never wins."""
    seen = windows(pad(x, axes, constant=-np.inf), axes)
    seen = seen.reshape(*seen.shape[: 2 + len(axes)], -1)
    real = windows(pad(np.ones((1, 1, *x.shape[2:]), bool), axes), axes).reshape(1, 1, *seen.shape[2:])
    maximum = seen.max(axis=-1)
    wins = real & ((seen == maximum[..., None]) | np.isnan(seen))
    return maximum, wins.argmax(axis=-1)


def max_forward(
    layer: MaxPooling, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, MaxCache]:
    """y[c,i,j] = max_{u,v} x[c,iS+uD-P,jS+vD-P]."""
    (x,) = inputs
    axes = layer.window([x.shape[1:]])
    y, winner = winners(x, axes)
    return y, MaxCache(winner, axes)


def max_backward(layer: MaxPooling, gradient: Array, cache: MaxCache, rule: Rule) -> Backward:
    """dJ/dx[winner] = dJ/dy, 0 elsewhere; overlapping windows add up."""
    routed = np.zeros((*gradient.shape, math.prod(layer.kernel)), gradient.dtype)
    np.put_along_axis(routed, cache.winner[..., None], gradient[..., None], axis=-1)
    routed = routed.reshape(*gradient.shape, *layer.kernel)
    return (pad_adjoint(windows_adjoint(routed, cache.axes), cache.axes),), {}


def max_terms(layer: MaxPooling, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The winner alone."""
    (x,) = inputs
    axes = layer.window([x.shape])
    _, winner = winners(x[None, cell[:1]], axes)
    _, source = list(window_cells(axes, cell[1:], "zeros"))[winner[(0, 0, *cell[1:])]]
    assert source is not None, "padding never wins"
    return single_term(x, (cell[0], *source))


# ---- mean


def window_sizes(layer: AvgPooling, axes: Axes) -> NDArray[np.float64]:
    """n of each window, (*output,): its padded and real cells, or its real cells only."""
    sizes = np.ones(())
    for axis in axes:
        begin, end = (0, axis.padded - axis.overhang)
        if not layer.include_padding:
            begin, end = axis.pad_start, axis.pad_start + axis.input
        first = np.arange(axis.output) * axis.stride
        counted = np.minimum(first + axis.kernel, end) - np.maximum(first, begin)
        sizes = np.multiply.outer(sizes, counted)
    return sizes


def average_forward(
    layer: AvgPooling, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Axes]:
    """y[c,i,j] = 1/n sum_{u,v} x[c,iS+u-P,jS+v-P]."""
    (x,) = inputs
    axes = layer.window([x.shape[1:]])
    return window_sums(x, axes) / window_sizes(layer, axes).astype(x.dtype), axes


def average_backward(layer: AvgPooling, gradient: Array, cache: Axes, rule: Rule) -> Backward:
    """Every cell of a window receives dJ/dy / n."""
    n = window_sizes(layer, cache).astype(gradient.dtype)
    return (window_sums_adjoint(gradient / n, cache),), {}


def average_terms(layer: AvgPooling, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """x / n for the real cells of the window."""
    (x,) = inputs
    axes = layer.window([x.shape])
    weight = 1 / window_sizes(layer, axes)[cell[1:]]
    cells = [source for _, source in window_cells(axes, cell[1:], "zeros") if source is not None]
    return weighted_terms(x, [((cell[0], *source), weight) for source in cells])


# ---- p-norm


@dataclass(frozen=True)
class NormCache:
    """x and the norms of its windows."""

    x: Array
    y: Array
    axes: Axes


def norm_forward(
    layer: LpPooling, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, NormCache]:
    """y[c,i,j] = (sum_{u,v} |x[c,iS+u-P,jS+v-P]|^p)^(1/p)."""
    (x,) = inputs
    axes = layer.window([x.shape[1:]])
    p = x.dtype.type(layer.norm)
    y = window_sums(np.abs(x) ** p, axes) ** (1 / p)
    return y, NormCache(x, y, axes)


def norm_backward(layer: LpPooling, gradient: Array, cache: NormCache, rule: Rule) -> Backward:
    """dJ/dx = sign(x) |x|^(p-1) times the sum of dJ/dy y^(1-p) over its windows; 0 where y is 0."""
    x, y, p = cache.x, cache.y, gradient.dtype.type(layer.norm)
    share = np.where(y == 0, 0, gradient * np.where(y == 0, 1, y) ** (1 - p))
    slope = np.sign(x) * np.abs(x) ** (p - 1)
    return (slope * window_sums_adjoint(share.astype(x.dtype), cache.axes),), {}


def norm_terms(layer: LpPooling, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """|x|^p for the real cells of the window."""
    (x,) = inputs
    axes = layer.window([x.shape])
    cells = [source for _, source in window_cells(axes, cell[1:], "zeros") if source is not None]
    addends = np.array([np.abs(x[(cell[0], *source)]) ** layer.norm for source in cells], x.dtype)
    sources = np.array([(0, cell[0], *source) for source in cells], np.int64)
    value = float(addends.sum() ** (1 / layer.norm))
    return Terms(addends, sources, value, function=f"total ** (1 / {layer.norm!r})")


# ---- whole maps


def global_average_forward(
    layer: GlobalAvgPool, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, tuple[int, ...]]:
    """y[c] = 1/(H W) sum_{i,j} x[c,i,j]."""
    (x,) = inputs
    return x.mean(axis=tuple(range(2, x.ndim))), x.shape


def global_average_backward(
    layer: GlobalAvgPool, gradient: Array, cache: tuple[int, ...], rule: Rule
) -> Backward:
    """dJ/dx[c,i,j] = dJ/dy[c] / (H W)."""
    spatial = cache[2:]
    shared = gradient / gradient.dtype.type(math.prod(spatial))
    return (np.broadcast_to(shared.reshape(*shared.shape, *(1,) * len(spatial)), cache).copy(),), {}


def global_average_terms(
    layer: GlobalAvgPool, inputs: Sequence[Array], parameters: ShortNames, cell: Cell
) -> Terms:
    """x / (H W) for all cells of the map."""
    (x,) = inputs
    weight = 1 / math.prod(x.shape[1:])
    return weighted_terms(x, [((cell[0], *source), weight) for source in np.ndindex(x.shape[1:])])


@dataclass(frozen=True)
class GlobalMaxCache:
    """The position that won each map, counted in reading order."""

    winner: NDArray[np.intp]
    shape: tuple[int, ...]


def global_max_forward(
    layer: GlobalMaxPool, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, GlobalMaxCache]:
    """y[c] = max_{i,j} x[c,i,j]; a NaN wins, ties go to the first."""
    (x,) = inputs
    cells = x.reshape(*x.shape[:2], -1)
    winner = cells.argmax(axis=-1)
    y = np.take_along_axis(cells, winner[..., None], axis=-1)[..., 0]
    return y, GlobalMaxCache(winner, x.shape)


def global_max_backward(layer: GlobalMaxPool, gradient: Array, cache: GlobalMaxCache, rule: Rule) -> Backward:
    """dJ/dx[winner] = dJ/dy, 0 elsewhere."""
    routed = np.zeros((*cache.shape[:2], math.prod(cache.shape[2:])), gradient.dtype)
    np.put_along_axis(routed, cache.winner[..., None], gradient[..., None], axis=-1)
    return (routed.reshape(cache.shape),), {}


def global_max_terms(
    layer: GlobalMaxPool, inputs: Sequence[Array], parameters: ShortNames, cell: Cell
) -> Terms:
    """The winner alone."""
    (x,) = inputs
    winner = np.unravel_index(int(x[cell].argmax()), x.shape[1:])
    return single_term(x, (*cell, *(int(position) for position in winner)))


MAXIMUM = Definition(max_forward, max_backward, max_terms)
AVERAGE = Definition(average_forward, average_backward, average_terms)
NORM = Definition(norm_forward, norm_backward, norm_terms)

DEFINITIONS: dict[type[Layer], Definition] = {
    MaxPool1d: MAXIMUM,
    MaxPool2d: MAXIMUM,
    AvgPool1d: AVERAGE,
    AvgPool2d: AVERAGE,
    LpPool1d: NORM,
    LpPool2d: NORM,
    GlobalAvgPool: Definition(global_average_forward, global_average_backward, global_average_terms),
    GlobalMaxPool: Definition(global_max_forward, global_max_backward, global_max_terms),
}
