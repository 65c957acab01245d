"""Activations that look at channels: softmax and its logarithm, PReLU, maxout."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext, reduce_sums
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Layer, LogSoftmax, Maxout, PReLU, Softmax

SOFTMAX_KERNELS: dict[type[Layer], str] = {LogSoftmax: "log_softmax", Softmax: "softmax"}


def softmax_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """Probabilities over the channels, or their logarithms."""
    output = builder.lanes_buffer(context.name, context.cells)
    kernel = SOFTMAX_KERNELS[type(context.node.layer)]
    builder.tile(f"{kernel}_output", context.name, (inputs[0], output), context.channels)
    return output, output


def softmax_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """delta less what all channels of a position lose together."""
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.cells)
    kernel = SOFTMAX_KERNELS[type(context.node.layer)]
    builder.tile(f"{kernel}_gradient", context.name, (gradient, cache, result), context.channels)
    return [result]


def prelu_attributes(context: NodeContext) -> dict[str, int]:
    """Of the kernels of a PReLU."""
    layer = context.node.layer
    assert isinstance(layer, PReLU)
    return {**context.channels, "shared": int(layer.shared)}


def prelu_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """Negative cells times their channel's slope."""
    output = builder.lanes_buffer(context.name, context.cells)
    operands = (inputs[0], context.parameter("weight"), output)
    builder.tile("prelu_output", context.name, operands, prelu_attributes(context))
    return output, inputs[0]


def prelu_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """delta times 1 or the slope; the slope's own gradient from the negative cells."""
    target = context.gradient("weight")
    result = builder.lanes_buffer(f"d input of {context.name}", context.cells) if wanted[0] else None
    sums = None
    if target is not None:
        sums = builder.sums(f"{context.name}.weight sums", target.nbytes // 4)
        reduce_sums(builder, context, sums, target)
    if target is not None or wanted[0]:
        operands = (gradient, cache, context.parameter("weight"), result, sums)
        builder.tile("prelu_gradient", context.name, operands, prelu_attributes(context))
    return [result]


def maxout_attributes(context: NodeContext) -> dict[str, int]:
    """Of the kernels of a maxout."""
    layer = context.node.layer
    assert isinstance(layer, Maxout)
    return {**context.channels, "pieces": layer.pieces}


def maxout_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """The largest of neighbouring channels, and which it was if a gradient will ask."""
    output = builder.lanes_buffer(context.name, context.cells)
    winners = None
    if context.differentiated:
        winners = builder.lanes_buffer(f"{context.name} winners", context.cells, "int32")
    builder.tile("maxout_output", context.name, (inputs[0], output, winners), maxout_attributes(context))
    return output, winners


def maxout_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """The gradient goes to the winners."""
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    builder.tile("maxout_gradient", context.name, (gradient, cache, result), maxout_attributes(context))
    return [result]


LOWERINGS: dict[type[Layer], Lowering] = {
    LogSoftmax: Lowering(softmax_forward, softmax_backward),
    Maxout: Lowering(maxout_forward, maxout_backward),
    PReLU: Lowering(prelu_forward, prelu_backward),
    Softmax: Lowering(softmax_forward, softmax_backward),
}
