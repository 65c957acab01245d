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
from pellucid.layers import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    AxisWindow,
    GlobalAvgPool,
    GlobalMaxPool,
    Layer,
    LpPool1d,
    LpPool2d,
    MaxPool1d,
    MaxPool2d,
    Shape,
    Subsample2d,
)
from pellucid.layers.pooling import AdaptivePooling, AvgPooling, GlobalPooling, LpPooling


def pooling_axes(layer: Layer, shape: Shape) -> tuple[AxisWindow, AxisWindow]:
    """A pooling's windows over rows and columns; a map of one axis has one row.

    Of an adaptive pooling whose windows differ, windows as large as the largest.
    """
    if isinstance(layer, GlobalPooling):
        axes = tuple(AxisWindow(length, length, length) for length in (1, *shape[1:])[-2:])
        return axes[0], axes[1]
    axes = layer.window([shape]) or ()
    if isinstance(layer, AdaptivePooling) and not axes:
        bins = layer.bins([shape])
        axes = tuple(
            AxisWindow(length, max(len(seen) for seen in bin))
            for length, bin in zip(shape[1:], bins, strict=True)
        )
    return (AxisWindow(1, 1) if len(axes) == 1 else axes[0]), axes[-1]


def window_attributes(context: NodeContext) -> dict[str, int]:
    """Of the kernels of a pooling."""
    shape = context.input_shapes[0]
    layer = context.node.layer
    rows, columns = pooling_axes(layer, shape)
    out_height, out_width = (1, 1, *context.output_shape[1:])[-2:]
    return {
        "channels": shape[0],
        "in_height": rows.input,
        "in_width": columns.input,
        "out_height": out_height,
        "out_width": out_width,
        "kernel_height": rows.kernel,
        "kernel_width": columns.kernel,
        "stride_height": rows.stride,
        "stride_width": columns.stride,
        "dilation_height": rows.dilation,
        "dilation_width": columns.dilation,
        "pad_top": rows.pad_start,
        "pad_bottom": rows.pad_end,
        "pad_left": columns.pad_start,
        "pad_right": columns.pad_end,
        "include_padding": int(not isinstance(layer, AvgPooling) or layer.include_padding),
        "adaptive": int(isinstance(layer, AdaptivePooling) and layer.window([shape]) is None),
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


def norm_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """The p-norms of the windows."""
    output = builder.lanes_buffer(context.name, context.cells)
    builder.tile("norm_pooling_output", context.name, (inputs[0], output), _norm_attributes(context))
    return output, (inputs[0], output)


def norm_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """Every cell's share of its windows' norms."""
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    operands = (*cache, gradient, result)
    builder.tile("norm_pooling_gradient", context.name, operands, _norm_attributes(context))
    return [result]


def _norm_attributes(context: NodeContext) -> dict[str, int | float]:
    layer = context.node.layer
    assert isinstance(layer, LpPooling)
    return {**window_attributes(context), "norm": layer.norm}


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


MAXIMUM = Lowering(max_forward, max_backward)
AVERAGE = Lowering(average_forward, average_backward)
NORM = Lowering(norm_forward, norm_backward)

LOWERINGS: dict[type[Layer], Lowering] = {
    **dict.fromkeys((MaxPool1d, MaxPool2d, GlobalMaxPool, AdaptiveMaxPool1d, AdaptiveMaxPool2d), MAXIMUM),
    **dict.fromkeys((AvgPool1d, AvgPool2d, GlobalAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d), AVERAGE),
    **dict.fromkeys((LpPool1d, LpPool2d), NORM),
    Subsample2d: Lowering(subsample_forward, subsample_backward),
}
