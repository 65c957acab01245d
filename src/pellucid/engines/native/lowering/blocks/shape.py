"""Flatten, dropout and parameters.

Features lie in blocks as they are, so only what had positions must be put in order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.cells import ZERO, places
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, channels_of, computed, plain
from pellucid.engines.native.lowering.cell_maps import CellMap
from pellucid.engines.native.lowering.cells import map_attributes, table
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.plan import Step
from pellucid.layers import Dropout, Dropout2d, DropoutLayer, Flatten, Layer, Parameter, StochasticDepth


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
    assert isinstance(layer, DropoutLayer)
    if not context.training or layer.rate == 0:
        return value
    part = layer.part(value.shape)
    attributes = {**channels_of(value.shape), "part": part, "node": context.index, "rate": layer.rate}
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


def parameter_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The same numbers for every image: each image reads the state from its beginning."""
    name, shape = context.name, context.output_shape
    sources = np.full(builder.block_values(shape), ZERO, np.int64)
    sources[places(builder, shape)] = np.arange(context.cells)
    spread = CellMap(outer=1, inputs=0, table=sources, inner=1)
    operands = (context.parameter("value"), table(builder, f"{name} sources", sources))
    attributes = map_attributes(spread)
    return computed(builder, name, shape, "blocks_gather_elements", name, operands, attributes, 1), None


def parameter_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The gradient summed over the images."""
    target = context.gradient("value")
    if target is not None:
        source, numbers = plain(builder, gradient), places(builder, context.output_shape)
        operands = (source.x, table(builder, f"{context.name} numbers", numbers), target)
        attributes = {"cells": builder.block_values(source.shape)}
        extent = context.cells
        builder.shared([Step("blocks_sum_images", context.name, operands, attributes, extent)])
    return []


LOWERINGS: dict[type[Layer], BlockLowering] = {
    **dict.fromkeys(
        (Dropout, Dropout2d, StochasticDepth),
        BlockLowering(dropout_forward, dropout_backward, follows_masks=True),
    ),
    Flatten: BlockLowering(flatten_forward, flatten_backward),
    Parameter: BlockLowering(parameter_forward, parameter_backward),
}
