"""Activations on channel blocks: a rectifier is described, everything else computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.activation import FROM_INPUT, KINDS, activation_attributes
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, computed, plain
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.layers import Layer, ReLU


def forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Each cell through the function."""
    source = plain(builder, inputs[0])
    name, attributes = context.name, activation_attributes(context)
    operation = "blocks_activation_output"
    result = computed(builder, name, context.output_shape, operation, name, (source.x,), attributes)
    return result, source if type(context.node.layer) in FROM_INPUT else result


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """delta times the derivative, or as the rule says."""
    if not wanted[0]:
        return [None]
    name, attributes = f"d input of {context.name}", activation_attributes(context)
    sources = plain(builder, gradient).x, plain(builder, cache).x
    operation = "blocks_activation_gradient"
    return [computed(builder, name, context.output_shape, operation, context.name, sources, attributes)]


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


LOWERINGS: dict[type[Layer], BlockLowering] = {
    **dict.fromkeys(KINDS, BlockLowering(forward, backward)),
    ReLU: BlockLowering(rectifier_forward, rectifier_backward, follows_masks=True),
}
