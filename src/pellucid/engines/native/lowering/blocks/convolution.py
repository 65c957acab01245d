"""Convolutions on channel blocks, each by the algorithm that serves it best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.algorithms import Algorithm, algorithm_of, gradient_algorithm_of
from pellucid.engines.native.lowering.blocks import depthwise, direct, winograd
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.epilogue import NOTHING_MORE, Epilogue, channel_sums
from pellucid.engines.native.lowering.blocks.kernel_gradient import bias_gradient
from pellucid.engines.native.lowering.blocks.padding import repeats_cells
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.lowering.geometry import sizes_of
from pellucid.engines.native.plan import Buffer, Layout
from pellucid.layers import Conv1d, Conv2d, Convolution, Layer
from pellucid.layers.normalization import BatchNorm


class Passes(Protocol):
    """What an algorithm does, in a module of its own."""

    def output(
        self,
        builder: PlanBuilder,
        context: NodeContext,
        value: BlockValue,
        epilogue: Epilogue,
    ) -> BlockValue:
        """A convolution's output, put through what comes after it."""

    def input_gradient(
        self,
        builder: PlanBuilder,
        context: NodeContext,
        gradient: BlockValue,
        epilogue: Epilogue,
    ) -> BlockValue:
        """dJ/dx, put through what comes after it."""

    def weight_gradient(
        self,
        builder: PlanBuilder,
        context: NodeContext,
        value: BlockValue,
        gradient: BlockValue,
        target: Buffer,
    ) -> None:
        """dJ/dW into the parameter's place in the gradient."""


PASSES: Mapping[Algorithm, Passes] = {
    Algorithm.DIRECT: direct,
    Algorithm.DEPTHWISE: depthwise,
    Algorithm.WINOGRAD: winograd,
}


def convolution_output(
    builder: PlanBuilder, context: NodeContext, value: BlockValue, epilogue: Epilogue
) -> BlockValue:
    """A convolution's output, put through what comes after it."""
    passes = PASSES[algorithm_of(context, builder.lanes, Layout.BLOCKS)]
    return passes.output(builder, context, value, epilogue)


def finishes_gradient(context: NodeContext, lanes: int) -> bool:
    """Whether the input's gradient can be added to and masked on its way: it is written once, as it stays."""
    layer = context.node.layer
    if not isinstance(layer, Convolution) or repeats_cells(layer, sizes_of(context)):
        return False
    return algorithm_of(context, lanes, Layout.BLOCKS) is not Algorithm.DEPTHWISE


def input_gradient(
    builder: PlanBuilder, context: NodeContext, gradient: BlockValue, epilogue: Epilogue = NOTHING_MORE
) -> BlockValue:
    """dJ/dx, put through what comes after it."""
    passes = PASSES[gradient_algorithm_of(context, builder.lanes)]
    return passes.input_gradient(builder, context, gradient, epilogue)


def _sums_asked_for(builder: PlanBuilder, context: NodeContext) -> Buffer | None:
    """Where a batch normalisation that follows wants the sums of what is written here."""
    graph = context.graph
    readers = [graph.node(name).layer for name in graph.consumers[context.name]]
    if not context.training or not any(isinstance(layer, BatchNorm) for layer in readers):
        return None
    return channel_sums(builder, f"{context.name} moments", context.output_shape[0])


def forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The sums plus bias."""
    epilogue = Epilogue(bias=context.parameter("bias"), sums=_sums_asked_for(builder, context))
    return convolution_output(builder, context, inputs[0], epilogue), inputs[0]


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """dJ/dW and dJ/db where they are wanted, then dJ/dx."""
    bias_gradient(builder, context, gradient)
    target = context.gradient("weight")
    if target is not None:
        algorithm = algorithm_of(context, builder.lanes, Layout.BLOCKS)
        if algorithm is not Algorithm.WINOGRAD:
            # Written down for the kernels' gradient, it is read for the input's too.
            gradient = plain(builder, gradient)
        PASSES[algorithm].weight_gradient(builder, context, cache, gradient, target)
    return [input_gradient(builder, context, gradient) if wanted[0] else None]


LOWERINGS: dict[type[Layer], BlockLowering] = {
    Conv1d: BlockLowering(forward, backward),
    Conv2d: BlockLowering(forward, backward),
}
