"""Poolings on channel blocks: each block of an image is a plane of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, computed, plain
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.lowering.pooling import window_attributes
from pellucid.engines.native.plan import Buffer, Layout
from pellucid.layers import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
    Layer,
    MaxPool1d,
    MaxPool2d,
)

LARGEST_BYTE_WINDOW = 254
"""Taps of a window whose winner is kept in a byte; native/kernels/blocks/max_pooling.cpp."""


def _pooled(
    builder: PlanBuilder,
    context: NodeContext,
    pooling: str,
    sources: Sequence[Buffer | None],
    sizes: Mapping[str, int],
) -> BlockValue:
    """What a kind of pooling makes of these operands."""
    name, shape = context.name, context.output_shape
    return computed(builder, name, shape, f"blocks_{pooling}_pooling_output", name, sources, sizes)


def _spread(
    builder: PlanBuilder, context: NodeContext, pooling: str, gradient: BlockValue, *others: Buffer
) -> BlockValue:
    """The gradient given back to the cells that were pooled."""
    if not gradient.is_linear:
        gradient = plain(builder, gradient)
    name, shape, sizes = f"d input of {context.name}", context.input_shapes[0], window_attributes(context)
    sources = (*gradient.operands, *others)
    operation = f"blocks_{pooling}_pooling_gradient"
    return computed(builder, name, shape, operation, context.name, sources, sizes)


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
    return _pooled(builder, context, "max", (*source.operands, winners), sizes), winners


def max_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The gradient goes to the winners."""
    return [_spread(builder, context, "max", gradient, cache) if wanted[0] else None]


def average_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The means of the windows."""
    source = inputs[0] if inputs[0].images is None else plain(builder, inputs[0])
    sizes = {**window_attributes(context), "rectify": int(source.rectified)}
    return _pooled(builder, context, "average", source.operands, sizes), None


def average_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The gradient is shared equally."""
    return [_spread(builder, context, "average", gradient) if wanted[0] else None]


MAXIMUM = BlockLowering(max_forward, max_backward)
AVERAGE = BlockLowering(average_forward, average_backward)

LOWERINGS: dict[type[Layer], BlockLowering] = {
    **dict.fromkeys((MaxPool1d, MaxPool2d, GlobalMaxPool, AdaptiveMaxPool1d, AdaptiveMaxPool2d), MAXIMUM),
    **dict.fromkeys((AvgPool1d, AvgPool2d, GlobalAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d), AVERAGE),
}
