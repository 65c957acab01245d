"""Flatten, reshape, dropout and parameters: layers that often cost nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext, reduce_sums
from pellucid.engines.native.plan import Buffer
from pellucid.layers import (
    Dropout,
    Dropout2d,
    DropoutLayer,
    Flatten,
    Layer,
    Parameter,
    Reshape,
    StochasticDepth,
)


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
    assert isinstance(layer, DropoutLayer)
    if not context.training or layer.rate == 0:
        return source
    result = builder.lanes_buffer(name, context.cells)
    part = layer.part(context.output_shape)
    attributes = {"cells": context.cells, "part": part, "node": context.index, "rate": layer.rate}
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


def spread(builder: PlanBuilder, node: str, values: Buffer) -> Buffer:
    """The same numbers in all lanes."""
    cells = values.nbytes // 4
    output = builder.lanes_buffer(values.name, cells)
    builder.tile("spread_values", node, (values, output), {"cells": cells})
    return output


def parameter_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """The same numbers in all lanes."""
    values = context.parameter("value")
    assert values is not None
    return spread(builder, context.name, values), None


def parameter_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """The gradient summed over the images."""
    target = context.gradient("value")
    if target is not None:
        sums = builder.sums(f"{context.name}.value sums", context.cells)
        attributes = {"channels": context.cells, "positions": 1}
        builder.tile("channel_sums", context.name, (gradient, sums), attributes)
        reduce_sums(builder, context, sums, target)
    return []


LOWERINGS: dict[type[Layer], Lowering] = {
    **dict.fromkeys((Dropout, Dropout2d, StochasticDepth), Lowering(dropout_forward, dropout_backward)),
    Flatten: Lowering(same_forward, same_backward),
    Parameter: Lowering(parameter_forward, parameter_backward),
    Reshape: Lowering(same_forward, same_backward),
}
