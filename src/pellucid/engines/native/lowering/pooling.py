"""Poolings and trainable subsampling."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import (
    Cache,
    Lowering,
    NodeContext,
    bias_gradient,
    reduce_sums,
)
from pellucid.engines.native.plan import Buffer
from pellucid.layers import AvgPool2d, AxisWindow, GlobalAvgPool, Layer, MaxPool2d, Subsample2d


def window_attributes(context: NodeContext) -> dict[str, int]:
    """Of the kernels of a pooling."""
    shape = context.input_shapes[0]
    layer = context.node.layer
    axes = layer.window([shape])
    if isinstance(layer, GlobalAvgPool):  # one window over the whole map
        axes = tuple(AxisWindow(length, length) for length in (1, *shape[1:])[-2:])
    assert axes is not None
    rows, columns = axes
    return {
        "channels": shape[0],
        "in_height": rows.input,
        "in_width": columns.input,
        "out_height": rows.output,
        "out_width": columns.output,
        "kernel_height": rows.kernel,
        "kernel_width": columns.kernel,
        "stride_height": rows.stride,
        "stride_width": columns.stride,
        "pad_top": rows.pad_start,
        "pad_left": columns.pad_start,
        "include_padding": int(not isinstance(layer, AvgPool2d) or layer.include_padding),
        "rectify": int(context.node.inputs[0] in context.absorbed),
    }


def max_forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """The largest cells, and which they were if a gradient will ask."""
    output = builder.lanes_buffer(context.name, context.cells)
    winners = None
    if context.differentiated:
        winners = builder.lanes_buffer(f"{context.name} winners", context.cells, "int32")
    builder.tile("max_pooling_output", context.name, (inputs[0], output, winners), window_attributes(context))
    return output, winners


def max_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """The gradient goes to the winners."""
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    operands = (gradient, cache, result, None)
    builder.tile("max_pooling_gradient", context.name, operands, window_attributes(context))
    return [result]


def average_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """The means of the windows."""
    output = builder.lanes_buffer(context.name, context.cells)
    builder.tile("average_pooling_output", context.name, (inputs[0], output), window_attributes(context))
    return output, None


def average_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """The gradient is shared equally."""
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    builder.tile("average_pooling_gradient", context.name, (gradient, result), window_attributes(context))
    return [result]


def subsample_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """The windows' sums, times a coefficient, plus a bias."""
    output = builder.lanes_buffer(context.name, context.cells)
    operands = (inputs[0], context.parameter("coefficient"), context.parameter("bias"), output)
    builder.tile("subsample_output", context.name, operands, window_attributes(context))
    return output, inputs[0]


def subsample_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """The coefficient's gradient is the sum of delta times the windows' sums."""
    target = context.gradient("coefficient")
    if target is not None:
        sums = builder.sums(f"{context.name}.coefficient sums", context.output_shape[0])
        operands = (cache, gradient, sums)
        builder.tile("subsample_coefficient_gradient", context.name, operands, window_attributes(context))
        reduce_sums(builder, context, sums, target)
    bias_gradient(builder, context, gradient)
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    sources = (gradient, context.parameter("coefficient"), result)
    builder.tile("subsample_input_gradient", context.name, sources, window_attributes(context))
    return [result]


LOWERINGS: dict[type[Layer], Lowering] = {
    MaxPool2d: Lowering(max_forward, max_backward),
    AvgPool2d: Lowering(average_forward, average_backward),
    GlobalAvgPool: Lowering(average_forward, average_backward),
    Subsample2d: Lowering(subsample_forward, subsample_backward),
}
