"""Direct convolution over channel blocks: output, gradient of the input, gradient of the weights."""

from __future__ import annotations

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.bands import AxisReads, band
from pellucid.engines.native.lowering.blocks.correlation import (
    Target,
    all_taps,
    convolution,
    correlate,
    forward_axes,
    readable,
)
from pellucid.engines.native.lowering.blocks.epilogue import NOTHING_MORE, Epilogue
from pellucid.engines.native.lowering.blocks.kernel_gradient import weight_gradient
from pellucid.engines.native.lowering.blocks.padding import fold, repeats_cells, unpadded
from pellucid.engines.native.lowering.blocks.value import BlockValue
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.lowering.geometry import sizes_of
from pellucid.layers import AxisWindow

__all__ = ["input_gradient", "output", "weight_gradient"]


def output(builder: PlanBuilder, context: NodeContext, value: BlockValue, epilogue: Epilogue) -> BlockValue:
    """The convolution's output."""
    layer = convolution(context)
    value = readable(builder, layer, value)
    sizes = sizes_of(context)
    rows, columns = forward_axes(layer, sizes)
    reads = band(builder, value, rows, columns, all_taps(sizes))
    y = builder.blocks_buffer(context.name, context.output_shape)
    target = Target(context.name, context.output_shape, y)
    correlate(builder, context, reads, target, range(len(reads.taps)), epilogue)
    return BlockValue(context.name, context.output_shape, y, sums=epilogue.sums)


def input_gradient(
    builder: PlanBuilder,
    context: NodeContext,
    gradient: BlockValue,
    epilogue: Epilogue = NOTHING_MORE,
) -> BlockValue:
    """The gradient of the input: for each phase of positions a correlation with the taps that meet it."""
    layer, sizes = convolution(context), sizes_of(context)
    gradient = readable(builder, layer, gradient)
    name, shape = f"d input of {context.name}", context.input_shapes[0]
    folds = repeats_cells(layer, sizes)
    axes = [unpadded(axis) for axis in (sizes.rows, sizes.columns)] if folds else [sizes.rows, sizes.columns]
    lengths = [axis.input for axis in axes]
    padded = (shape[0], *lengths)
    y = builder.blocks_buffer(name, padded)
    steps = axes[0].stride, axes[1].stride
    for first_row in range(min(steps[0], lengths[0])):
        for first_column in range(min(steps[1], lengths[1])):
            rows, row_taps = _phase(axes[0], first_row)
            columns, column_taps = _phase(axes[1], first_column)
            taps = [(i, j) for i in range(len(row_taps)) for j in range(len(column_taps))]
            numbers = [row_taps[i] * axes[1].kernel + column_taps[j] for i, j in taps]
            target = Target(name, padded, y, steps, (first_row, first_column))
            reads = band(builder, gradient, rows, columns, taps, contiguous=target.is_whole)
            correlate(builder, context, reads, target, numbers, epilogue, transposed=True)
    if folds:
        y = fold(builder, context, layer, sizes, y)
    return BlockValue(name, shape, y)


def _phase(axis: AxisWindow, first: int) -> tuple[AxisReads, list[int]]:
    """Outputs that input positions first, first + stride, ... take part in, and through which taps."""
    taps = [k for k in range(axis.kernel) if (first + axis.pad_start - k * axis.dilation) % axis.stride == 0]
    starts = tuple((first + axis.pad_start - k * axis.dilation) // axis.stride for k in taps)
    count = -(-(axis.input - first) // axis.stride)
    return AxisReads(axis.output, count, 1, starts), taps
