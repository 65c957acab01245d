"""Activations that look at channels, on channel blocks: softmax and its logarithm, PReLU."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, channels_of, computed, plain
from pellucid.engines.native.lowering.channel_activation import SOFTMAX_KERNELS, prelu_attributes
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.plan import Buffer, Scale, Step
from pellucid.layers import Layer, LogSoftmax, PReLU, Softmax


def softmax_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Probabilities over the channels, or their logarithms."""
    source = plain(builder, inputs[0])
    name, attributes = context.name, channels_of(source.shape)
    operation = f"blocks_{SOFTMAX_KERNELS[type(context.node.layer)]}_output"
    extent = source.positions
    result = computed(builder, name, source.shape, operation, name, (source.x,), attributes, extent)
    return result, result


def softmax_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """delta less what all channels of a position lose together."""
    if not wanted[0]:
        return [None]
    name, shape = f"d input of {context.name}", gradient.shape
    operation = f"blocks_{SOFTMAX_KERNELS[type(context.node.layer)]}_gradient"
    sources, extent = (plain(builder, gradient).x, cache.x), gradient.positions
    attributes = channels_of(shape)
    return [computed(builder, name, shape, operation, context.name, sources, attributes, extent)]


def prelu_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Negative cells times their channel's slope."""
    source = plain(builder, inputs[0])
    name, attributes = context.name, prelu_attributes(context)
    sources = (source.x, context.parameter("weight"))
    return computed(builder, name, source.shape, "blocks_prelu_output", name, sources, attributes), source


def prelu_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """delta times 1 or the slope; the slopes' own gradient from the negative cells."""
    target, shape = context.gradient("weight"), context.output_shape
    name = f"d input of {context.name}"
    result = BlockValue(name, shape, builder.blocks_buffer(name, shape)) if wanted[0] else None
    addends = builder.blocks_buffer(f"{context.name} addends", shape) if target is not None else None
    if result is None and addends is None:
        return [None]
    delta = plain(builder, gradient).x
    operands = (delta, cache.x, context.parameter("weight"), result.x if result else None, addends)
    attributes, extent = prelu_attributes(context), builder.blocks(shape[0])
    steps = [Step("blocks_prelu_gradient", context.name, operands, attributes, extent, Scale.IMAGES)]
    if addends is not None and target is not None:
        steps += _slope_gradient(builder, context, addends, target)
    builder.shared(steps)
    return [result]


def _slope_gradient(
    builder: PlanBuilder, context: NodeContext, addends: Buffer, target: Buffer
) -> list[Step]:
    """Steps that sum what every cell adds, by channel or altogether."""
    channels, extent = context.output_shape[0], builder.blocks(context.output_shape[0])
    shared = prelu_attributes(context)["shared"]
    sums = builder.pooled_buffer(f"{context.name} channel sums", channels * 4) if shared else target
    steps = [Step("blocks_channel_sums", context.name, (addends, sums), context.channels, extent)]
    if shared:
        steps.append(Step("total_values", context.name, (sums, target), {"cells": channels}, 1))
    return steps


LOWERINGS: dict[type[Layer], BlockLowering] = {
    LogSoftmax: BlockLowering(softmax_forward, softmax_backward),
    PReLU: BlockLowering(prelu_forward, prelu_backward),
    Softmax: BlockLowering(softmax_forward, softmax_backward),
}
