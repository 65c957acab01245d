"""Fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext, bias_gradient
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Layer, Linear


def _attributes(builder: PlanBuilder, context: NodeContext) -> dict[str, int]:
    features = context.input_shapes[0][0]
    return {
        "in_features": features,
        "out_features": context.output_shape[0],
        "row": -(-features // builder.lanes) * builder.lanes,
    }


def forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """Dot products of the rows of W with the lanes."""
    output = builder.lanes_buffer(context.name, context.cells)
    operands = (inputs[0], context.parameter("weight"), context.parameter("bias"), output)
    builder.tile("linear_output", context.name, operands, _attributes(builder, context))
    return output, inputs[0]


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """dx = W^T delta on each tile; dW = delta x^T over the whole batch, when all tiles are done.

    As one product over the batch dW is written once, not added to once a tile, and needs no reduction.
    """
    attributes = _attributes(builder, context)
    target, bias = context.gradient("weight"), context.gradient("bias")
    if target is not None:
        rows = builder.rows_buffer(f"input of {context.name} by image", attributes["row"])
        builder.tile("transpose_lanes", context.name, (cache, rows), attributes)
        builder.later(
            GRADIENT_TURN,
            "linear_weight_gradient",
            context.name,
            (gradient, rows, target, bias),
            attributes,
            extent=attributes["out_features"],
        )
    else:
        bias_gradient(builder, context, gradient)
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    operands = (gradient, context.parameter("weight"), result)
    builder.tile("linear_input_gradient", context.name, operands, attributes)
    return [result]


LOWERINGS: dict[type[Layer], Lowering] = {Linear: Lowering(forward, backward)}
