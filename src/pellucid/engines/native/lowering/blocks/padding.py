"""Gradients of inputs that repeat cells around themselves."""

from __future__ import annotations

import numpy as np

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.bands import source_cell
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.lowering.geometry import Geometry
from pellucid.engines.native.plan import Buffer, Scale, Step
from pellucid.layers import AxisWindow, Convolution


def repeats_cells(layer: Convolution, sizes: Geometry) -> bool:
    """Whether cells of the input stand for others around it, so that these' gradients are theirs too."""
    return sizes.is_padded and layer.padding_mode != "zeros"


def unpadded(axis: AxisWindow) -> AxisWindow:
    """The same windows over an input that was padded before."""
    padded = axis.input + axis.pad_start + axis.pad_end
    return AxisWindow(padded, axis.kernel, axis.stride, axis.dilation)


def fold(
    builder: PlanBuilder, context: NodeContext, layer: Convolution, sizes: Geometry, padded: Buffer
) -> Buffer:
    """Gradients of cells that were repeated around the input, added to the cells they repeat."""
    shape = context.input_shapes[0]
    result = builder.blocks_buffer(f"d input of {context.name}", shape)
    tables = [
        np.array(
            [
                source_cell(position, axis.input, layer.padding_mode)
                for position in range(-axis.pad_start, axis.input + axis.pad_end)
            ],
            np.int32,
        )
        for axis in (sizes.rows, sizes.columns)
    ]
    rows, columns = (builder.constant(f"{context.name} padding", table) for table in tables)
    attributes = {
        "channels": shape[0],
        "height": sizes.rows.input,
        "width": sizes.columns.input,
        "padded_height": sizes.padded[0],
        "padded_width": sizes.padded[1],
    }
    operands = (padded, rows, columns, result)
    extent = builder.blocks(shape[0])
    builder.shared([Step("blocks_fold_padding", context.name, operands, attributes, extent, Scale.IMAGES)])
    return result
