"""3x3 convolutions of stride 1 by minimal filtering: F(4x4, 3x3), native/kernels/blocks/winograd.h.

Two schedules. Where every shard has many tiles of its own, it takes them through all stages a few at a time,
so that what is transformed stays in its cache and nobody waits. Where tiles are few or the kernels large, all
shards share every stage, a barrier after each, so that the kernels are read once and not once a shard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.epilogue import Epilogue
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.plan import Buffer, Scale, Step
from pellucid.layers import AxisWindow, Conv2d

TILE = 4
"""Outputs along a tile's side."""

POINTS = 36
"""Of a transformed kernel or patch of input."""

LINE = 64
"""Bytes of a cache line."""

TAPS = 3
GROUP = 2
"""Vectors of output channels in a register block; as in native/kernels/blocks/winograd.h."""

FEWEST_CHANNELS = 16
"""With fewer, transforming costs more than the multiplications that it spares."""

CACHE_BYTES = 768 * 1024
"""What the transformed tiles of one shard should take: most of a core's second-level cache."""

FEWEST_TILES, MOST_TILES = 48, 96
"""That a shard takes at a time: enough to use each kernel often, and no more than it needs for that."""

LARGEST_KERNELS = 16 * 2**20
"""Bytes of transformed kernels that every shard may read for itself: what stays in a shared cache."""

MOST_SHARED_TILES = 128
"""That all shards share at a time."""


Operands = tuple[Buffer | None, ...]


