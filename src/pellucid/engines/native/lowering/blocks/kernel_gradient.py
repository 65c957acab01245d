"""Gradients of a convolution's kernels and biases over channel blocks."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.bands import POSITIONS, Band, band
from pellucid.engines.native.lowering.blocks.connections import BlockConnections, block_connections
from pellucid.engines.native.lowering.blocks.correlation import (
    all_taps,
    connection_table,
    convolution,
    forward_axes,
    readable,
    tables,
)
from pellucid.engines.native.lowering.blocks.value import BlockValue, channels_of, plain
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.lowering.geometry import sizes_of
from pellucid.engines.native.plan import Buffer, Step

TOTALS = 128 * 1024
"""Bytes of sums that a shard works on at a time, where they can be cut so."""


def weight_gradient(
    builder: PlanBuilder,
    context: NodeContext,
    value: BlockValue,
    gradient: BlockValue,
    target: Buffer,
) -> None:
    """The gradient of the kernels, from a plain gradient of the output into the parameter's place."""
    layer, sizes = convolution(context), sizes_of(context)
    value = readable(builder, layer, value)
    rows, columns = forward_axes(layer, sizes)
    reads = band(builder, value, rows, columns, all_taps(sizes), joined_columns=4 * builder.lanes)
    in_channels, taps = context.input_shapes[0][0], len(reads.taps)
    connections = block_connections(layer, in_channels, taps, builder.lanes, planar=value.images is not None)
    cut = _gradient_cut(connections, reads, builder)
    images = max(1, POSITIONS // reads.positions) if reads.joined and reads.bands == 1 else 1
    images = min(images, builder.capacity)
    attributes = {
        **reads.attributes(chunk=0, images=images),
        "in_channels": in_channels,
        "out_channels": layer.out_channels,
        "channel_groups": layer.groups,
        "taps": taps,
        "groups": len(connections.groups),
        "parts": cut.parts,
        "source_parts": cut.source_parts,
    }
    scratch = None
    if not reads.direct:
        scratch = builder.scratch(f"{context.name} source", cut.planes * images * reads.plane_nbytes)
    totals = builder.scratch(f"{context.name} totals", cut.totals * builder.lanes * 4)
    operands = (
        *reads.operands(),
        gradient.x,
        *tables(builder, context, connections),
        *reads.tables(builder),
        connection_table(builder, context, layer),
        scratch,
        totals,
        target,
    )
    extent = cut.parts * cut.source_parts
    builder.shared([Step("blocks_kernel_gradient", context.name, operands, attributes, extent)])


def bias_gradient(builder: PlanBuilder, context: NodeContext, gradient: BlockValue) -> None:
    """The gradient of the biases, where it is wanted."""
    target = context.gradient("bias")
    if target is not None:
        delta = plain(builder, gradient)
        extent = builder.blocks(delta.shape[0])
        operands = (delta.x, target)
        attributes = channels_of(delta.shape)
        builder.shared([Step("blocks_channel_sums", context.name, operands, attributes, extent)])


@dataclass(frozen=True)
class GradientCut:
    """How shards share out a gradient: parts of the groups x parts of the sources these read.

    Attributes:
        totals: vectors of sums that the largest item has.
        planes: of the source that the largest item reads.
    """

    parts: int
    source_parts: int
    totals: int
    planes: int


def _gradient_cut(connections: BlockConnections, reads: Band, builder: PlanBuilder) -> GradientCut:
    """The cut that reads least, of those whose sums fit the cache and that shards can share evenly."""
    cuts = []
    parts = 1
    while parts <= len(connections.groups):
        spans, vectors = _largest_part(connections, parts)
        source_parts = 1
        while source_parts <= spans:
            planes = -(-spans // source_parts)
            totals = len(reads.taps) * planes * reads.cell * vectors
            cuts.append(GradientCut(parts, source_parts, totals, planes))
            source_parts *= 2
        parts *= 2

    def cost(cut: GradientCut) -> tuple[float, int]:
        items = cut.parts * cut.source_parts
        idle = -(-items // builder.shards) * builder.shards / items
        overflow = max(1.0, cut.totals * builder.lanes * 4 / TOTALS)
        copied = cut.parts * reads.sources * len(reads.columns.firsts)
        return idle * overflow, copied + 2 * cut.source_parts * len(connections.groups)

    return min(cuts, key=cost)


def _largest_part(connections: BlockConnections, parts: int) -> tuple[int, int]:
    """Planes from the first to the last that a part of the groups reads, and its vectors, at most."""
    count = len(connections.groups)
    planes = vectors = 0
    for part in range(parts):
        groups = connections.groups[count * part // parts : count * (part + 1) // parts]
        sources = connections.sources[groups[0, 2] : groups[-1, 2] + groups[-1, 3], 0]
        planes = max(planes, int(sources.max() - sources.min()) + 1)
        vectors = max(vectors, int(groups[:, 1].sum()))
    return planes, vectors
