"""Definition of the poolings to a given number of cells, for any number of spatial axes.

Cell o of O sees the inputs floor(o I / O) to ceil((o + 1) I / O) - 1 of each axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import single_term, weighted_terms
from pellucid.layers import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    Layer,
    Shape,
)
from pellucid.layers.pooling import AdaptivePooling

# ---- mean


def mean_matrices(layer: AdaptivePooling, shape: Shape) -> list[Array]:
    """For each axis the (O, I) matrix that takes the means along it."""
    matrices = []
    for bins, length in zip(layer.bins([shape]), shape[1:], strict=True):
        matrix = np.zeros((len(bins), length))
        for row, seen in zip(matrix, bins, strict=True):
            row[seen.start : seen.stop] = 1 / len(seen)
        matrices.append(matrix)
    return matrices


def along_axes(x: Array, matrices: Sequence[Array]) -> Array:
    """(N, C, *spatial), every spatial axis multiplied by its matrix."""
    for number, matrix in enumerate(matrices, start=2):
        x = np.moveaxis(np.tensordot(matrix.astype(x.dtype), x, axes=(1, number)), 0, number)
    return x


def average_forward(
    layer: AdaptivePooling, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, list[Array]]:
    """y[c,o,q] = mean of the cells that (o, q) sees: of its rows' means."""
    (x,) = inputs
    matrices = mean_matrices(layer, x.shape[1:])
    return along_axes(x, matrices), matrices


def average_backward(layer: AdaptivePooling, gradient: Array, cache: list[Array], rule: Rule) -> Backward:
    """Every cell receives its share of every mean that it is in."""
    return (along_axes(gradient, [matrix.T for matrix in cache]),), {}


def average_terms(
    layer: AdaptivePooling, inputs: Sequence[Array], parameters: ShortNames, cell: Cell
) -> Terms:
    """x / n for the n cells that are seen."""
    (x,) = inputs
    seen = list(product(*_seen(layer, x.shape, cell)))
    return weighted_terms(x, [((cell[0], *source), 1 / len(seen)) for source in seen])


def _seen(layer: AdaptivePooling, shape: Shape, cell: Cell) -> list[range]:
    """The inputs that an output cell sees along each axis."""
    return [bins[o] for bins, o in zip(layer.bins([shape]), cell[1:], strict=True)]


# ---- maximum


@dataclass(frozen=True)
class MaxCache:
    """The position in the input, counted in reading order, that won each output cell: (N, C, *output)."""

    winner: NDArray[np.intp]
    shape: tuple[int, ...]


def max_forward(
    layer: AdaptivePooling, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, MaxCache]:
    """y[c,o,q] = the largest cell that (o, q) sees; a NaN wins, ties go to the first."""
    (x,) = inputs
    positions = np.arange(np.prod(x.shape[2:])).reshape(x.shape[2:])
    winner = np.empty((*x.shape[:2], *layer.lengths), np.intp)
    for output in np.ndindex(*layer.lengths):
        seen = tuple(slice(r.start, r.stop) for r in _seen(layer, x.shape[1:], (0, *output)))
        cells = x[(slice(None), slice(None), *seen)].reshape(*x.shape[:2], -1)
        won = positions[seen].reshape(-1)[cells.argmax(axis=-1)]
        winner[(slice(None), slice(None), *output)] = won
    flat = x.reshape(*x.shape[:2], -1)
    y = np.take_along_axis(flat, winner.reshape(*x.shape[:2], -1), axis=-1).reshape(winner.shape)
    return y, MaxCache(winner, x.shape)


def max_backward(layer: AdaptivePooling, gradient: Array, cache: MaxCache, rule: Rule) -> Backward:
    """dJ/dx[winner] = dJ/dy, 0 elsewhere; a cell that won several adds them up."""
    images, channels = cache.shape[:2]
    routed = np.zeros((images, channels, int(np.prod(cache.shape[2:]))), gradient.dtype)
    place = np.arange(images)[:, None, None], np.arange(channels)[None, :, None]
    np.add.at(
        routed, (*place, cache.winner.reshape(images, channels, -1)), gradient.reshape(images, channels, -1)
    )
    return (routed.reshape(cache.shape),), {}


def max_terms(layer: AdaptivePooling, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The winner alone."""
    (x,) = inputs
    _, cache = max_forward(layer, [x[None]], parameters, Context())
    winner = np.unravel_index(int(cache.winner[(0, *cell)]), x.shape[1:])
    return single_term(x, (cell[0], *(int(position) for position in winner)))


AVERAGE = Definition(average_forward, average_backward, average_terms)
MAXIMUM = Definition(max_forward, max_backward, max_terms)

DEFINITIONS: dict[type[Layer], Definition] = {
    AdaptiveAvgPool1d: AVERAGE,
    AdaptiveAvgPool2d: AVERAGE,
    AdaptiveMaxPool1d: MAXIMUM,
    AdaptiveMaxPool2d: MAXIMUM,
}
