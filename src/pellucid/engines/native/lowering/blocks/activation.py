"""Activations on channel blocks: a rectifier is described, everything else computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.activation import KINDS, activation_attributes
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, channels_of, plain
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.plan import Scale, Step
from pellucid.layers import Layer, ReLU, Softmax


def forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Each cell through the function."""
    source = plain(builder, inputs[0])
    output = builder.blocks_buffer(context.name, context.output_shape)
    extent = builder.blocks(context.output_shape[0])
    operands = (source.x, output)
    step = Step(
        "blocks_activation_output",
        context.name,
        operands,
        activation_attributes(context),
        extent,
        Scale.IMAGES,
    )
    builder.shared([step])
    result = BlockValue(context.name, context.output_shape, output)
    return result, result


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """delta times the derivative, or as the rule says."""
    if not wanted[0]:
        return [None]
    result = builder.blocks_buffer(f"d input of {context.name}", context.output_shape)
    operands = (plain(builder, gradient).x, plain(builder, cache).x, result)
    extent = builder.blocks(context.output_shape[0])
    step = Step(
        "blocks_activation_gradient",
        context.name,
        operands,
        activation_attributes(context),
        extent,
        Scale.IMAGES,
    )
    builder.shared([step])
    return [BlockValue(context.name, context.output_shape, result)]


def rectifier_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Described, unless that would have every reader read two arrays."""
    source = inputs[0] if inputs[0].images is None else plain(builder, inputs[0])
    result = replace(source, name=context.name, rectified=True, sums=None)
    if source.other is not None:
        result = plain(builder, result)
    return result, result


def rectifier_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The gradient where the output is positive, described."""
    if not wanted[0]:
        return [None]
    if context.rule is not Rule.GRADIENT:
        return backward(builder, context, cache, gradient, wanted)
    if context.name in context.absorbed:
        return [gradient]
    if gradient.mask is not None:
        gradient = plain(builder, gradient)
    return [replace(gradient, name=f"d input of {context.name}", mask=cache)]


def softmax_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Probabilities over the channels."""
    source = plain(builder, inputs[0])
    output = builder.blocks_buffer(context.name, source.shape)
    operands = (source.x, output)
    shape = channels_of(source.shape)
    step = Step("blocks_softmax_output", context.name, operands, shape, source.positions, Scale.IMAGES)
    builder.shared([step])
    result = BlockValue(context.name, source.shape, output)
    return result, result


def softmax_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """y times (delta minus its mean under y)."""
    if not wanted[0]:
        return [None]
    result = builder.blocks_buffer(f"d input of {context.name}", gradient.shape)
    operands = (plain(builder, gradient).x, cache.x, result)
    shape = channels_of(gradient.shape)
    step = Step("blocks_softmax_gradient", context.name, operands, shape, gradient.positions, Scale.IMAGES)
    builder.shared([step])
    return [BlockValue(context.name, gradient.shape, result)]


LOWERINGS: dict[type[Layer], BlockLowering] = {
    **dict.fromkeys(KINDS, BlockLowering(forward, backward)),
    ReLU: BlockLowering(rectifier_forward, rectifier_backward, follows_masks=True),
    Softmax: BlockLowering(softmax_forward, softmax_backward),
}
