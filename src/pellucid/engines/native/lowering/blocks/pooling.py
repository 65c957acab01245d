"""Poolings on channel blocks: each block of an image is a plane of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.lowering.pooling import window_attributes
from pellucid.engines.native.plan import Buffer, Layout, Scale, Step
from pellucid.layers import AvgPool2d, GlobalAvgPool, Layer, MaxPool2d

LARGEST_BYTE_WINDOW = 254
"""Taps of a window whose winner is kept in a byte; native/kernels/blocks/max_pooling.cpp."""


def _planes(builder: PlanBuilder, context: NodeContext) -> tuple[int, Scale]:
    """What the steps share out: the blocks of every image."""
    return builder.blocks(context.output_shape[0]), Scale.IMAGES


def _winners(builder: PlanBuilder, context: NodeContext, taps: int) -> Buffer:
    number_type, size = ("uint8", 1) if taps <= LARGEST_BYTE_WINDOW else ("int32", 4)
    cells = builder.capacity * builder.block_values(context.output_shape)
    buffer = builder.pooled_buffer(f"{context.name} winners", cells * size, Layout.BLOCKS)
    return replace(buffer, number_type=number_type)


def max_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The largest cells, and which they were if a gradient will ask."""
    sizes = window_attributes(context)
    source = inputs[0]
    if source.images is not None or (source.rectified and not sizes["rectify"]):
        source = plain(builder, source)
    winners = None
    if context.differentiated:
        winners = _winners(builder, context, sizes["kernel_height"] * sizes["kernel_width"])
    output = builder.blocks_buffer(context.name, context.output_shape)
    operands = (*source.operands, output, winners)
    step = Step("blocks_max_pooling_output", context.name, operands, sizes, *_planes(builder, context))
    builder.shared([step])
    return BlockValue(context.name, context.output_shape, output), winners


def max_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The gradient goes to the winners."""
    if not wanted[0]:
        return [None]
    shape = context.input_shapes[0]
    result = builder.blocks_buffer(f"d input of {context.name}", shape)
    operands = (*_linear(builder, gradient).operands, cache, result)
    sizes = window_attributes(context)
    step = Step("blocks_max_pooling_gradient", context.name, operands, sizes, *_planes(builder, context))
    builder.shared([step])
    return [BlockValue(context.name, shape, result)]


def _linear(builder: PlanBuilder, value: BlockValue) -> BlockValue:
    return value if value.is_linear else plain(builder, value)


def average_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The means of the windows."""
    source = inputs[0] if inputs[0].images is None else plain(builder, inputs[0])
    output = builder.blocks_buffer(context.name, context.output_shape)
    operands = (*source.operands, output)
    sizes = {**window_attributes(context), "rectify": int(source.rectified)}
    step = Step("blocks_average_pooling_output", context.name, operands, sizes, *_planes(builder, context))
    builder.shared([step])
    return BlockValue(context.name, context.output_shape, output), None


def average_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The gradient is shared equally."""
    if not wanted[0]:
        return [None]
    shape = context.input_shapes[0]
    result = builder.blocks_buffer(f"d input of {context.name}", shape)
    operands = (*_linear(builder, gradient).operands, result)
    sizes = window_attributes(context)
    step = Step("blocks_average_pooling_gradient", context.name, operands, sizes, *_planes(builder, context))
    builder.shared([step])
    return [BlockValue(context.name, shape, result)]


LOWERINGS: dict[type[Layer], BlockLowering] = {
    MaxPool2d: BlockLowering(max_forward, max_backward),
    AvgPool2d: BlockLowering(average_forward, average_backward),
    GlobalAvgPool: BlockLowering(average_forward, average_backward),
}
