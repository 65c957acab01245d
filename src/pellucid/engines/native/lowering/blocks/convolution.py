"""Convolutions over channel blocks."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks import direct
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.epilogue import Epilogue
from pellucid.engines.native.lowering.blocks.kernel_gradient import bias_gradient
from pellucid.engines.native.lowering.blocks.value import BlockValue
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.lowering.convolution import Geometry, geometry
from pellucid.layers import Conv1d, Conv2d, Convolution, Layer


class Algorithm(Enum):
    """How a convolution is computed."""

    DIRECT = "direct"


def algorithm_of(context: NodeContext, sizes: Geometry) -> Algorithm:
    """The algorithm for a node's convolution."""
    return Algorithm.DIRECT


def sizes_of(context: NodeContext) -> Geometry:
    """The sizes of a node's convolution."""
    layer = context.node.layer
    assert isinstance(layer, Convolution)
    return geometry(context, layer)


def convolution_output(
    builder: PlanBuilder, context: NodeContext, value: BlockValue, epilogue: Epilogue
) -> BlockValue:
    """A convolution's output, put through what comes after it."""
    sizes = sizes_of(context)
    match algorithm_of(context, sizes):
        case Algorithm.DIRECT:
            return direct.output(builder, context, sizes, value, epilogue)


def forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The sums plus bias."""
    epilogue = Epilogue(bias=context.parameter("bias"))
    return convolution_output(builder, context, inputs[0], epilogue), inputs[0]


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """dJ/dW and dJ/db where they are wanted, then dJ/dx."""
    sizes = sizes_of(context)
    bias_gradient(builder, context, gradient)
    match algorithm_of(context, sizes):
        case Algorithm.DIRECT:
            direct.weight_gradient(builder, context, sizes, cache, gradient)
            return [direct.input_gradient(builder, context, sizes, gradient) if wanted[0] else None]


LOWERINGS: dict[type[Layer], BlockLowering] = {
    Conv1d: BlockLowering(forward, backward),
    Conv2d: BlockLowering(forward, backward),
}
