"""Linear maps of cells as steps on channel blocks.

Where every channel keeps to itself, or whole blocks of them move, a cell is a vector of channels. Any other
map that moves channels is one of single numbers; an array's lanes without a channel then come from nowhere,
and are zero.
"""

from __future__ import annotations

import math

import numpy as np

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.value import BlockValue, computed, plain
from pellucid.engines.native.lowering.cell_maps import (
    CONSTANT,
    CellMap,
    CellSums,
    Indices,
    LinearMap,
    cells_of,
)
from pellucid.engines.native.lowering.cells import map_attributes, sum_tables, table
from pellucid.layers import Shape

ZERO = -2
"""In a table: a lane without a channel; native/kernels/cells/gather.cpp."""


def places(builder: PlanBuilder, shape: Shape) -> Indices:
    """Where each cell of an image lies among its numbers in blocks."""
    lanes = builder.lanes
    channels, positions = np.divmod(cells_of(shape).reshape(-1), math.prod(shape[1:]))
    numbers: Indices = (channels // lanes * math.prod(shape[1:]) + positions) * lanes + channels % lanes
    return numbers


def mapped(
    builder: PlanBuilder, node: str, name: str, shape: Shape, cells: LinearMap, value: BlockValue
) -> BlockValue:
    """A value of this name and shape that a node's map makes of another."""
    source = plain(builder, value)
    if _keeps_channels(builder, cells, source.shape, shape):
        slices = cells.outer // shape[0]
        extent = builder.blocks(shape[0]) * slices
        kind = "cells"
    else:
        cells = _of_elements(builder, cells, source.shape, shape)
        vectors = _of_vectors(builder, cells)
        extent, kind = 1, "elements"
        if vectors is not None:
            cells, kind = vectors, "cells"
    attributes = map_attributes(cells)
    if isinstance(cells, CellMap):
        operands = (source.x, table(builder, f"{node} sources", cells.table))
        return computed(builder, name, shape, f"blocks_gather_{kind}", node, operands, attributes, extent)
    sums = (source.x, *sum_tables(builder, node, cells))
    return computed(builder, name, shape, f"blocks_sum_{kind}", node, sums, attributes, extent)


def _keeps_channels(builder: PlanBuilder, cells: LinearMap, source: Shape, target: Shape) -> bool:
    """Whether channels keep to themselves, and lanes without one would be given nothing but zeros."""
    if source[0] != target[0] or cells.outer % source[0] != 0:
        return False
    fills = isinstance(cells, CellMap) and cells.value != 0 and bool((cells.table == CONSTANT).any())
    return not fills or source[0] % builder.lanes == 0


def _of_vectors(builder: PlanBuilder, cells: LinearMap) -> CellMap | None:
    """A map between numbers as one between vectors, if it moves whole blocks of channels only."""
    if not isinstance(cells, CellMap):
        return None
    rows = cells.table.reshape(-1, builder.lanes)
    if cells.value == 0:
        rows = np.maximum(rows, CONSTANT)
    first = rows[:, 0]
    kept = first >= 0
    whole = np.where(kept[:, None], first[:, None] + np.arange(builder.lanes), CONSTANT)
    if (first[kept] % builder.lanes).any() or not np.array_equal(rows, whole):
        return None
    sources = np.where(kept, first // builder.lanes, CONSTANT)
    return CellMap(1, cells.inputs // builder.lanes, sources, 1, cells.value)


def _of_elements(builder: PlanBuilder, cells: LinearMap, source: Shape, target: Shape) -> LinearMap:
    """The map between numbers in blocks."""
    inputs, outputs = builder.block_values(source), builder.block_values(target)
    origins, ends = places(builder, source), places(builder, target)
    if isinstance(cells, CellMap):
        sources = cells.sources()
        numbers = np.full(outputs, ZERO, np.int64)
        numbers[ends] = np.where(sources >= 0, origins[sources], CONSTANT)
        return CellMap(1, inputs, numbers, 1, cells.value)
    flat = cells.flat()
    lengths = np.zeros(outputs, np.int64)
    lengths[ends] = np.diff(flat.starts)
    order = np.argsort(ends, kind="stable")
    numbers, _ = flat.rows(order)
    weights = None if flat.weights is None else flat.weights[numbers]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return CellSums(1, inputs, starts, origins[flat.addends[numbers]], weights, 1, flat.scale)
