"""Flatten and dropout.

Features lie in blocks as they are, so only what had positions must be put in order.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, channels_of, computed, plain
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.layers import Dropout, Flatten, Layer


def flatten_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Channel after channel, each with its positions."""
    source = plain(builder, inputs[0])
    if source.positions == 1:
        return BlockValue(context.name, context.output_shape, source.x), None
    name, shape, attributes = context.name, context.output_shape, channels_of(source.shape)
    return computed(builder, name, shape, "blocks_flatten", name, (source.x,), attributes, 1), None


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
    name, sources = f"d input of {context.name}", (source.x,)
    return [computed(builder, name, shape, "blocks_unflatten", context.name, sources, attributes, 1)]


def _dropped(builder: PlanBuilder, context: NodeContext, name: str, value: BlockValue) -> BlockValue:
    layer = context.node.layer
    assert isinstance(layer, Dropout)
    if not context.training or layer.rate == 0:
        return value
    attributes = {**channels_of(value.shape), "node": context.index, "rate": layer.rate}
    sources = (plain(builder, value).x,)
    return computed(builder, name, value.shape, "blocks_dropout", context.name, sources, attributes)


def dropout_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Some cells lost in training, none otherwise."""
    return _dropped(builder, context, context.name, inputs[0]), None


def dropout_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The same cells of the gradient lost."""
    if not wanted[0]:
        return [None]
    return [_dropped(builder, context, f"d input of {context.name}", gradient)]


LOWERINGS: dict[type[Layer], BlockLowering] = {
    Flatten: BlockLowering(flatten_forward, flatten_backward),
    Dropout: BlockLowering(dropout_forward, dropout_backward, follows_masks=True),
}
