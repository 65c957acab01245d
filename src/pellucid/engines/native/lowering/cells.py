"""Linear maps of cells as steps, the batch in the lanes."""

from __future__ import annotations

import numpy as np

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.cell_maps import CellMap, CellSums, Indices, LinearMap
from pellucid.engines.native.plan import Attributes, Buffer


def table(builder: PlanBuilder, name: str, values: Indices) -> Buffer:
    """Whole numbers that never change."""
    return builder.constant(name, values.astype(np.int32))


def sum_tables(builder: PlanBuilder, node: str, sums: CellSums) -> tuple[Buffer | None, ...]:
    """Starts, addends and weights as operands."""
    weights = None
    if sums.weights is not None:
        weights = builder.constant(f"{node} weights", sums.weights.astype(np.float32))
    return (
        table(builder, f"{node} starts", sums.starts),
        table(builder, f"{node} addends", sums.addends),
        weights,
    )


def map_attributes(cells: LinearMap) -> Attributes:
    """Of the kernels of either kind of map."""
    number = {"value": cells.value} if isinstance(cells, CellMap) else {"scale": cells.scale}
    return {
        "outer": cells.outer,
        "inputs": cells.inputs,
        "outputs": cells.outputs,
        "inner": cells.inner,
        **number,
    }


def mapped(builder: PlanBuilder, node: str, name: str, cells: LinearMap, source: Buffer) -> Buffer:
    """A buffer of this name that a node's map makes of another."""
    result = builder.lanes_buffer(name, cells.outer * cells.outputs * cells.inner)
    attributes = map_attributes(cells)
    if isinstance(cells, CellMap):
        operands = (source, table(builder, f"{node} sources", cells.table), result)
        builder.tile("gather_cells", node, operands, attributes)
    else:
        builder.tile("sum_cells", node, (source, *sum_tables(builder, node, cells), result), attributes)
    return result
