"""Fully connected layers on rows of features; the weights stay in the order in which they are trained."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.plan import Step
from pellucid.layers import Layer, Linear

GROUP = 24
"""Outputs that a step has sums of at a time; native/kernels/blocks/linear.h."""


def _attributes(context: NodeContext, *, rectify: bool = False) -> dict[str, int]:
    return {
        "in_features": context.input_shapes[0][0],
        "out_features": context.output_shape[0],
        "rectify": int(rectify),
    }


def output(
    builder: PlanBuilder, context: NodeContext, source: BlockValue, *, rectify: bool = False
) -> BlockValue:
    """W x + b of a plain value, rectified on the way where a ReLU is part of this step."""
    result = builder.blocks_buffer(context.name, context.output_shape)
    sums = builder.scratch(f"{context.name} sums", GROUP * builder.capacity * builder.lanes * 4)
    operands = (source.x, context.parameter("weight"), context.parameter("bias"), sums, result)
    attributes = _attributes(context, rectify=rectify)
    step = Step("blocks_linear_output", context.name, operands, attributes, extent=context.output_shape[0])
    builder.shared([step])
    return BlockValue(context.name, context.output_shape, result)


def forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Dot products with the rows of W."""
    source = plain(builder, inputs[0])
    return output(builder, context, source), source


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """dW = delta x^T and db over the whole batch, dx = W^T delta."""
    attributes = _attributes(context)
    delta = plain(builder, gradient).x
    steps = []
    outputs = context.output_shape[0]
    if (target := context.gradient("weight")) is not None:
        operands = (delta, cache.x, target)
        steps.append(Step("blocks_linear_weight_gradient", context.name, operands, attributes, outputs))
    if (target := context.gradient("bias")) is not None:
        steps.append(Step("blocks_linear_bias_gradient", context.name, (delta, target), attributes, outputs))
    result = None
    if wanted[0]:
        shape = context.input_shapes[0]
        buffer = builder.blocks_buffer(f"d input of {context.name}", shape)
        result = BlockValue(context.name, shape, buffer)
        sources = (delta, context.parameter("weight"), buffer)
        vectors = builder.blocks(shape[0])
        steps.append(Step("blocks_linear_input_gradient", context.name, sources, attributes, vectors))
    if steps:
        builder.shared(steps)
    return [result]


LOWERINGS: dict[type[Layer], BlockLowering] = {Linear: BlockLowering(forward, backward)}
