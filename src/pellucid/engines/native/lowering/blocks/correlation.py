"""Steps that correlate a source with a layer's kernels, as they are or turned round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.bands import SCRATCH, AxisReads, Band
from pellucid.engines.native.lowering.blocks.connections import (
    BlockConnections,
    block_connections,
    connection_numbers,
)
from pellucid.engines.native.lowering.blocks.epilogue import Epilogue
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.lowering.derived import derive, derived_buffer
from pellucid.engines.native.lowering.geometry import Geometry
from pellucid.engines.native.plan import Buffer, Scale, Step
from pellucid.layers import AxisWindow, Convolution, Shape

IMAGE_POSITIONS = 128
"""Outputs for which small images are taken together."""

CACHED_WEIGHTS = 256 * 1024
"""Bytes of weights beyond which shards rather share out the weights than the positions."""


def convolution(context: NodeContext) -> Convolution:
    """The node's layer."""
    layer = context.node.layer
    assert isinstance(layer, Convolution)
    return layer


def forward_axes(layer: Convolution, sizes: Geometry) -> tuple[AxisReads, AxisReads]:
    """What the convolution's output reads down and along its input."""

    def reads(axis: AxisWindow) -> AxisReads:
        firsts = tuple(u * axis.dilation - axis.pad_start for u in range(axis.kernel))
        return AxisReads(axis.input, axis.output, axis.stride, firsts, layer.padding_mode)

    return reads(sizes.rows), reads(sizes.columns)


def all_taps(sizes: Geometry) -> list[tuple[int, int]]:
    """Row and column of every tap of a kernel."""
    return [(row, column) for row in range(sizes.rows.kernel) for column in range(sizes.columns.kernel)]


def readable(builder: PlanBuilder, layer: Convolution, value: BlockValue) -> BlockValue:
    """The value as the kernels can read it: whole images channel by channel where that wastes nothing."""
    whole = layer.groups == 1 and layer.connections is None and value.shape[0] <= builder.lanes
    return value if value.images is None or whole else plain(builder, value)


@dataclass(frozen=True)
class Target:
    """Where outputs are written: position (i, j) to (i * steps[0] + firsts[0], likewise) of this array."""

    name: str
    shape: Shape
    y: Buffer
    steps: tuple[int, int] = (1, 1)
    firsts: tuple[int, int] = (0, 0)

    @property
    def is_whole(self) -> bool:
        """Whether every position is written."""
        return self.steps == (1, 1)


def _packed(
    builder: PlanBuilder,
    context: NodeContext,
    connections: BlockConnections,
    lists: tuple[Buffer, Buffer],
    numbers: Sequence[int],
    scale: Buffer | None,
    transposed: bool,
) -> Buffer:
    """The layer's kernels as blocks_correlate reads them: of these taps, in this order."""
    layer = convolution(context)
    in_channels = context.input_shapes[0][0]
    attributes = {
        "in_channels": in_channels,
        "out_channels": layer.out_channels,
        "channel_groups": layer.groups,
        "kernel_taps": math.prod(layer.kernel),
        "taps": len(numbers),
        "groups": len(connections.groups),
        "transposed": int(transposed),
    }
    taps = builder.constant(f"{context.name} packed taps", np.array(numbers, np.int32))
    joined = connection_table(builder, context, layer)
    operands = (context.parameter("weight"), scale, joined, *lists, taps)
    packed = derived_buffer(builder, context, "packed", max(1, connections.weights) * builder.lanes)
    step = Step("pack_kernels", context.name, (*operands, packed), attributes, len(connections.groups))
    derive(builder, packed, step)
    return packed


def connection_table(builder: PlanBuilder, context: NodeContext, layer: Convolution) -> Buffer | None:
    """Numbers of kernels, where the layer lists its connections."""
    numbers = connection_numbers(layer, context.input_shapes[0][0])
    return None if numbers is None else builder.constant(f"{context.name} connections", numbers)


def tables(
    builder: PlanBuilder, context: NodeContext, connections: BlockConnections
) -> tuple[Buffer, Buffer]:
    """Groups and sources."""
    return (
        builder.constant(f"{context.name} groups", connections.groups),
        builder.constant(f"{context.name} sources", connections.sources),
    )


def _parts(bands: int, groups: int, weights_nbytes: int, shards: int) -> int:
    """Parts to cut the groups into, so that shards have equal work and share out weights that are many."""
    if weights_nbytes > CACHED_WEIGHTS and groups >= shards:
        return shards
    for parts in range(1, min(groups, shards) + 1):
        if parts * bands % shards == 0:
            return parts
    return min(groups, shards)


def correlate(
    builder: PlanBuilder,
    context: NodeContext,
    reads: Band,
    target: Target,
    numbers: Sequence[int],
    epilogue: Epilogue,
    *,
    transposed: bool = False,
) -> None:
    """One call of the kernel: outputs at the target's positions, with the taps of these numbers."""
    layer = convolution(context)
    planar = reads.value.images is not None
    connections = block_connections(
        layer,
        context.input_shapes[0][0],
        len(numbers),
        builder.lanes,
        transposed=transposed,
        planar=planar,
    )
    lists = tables(builder, context, connections)
    packed = _packed(builder, context, connections, lists, numbers, epilogue.scale, transposed)
    images = max(1, IMAGE_POSITIONS // max(1, reads.positions)) if reads.bands == 1 else 1
    images = min(images, builder.capacity)
    plane = max(1, reads.band_nbytes * images)
    chunk = max(1, min(reads.sources, SCRATCH // plane))
    parts = _parts(reads.bands, len(connections.groups), packed.nbytes, builder.shards)
    height, width = target.shape[1:] if len(target.shape) == 3 else (1, target.shape[1])
    if reads.direct and target.is_whole:
        height, width = height * width, 1
    attributes = {
        **reads.attributes(chunk=chunk, images=images),
        "groups": len(connections.groups),
        "parts": parts,
        "taps": len(numbers),
        "out_channels": target.shape[0],
        "out_height": height,
        "out_width": width,
        "row_step": target.steps[0],
        "column_step": target.steps[1],
        "first_row": target.firsts[0],
        "first_column": target.firsts[1],
        "rectify": int(epilogue.rectify),
    }
    scratch = None if reads.direct else builder.scratch(f"{target.name} source", chunk * plane)
    addend = plain(builder, epilogue.addend).x if epilogue.addend is not None else None
    taps, rows, columns = reads.tables(builder)
    operands = (
        *reads.operands(),
        packed,
        epilogue.bias,
        addend,
        epilogue.mask,
        epilogue.sums,
        epilogue.signs,
        *lists,
        taps,
        rows,
        columns,
        scratch,
        target.y,
    )
    extent = parts * reads.bands
    builder.shared([Step("blocks_correlate", context.name, operands, attributes, extent, Scale.IMAGES)])
