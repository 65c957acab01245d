"""Radial basis functions."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Layer, RBFOutput


def _attributes(context: NodeContext) -> dict[str, int]:
    features = context.input_shapes[0][0]
    return {"in_features": features, "out_features": context.output_shape[0], "row": features}


def forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """Minus the squared distances to the prototypes."""
    output = builder.lanes_buffer(context.name, context.cells)
    operands = (inputs[0], context.parameter("prototypes"), output)
    builder.tile("rbf_output", context.name, operands, _attributes(context))
    return output, inputs[0]


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """Towards or away from each prototype."""
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    operands = (gradient, cache, context.parameter("prototypes"), result)
    builder.tile("rbf_input_gradient", context.name, operands, _attributes(context))
    return [result]


LOWERINGS: dict[type[Layer], Lowering] = {RBFOutput: Lowering(forward, backward)}
