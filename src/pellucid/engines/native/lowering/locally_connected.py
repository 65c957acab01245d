"""Locally connected layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext, reduce_sums
from pellucid.engines.native.lowering.pooling import window_attributes
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Layer, LocallyConnected1d, LocallyConnected2d


def _attributes(context: NodeContext) -> dict[str, int]:
    return {**window_attributes(context), "out_channels": context.output_shape[0]}


def forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """The sums of each output cell's own kernels, plus its own bias."""
    output = builder.lanes_buffer(context.name, context.cells)
    operands = (inputs[0], context.parameter("weight"), context.parameter("bias"), output)
    builder.tile("local_connections_output", context.name, operands, _attributes(context))
    return output, inputs[0]


def _window_cells(builder: PlanBuilder, context: NodeContext) -> Buffer:
    """Where the input cells of a window lie from its first one: (in_channels, *kernel)."""
    sizes = _attributes(context)
    channels, height, width = sizes["channels"], sizes["kernel_height"], sizes["kernel_width"]
    planes = np.arange(channels) * sizes["in_height"] * sizes["in_width"]
    rows = np.arange(height) * sizes["in_width"]
    cells = planes[:, None, None] + rows[:, None] + np.arange(width)
    return builder.constant(f"{context.name} window", cells.astype(np.int32))


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """dx on each tile; dW over the whole batch, when all tiles are done.

    Weights are as many as products, so that no shard could keep sums of its own.
    """
    target, bias = context.gradient("weight"), context.gradient("bias")
    if target is not None:
        builder.later(
            GRADIENT_TURN,
            "local_connections_weight_gradient",
            context.name,
            (cache, gradient, _window_cells(builder, context), target, bias),
            _attributes(context),
            extent=context.output_shape[0],
        )
    elif bias is not None:
        sums = builder.sums(f"{context.name}.bias sums", context.cells)
        cells = {"channels": context.cells, "positions": 1}
        builder.tile("channel_sums", context.name, (gradient, sums), cells)
        reduce_sums(builder, context, sums, bias)
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    operands = (gradient, context.parameter("weight"), result)
    builder.tile("local_connections_input_gradient", context.name, operands, _attributes(context))
    return [result]


LOWERINGS: dict[type[Layer], Lowering] = dict.fromkeys(
    (LocallyConnected1d, LocallyConnected2d), Lowering(forward, backward)
)
