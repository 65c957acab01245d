"""Layers that are one linear map of an image's cells, on channel blocks."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.cells import mapped
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain
from pellucid.engines.native.lowering.cell_maps import CellMap, cell_map, cells_of
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.lowering.rearrangement import MAPS, map_of
from pellucid.layers import Layer, Reshape, Shape


def forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The map."""
    cells = map_of(context)
    return mapped(builder, context.name, context.name, context.output_shape, cells, inputs[0]), cells


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """Its adjoint."""
    if not wanted[0]:
        return [None]
    name, shape = f"d input of {context.name}", context.input_shapes[0]
    return [mapped(builder, context.name, name, shape, cache.adjoint(), gradient)]


def _reshaped(builder: PlanBuilder, node: str, name: str, shape: Shape, value: BlockValue) -> BlockValue:
    """The same cells in the same order; where channels stay what they are they lie so already."""
    source = plain(builder, value)
    if source.shape[0] == shape[0]:
        return BlockValue(name, shape, source.x)
    same: CellMap = cell_map(cells_of(source.shape).reshape(-1), (source.positions * source.shape[0],))
    return mapped(builder, node, name, shape, same, source)


def reshape_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Cells in the order of the channels and then of the positions."""
    return _reshaped(builder, context.name, context.name, context.output_shape, inputs[0]), None


def reshape_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The same in the other direction."""
    if not wanted[0]:
        return [None]
    name = f"d input of {context.name}"
    return [_reshaped(builder, context.name, name, context.input_shapes[0], gradient)]


LOWERINGS: dict[type[Layer], BlockLowering] = {
    **dict.fromkeys(MAPS, BlockLowering(forward, backward)),
    Reshape: BlockLowering(reshape_forward, reshape_backward),
}
