"""Linear maps of an image's cells as tables: which cells of the input each cell of the output is made of.

Arrays are seen as (outer, middle, inner): a table for the middle axis serves every slice of the outer one and
moves whole runs of the inner one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pellucid.layers import Shape

CONSTANT = -1
"""In a table: a cell that has no source; native/kernels/cells/gather.cpp."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CellMap:
    """y[o, k, i] = x[o, table[k], i], or `value` where the table says CONSTANT.

    Attributes:
        outer: slices of an image.
        inputs: length of the input's middle axis.
        table: a source for each cell of the output's middle axis.
        inner: cells that move together.
        value: of cells without a source.
    """

    outer: int
    inputs: int
    table: Indices
    inner: int
    value: float = 0.0

    @property
    def outputs(self) -> int:
        """Length of the output's middle axis."""
        return len(self.table)

    def adjoint(self) -> CellMap | CellSums:
        """From gradients of the output to those of the input."""
        kept = self.table >= 0
        if len(np.unique(self.table[kept])) < np.count_nonzero(kept):
            starts = np.concatenate([[0], np.cumsum(kept)])
            return CellSums(self.outer, self.inputs, starts, self.table[kept], None, self.inner).adjoint()
        inverse = np.full(self.inputs, CONSTANT, np.int64)
        inverse[self.table[kept]] = np.flatnonzero(kept)
        return CellMap(self.outer, self.outputs, inverse, self.inner)

    def sources(self) -> Indices:
        """The input cell of every output cell, CONSTANT for none."""
        slices, runs = _slices(self.outer, self.inputs, self.inner)
        middle = self.table[:, None]
        every = np.where(middle >= 0, slices + middle * self.inner + runs, CONSTANT)
        return every.reshape(-1)


@dataclass(frozen=True, eq=False)
class CellSums:
    """y[o, k, i] = scale sum_j weights[j] x[o, sources[j], i], j from starts[k] to starts[k + 1].

    Attributes:
        outer: slices of an image.
        inputs: length of the input's middle axis.
        starts: where each output's addends begin, and the end of the last.
        addends: their places in the input's middle axis.
        weights: of the addends; None where all are 1.
        inner: cells that move together.
        scale: of every sum.
    """

    outer: int
    inputs: int
    starts: Indices
    addends: Indices
    weights: NDArray[np.float64] | None
    inner: int
    scale: float = 1.0

    @property
    def outputs(self) -> int:
        """Length of the output's middle axis."""
        return len(self.starts) - 1

    def adjoint(self) -> CellSums:
        """From gradients of the output to those of the input."""
        outputs = np.repeat(np.arange(self.outputs), np.diff(self.starts))
        order = np.argsort(self.addends, kind="stable")
        counts = np.bincount(self.addends, minlength=self.inputs)
        starts = np.concatenate([[0], np.cumsum(counts)])
        weights = None if self.weights is None else self.weights[order]
        return CellSums(self.outer, self.outputs, starts, outputs[order], weights, self.inner, self.scale)

    def flat(self) -> CellSums:
        """The same for the whole image as one middle axis."""
        slices, runs = _slices(self.outer, self.inputs, self.inner)
        rows = np.arange(self.outputs)[:, None]
        every = np.broadcast_to(rows, (self.outer, self.outputs, self.inner)).reshape(-1)
        places, starts = self.rows(every)
        first = np.broadcast_to(slices + runs, (self.outer, self.outputs, self.inner)).reshape(-1)
        lengths = np.diff(starts)
        return CellSums(
            outer=1,
            inputs=self.outer * self.inputs * self.inner,
            starts=starts,
            addends=np.repeat(first, lengths) + self.addends[places] * self.inner,
            weights=None if self.weights is None else self.weights[places],
            inner=1,
            scale=self.scale,
        )

    def rows(self, numbers: Indices) -> tuple[Indices, Indices]:
        """Where the addends of these rows are, one row after the other, and where each row then begins."""
        lengths = np.diff(self.starts)[numbers]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
        return np.repeat(self.starts[numbers], lengths) + within, starts


LinearMap = CellMap | CellSums


def _slices(outer: int, inputs: int, inner: int) -> tuple[Indices, Indices]:
    """Where each slice begins, as (outer, 1, 1), and the cells of a run."""
    return np.arange(outer)[:, None, None] * (inputs * inner), np.arange(inner)


def cell_map(sources: Indices, shape: Shape, value: float = 0.0) -> CellMap:
    """The map to an array of sources, cells of an input of this shape; untouched axes set apart."""
    outer, inner = 1, 1
    while sources.ndim > 0 and shape and (found := _untouched_first(sources, shape)) is not None:
        outer, sources, shape = outer * shape[0], found, shape[1:]
    while sources.ndim > 0 and shape and (found := _untouched_last(sources, shape)) is not None:
        inner, sources, shape = inner * shape[-1], found, shape[:-1]
    return CellMap(outer, math.prod(shape), np.atleast_1d(sources).reshape(-1), inner, value)


def cell_map_along(
    shape: Shape,
    axes: Iterable[int],
    sources: Callable[[Shape], Indices],
    value: float = 0.0,
) -> CellMap:
    """A map that moves cells along these axes only, and so need not be looked at along the others.

    Args:
        shape: of the input.
        axes: perhaps none.
        sources: from the lengths of the axes from the first of these to the last, to what `cell_map` takes.
        value: of cells without a source.
    """
    moved = sorted(axes)
    first, last = (moved[0], moved[-1] + 1) if moved else (0, 0)
    middle = cell_map(sources(shape[first:last]), shape[first:last], value)
    outer, inner = math.prod(shape[:first]), math.prod(shape[last:])
    return replace(middle, outer=outer * middle.outer, inner=inner * middle.inner)


def _untouched_first(sources: Indices, shape: Shape) -> Indices | None:
    """The sources of the first slice, if every slice along the first axis has its own alike."""
    length, rest = shape[0], math.prod(shape[1:])
    if sources.shape[0] != length or sources[0].max() >= rest:
        return None
    first: Indices = sources[0]
    steps = np.arange(length).reshape(length, *(1,) * first.ndim) * rest
    alike = np.array_equal(sources, np.where(first >= 0, first + steps, CONSTANT))
    return first if alike else None


def _untouched_last(sources: Indices, shape: Shape) -> Indices | None:
    """The sources as runs along the last axis, if they are."""
    length = shape[-1]
    if sources.shape[-1] != length:
        return None
    first: Indices = sources[..., 0]
    kept = first >= 0
    runs = np.where(kept[..., None], first[..., None] + np.arange(length), CONSTANT)
    if (first[kept] % length).any() or not np.array_equal(sources, runs):
        return None
    return np.where(kept, first // length, CONSTANT)


def cells_of(shape: Shape) -> Indices:
    """The number of every cell of an array of this shape."""
    return np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
