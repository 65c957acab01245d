"""Flatten and dropout: layers that often cost nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Dropout, Flatten, Layer


def same_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """The cells already lie in the order that is wanted."""
    return inputs[0], None


def same_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """The gradient as it is."""
    return [gradient if wanted[0] else None]


def _dropout(builder: PlanBuilder, context: NodeContext, source: Buffer, name: str) -> Buffer:
    layer = context.node.layer
    assert isinstance(layer, Dropout)
    if not context.training or layer.rate == 0:
        return source
    result = builder.lanes_buffer(name, context.cells)
    attributes = {"cells": context.cells, "node": context.index, "rate": layer.rate}
    builder.tile("dropout", context.name, (source, result), attributes)
    return result


def dropout_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """Times the mask in training."""
    return _dropout(builder, context, inputs[0], context.name), None


def dropout_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """Times the same mask, drawn again."""
    if not wanted[0]:
        return [None]
    return [_dropout(builder, context, gradient, f"d input of {context.name}")]


LOWERINGS: dict[type[Layer], Lowering] = {
    Flatten: Lowering(same_forward, same_backward),
    Dropout: Lowering(dropout_forward, dropout_backward),
}