@dataclass(frozen=True)
class Tiling:
    """A convolution as its kernels see it; an input gradient is one from the outputs to the inputs.

    Attributes:
        top, left: cells around the input.
    """

    in_channels: int
    out_channels: int
    in_size: tuple[int, int]
    out_size: tuple[int, int]
    top: int
    left: int

    @property
    def tiles(self) -> int:
        """Of one image."""
        return math.prod(-(-length // TILE) for length in self.out_size)

    @property
    def reversed(self) -> Tiling:
        """Of the input gradient."""
        edges = TAPS - 1 - self.top, TAPS - 1 - self.left
        return Tiling(self.out_channels, self.in_channels, self.out_size, self.in_size, *edges)

    def attributes(self, *, rectify_input: bool, rectify: bool, chunk: int) -> dict[str, int]:
        """As the kernels take them."""
        return {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "in_height": self.in_size[0],
            "in_width": self.in_size[1],
            "out_height": self.out_size[0],
            "out_width": self.out_size[1],
            "top": self.top,
            "left": self.left,
            "rectify_input": int(rectify_input),
            "rectify": int(rectify),
            "chunk": chunk,
        }


def _axes(context: NodeContext) -> tuple[AxisWindow, AxisWindow]:
    layer = context.node.layer
    assert isinstance(layer, Conv2d)
    rows, columns = layer.window(context.input_shapes)
    return rows, columns


def serves(context: NodeContext) -> bool:
    """Whether the layer is one that minimal filtering computes, and large enough to gain by it."""
    layer = context.node.layer
    if not isinstance(layer, Conv2d) or layer.groups != 1 or layer.connections is not None:
        return False
    in_channels = context.input_shapes[0][0]
    return min(in_channels, layer.out_channels) >= FEWEST_CHANNELS and all(
        _axis_served(axis, layer.padding_mode) for axis in _axes(context)
    )


def _axis_served(axis: AxisWindow, padding_mode: str) -> bool:
    pads = axis.pad_start, axis.pad_end
    return (
        axis.kernel == TAPS
        and axis.stride == axis.dilation == 1
        and max(pads) < TAPS
        and (padding_mode == "zeros" or max(pads) == 0)
    )


def tiling(context: NodeContext) -> Tiling:
    """Of the layer's output."""
    rows, columns = _axes(context)
    return Tiling(
        context.input_shapes[0][0],
        context.output_shape[0],
        (rows.input, columns.input),
        (rows.output, columns.output),
        rows.pad_start,
        columns.pad_start,
    )


def plane_bytes(vectors: int, lanes: int) -> int:
    """From one plane to the next; as plane_stride in native/kernels/blocks/winograd.h."""
    lines = -(-vectors * lanes * 4 // LINE)
    return (lines | 1) * LINE


def _planes_bytes(builder: PlanBuilder, channels: int, tiles: int) -> int:
    return POINTS * plane_bytes(builder.blocks(channels) * tiles, builder.lanes)


def _kernels_bytes(builder: PlanBuilder, tiles: Tiling) -> int:
    return _planes_bytes(builder, tiles.out_channels, tiles.in_channels)


def _groups(builder: PlanBuilder, channels: int) -> int:
    return -(-builder.blocks(channels) // GROUP)


def _transformed_kernels(
    builder: PlanBuilder, context: NodeContext, tiles: Tiling, scale: Buffer | None, *, transposed: bool
) -> Buffer:
    """Planes of kernels: made once where parameters stay as they are, in every run where they are trained."""
    nbytes = _kernels_bytes(builder, tiles)
    name = f"{context.name} transformed kernels"
    lasting = not (context.training or context.differentiated)
    planes = builder.prepared_buffer(name, nbytes // 4) if lasting else builder.pooled_buffer(name, nbytes)
    attributes = {
        "in_channels": tiles.in_channels,
        "out_channels": tiles.out_channels,
        "transposed": int(transposed),
    }
    operands = (context.parameter("weight"), scale, planes)
    extent = _groups(builder, tiles.out_channels) * tiles.in_channels
    step = Step("winograd_weights", context.name, operands, attributes, extent)
    if lasting:
        builder.prepare(step)
    else:
        builder.shared([step])
    return planes


def _description(value: BlockValue) -> Operands:
    return value.x, value.other, value.coefficients


@dataclass(frozen=True)
class _Stages:
    """What the steps of a convolution have in common."""

    tiles: Tiling
    value: BlockValue
    kernels: Buffer
    epilogue: Epilogue
    output: Buffer

    @property
    def source(self) -> Operands:
        return _description(self.value)

    @property
    def finish(self) -> Operands:
        addend = self.epilogue.addend.x if self.epilogue.addend is not None else None
        return self.epilogue.bias, addend, self.epilogue.sums, self.output

    def attributes(self, chunk: int) -> dict[str, int]:
        return self.tiles.attributes(
            rectify_input=self.value.rectified, rectify=self.epilogue.rectify, chunk=chunk
        )


def _own_tiles(builder: PlanBuilder, tiles: Tiling) -> int:
    """Tiles that a shard takes through all stages at a time."""
    channels = (builder.blocks(tiles.in_channels) + builder.blocks(tiles.out_channels)) * builder.lanes
    fitting = CACHE_BYTES // (POINTS * channels * 4)
    fewest = FEWEST_TILES if _kernels_bytes(builder, tiles) <= LARGEST_KERNELS else MOST_TILES
    return min(MOST_TILES, max(fewest, fitting))


def _shared_tiles(builder: PlanBuilder, tiles: Tiling) -> int:
    """Tiles that all shards take through a stage at a time: the batch in even parts."""
    total = tiles.tiles * builder.capacity
    return -(-total // -(-total // MOST_SHARED_TILES))


def _works_alone(builder: PlanBuilder, tiles: Tiling) -> bool:
    enough = 2 * tiles.tiles * builder.capacity >= FEWEST_TILES * builder.shards
    return builder.shards == 1 or (enough and _kernels_bytes(builder, tiles) <= LARGEST_KERNELS)


def _alone(builder: PlanBuilder, name: str, stages: _Stages) -> None:
    """Each shard on tiles of its own."""
    tiles = stages.tiles
    chunk = _own_tiles(builder, tiles)
    inputs = builder.scratch(f"{name} inputs", _planes_bytes(builder, tiles.in_channels, chunk))
    products = builder.scratch(f"{name} products", _planes_bytes(builder, tiles.out_channels, chunk))
    operands = (*stages.source, stages.kernels, inputs, products, *stages.finish)
    attributes = stages.attributes(chunk)
    builder.shared([Step("winograd_convolution", name, operands, attributes, tiles.tiles, Scale.IMAGES)])


def _together(builder: PlanBuilder, name: str, stages: _Stages) -> None:
    """All shards on the same tiles, stage by stage."""
    tiles = stages.tiles
    chunk = _shared_tiles(builder, tiles)
    inputs = builder.pooled_buffer(f"{name} inputs", _planes_bytes(builder, tiles.in_channels, chunk))
    products = builder.pooled_buffer(f"{name} products", _planes_bytes(builder, tiles.out_channels, chunk))
    attributes = stages.attributes(chunk)
    in_blocks, out_blocks = builder.blocks(tiles.in_channels), builder.blocks(tiles.out_channels)
    builder.shared(
        [
            Step("winograd_input", name, (*stages.source, inputs), attributes, in_blocks, Scale.UNITS),
            Step(
                "winograd_multiply",
                name,
                (inputs, stages.kernels, products),
                attributes,
                POINTS * _groups(builder, tiles.out_channels),
            ),
            Step("winograd_output", name, (products, *stages.finish), attributes, out_blocks, Scale.UNITS),
        ],
        units=tiles.tiles,
        chunk=chunk,
    )


def _convolve(builder: PlanBuilder, name: str, stages: _Stages) -> None:
    if _works_alone(builder, stages.tiles):
        _alone(builder, name, stages)
    else:
        _together(builder, name, stages)


def _readable(builder: PlanBuilder, value: BlockValue) -> BlockValue:
    """The kernels follow any description but that of the caller's images."""
    return plain(builder, value) if value.images is not None else value


def output(builder: PlanBuilder, context: NodeContext, value: BlockValue, epilogue: Epilogue) -> BlockValue:
    """The layer's output."""
    tiles = tiling(context)
    kernels = _transformed_kernels(builder, context, tiles, epilogue.scale, transposed=False)
    result = builder.blocks_buffer(context.name, context.output_shape)
    stages = _Stages(tiles, _readable(builder, value), kernels, epilogue, result)
    _convolve(builder, context.name, stages)
    return BlockValue(context.name, context.output_shape, result, sums=epilogue.sums)


def input_gradient(
    builder: PlanBuilder, context: NodeContext, gradient: BlockValue, epilogue: Epilogue | None = None
) -> BlockValue:
    """dJ/dx: the convolution of dJ/dz with the kernels rotated and transposed."""
    tiles = tiling(context).reversed
    kernels = _transformed_kernels(builder, context, tiles, None, transposed=True)
    name = f"d input of {context.name}"
    shape = context.input_shapes[0]
    epilogue = epilogue or Epilogue()
    result = builder.blocks_buffer(name, shape)
    stages = _Stages(tiles, _readable(builder, gradient), kernels, epilogue, result)
    _convolve(builder, context.name, stages)
    return BlockValue(name, shape, result, sums=epilogue.sums)


def weight_gradient(
    builder: PlanBuilder, context: NodeContext, value: BlockValue, gradient: BlockValue, target: Buffer
) -> None:
    """dJ/dW into the parameter's place in the gradient."""
    tiles = tiling(context)
    value, gradient = _readable(builder, value), _readable(builder, gradient)
    alone = _works_alone(builder, tiles)
    parts = builder.shards if alone else 1
    size = _kernels_bytes(builder, tiles)
    planes = builder.pooled_buffer(f"d {context.name} transformed kernels", parts * size)
    chunk = _own_tiles(builder, tiles) if alone else _shared_tiles(builder, tiles)
    attributes = tiles.attributes(rectify_input=value.rectified, rectify=gradient.rectified, chunk=chunk)
    sources = _description(value), _description(gradient)
    if alone:
        _correlate_alone(builder, context.name, tiles, attributes, sources, planes)
    else:
        _correlate_together(builder, context.name, tiles, attributes, sources, planes)
    shape = {"in_channels": tiles.in_channels, "out_channels": tiles.out_channels, "parts": parts}
    extent = _groups(builder, tiles.out_channels) * tiles.in_channels
    builder.shared([Step("winograd_weight_gradient", context.name, (planes, target), shape, extent)])


def _correlate_alone(
    builder: PlanBuilder,
    name: str,
    tiles: Tiling,
    attributes: dict[str, int],
    sources: tuple[Operands, Operands],
    planes: Buffer,
) -> None:
    chunk = attributes["chunk"]
    inputs = builder.scratch(f"{name} inputs", _planes_bytes(builder, tiles.in_channels, chunk))
    deltas = builder.scratch(f"{name} deltas", _planes_bytes(builder, tiles.out_channels, chunk))
    operands = (*sources[0], *sources[1], inputs, deltas, planes)
    builder.shared([Step("winograd_correlation", name, operands, attributes, builder.shards)])


def _correlate_together(
    builder: PlanBuilder,
    name: str,
    tiles: Tiling,
    attributes: dict[str, int],
    sources: tuple[Operands, Operands],
    planes: Buffer,
) -> None:
    chunk = attributes["chunk"]
    inputs = builder.pooled_buffer(f"{name} inputs", _planes_bytes(builder, tiles.in_channels, chunk))
    deltas = builder.pooled_buffer(f"{name} deltas", _planes_bytes(builder, tiles.out_channels, chunk))
    in_blocks, out_blocks = builder.blocks(tiles.in_channels), builder.blocks(tiles.out_channels)
    items = POINTS * _groups(builder, tiles.out_channels)
    builder.shared(
        [
            Step("winograd_input", name, (*sources[0], inputs), attributes, in_blocks, Scale.UNITS),
            Step("winograd_delta", name, (*sources[1], deltas), attributes, out_blocks, Scale.UNITS),
            Step("winograd_accumulate", name, (inputs, deltas, planes), attributes, items),
        ],
        units=tiles.tiles,
        chunk=chunk,
    )
