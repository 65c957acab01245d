"""Flatten: features lie in blocks as they are, so only what had positions must be put in order."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, channels_of, plain
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.plan import Scale, Step
from pellucid.layers import Flatten, Layer


def flatten_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Channel after channel, each with its positions."""
    source = plain(builder, inputs[0])
    if source.positions == 1:
        return BlockValue(context.name, context.output_shape, source.x), None
    output = builder.blocks_buffer(context.name, context.output_shape)
    operands = (source.x, output)
    attributes = channels_of(source.shape)
    builder.shared([Step("blocks_flatten", context.name, operands, attributes, 1, Scale.IMAGES)])
    return BlockValue(context.name, context.output_shape, output), None


def flatten_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The gradient back at its positions."""
    if not wanted[0]:
        return [None]
    shape = context.input_shapes[0]
    attributes = channels_of(shape)
    source = plain(builder, gradient)
    if attributes["positions"] == 1:
        return [BlockValue(context.name, shape, source.x)]
    result = builder.blocks_buffer(f"d input of {context.name}", shape)
    operands = (source.x, result)
    builder.shared([Step("blocks_unflatten", context.name, operands, attributes, 1, Scale.IMAGES)])
    return [BlockValue(context.name, shape, result)]


LOWERINGS: dict[type[Layer], BlockLowering] = {Flatten: BlockLowering(flatten_forward, flatten_backward)}
