"""How a 3x3 convolution is cut into tiles, what they take when transformed, and how shards divide them.

Two schedules. Where every shard has enough tiles of its own, it takes them through all stages a few at a
time, so that what is transformed stays in its cache and nobody waits. Where tiles are few or the kernels are
large, all shards share every stage, a barrier after each, so that the kernels are read once and not once a
shard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.geometry import Geometry

TILE = 4
"""Outputs along a tile's side."""

TAPS = 3
"""Of a kernel's side."""

POINTS = 36
"""Of a transformed kernel or patch of input."""

GROUP = 2
"""Vectors of output channels in a register block; as in native/kernels/blocks/winograd.h."""

BATCH_CHANNELS = 64
"""Output channels whose kernels are transformed at a time; as in native/kernels/blocks/winograd_large.cpp."""

LINE = 64
"""Bytes of a cache line."""

CACHE_BYTES = 768 * 1024
"""What the transformed tiles of one shard should take: most of a core's second-level cache."""

FEWEST_TILES, MOST_TILES = 48, 96
"""That a shard takes at a time: enough to use each kernel often, and no more than it needs for that."""

SHORT_TILES, SMALL_KERNELS = 24, 192 * 1024
"""Tiles at a time, where kernels of so many bytes at most stay in the second-level cache beside them."""

LARGEST_KERNELS = 16 * 2**20
"""Bytes of transformed kernels that every shard may read for itself: what stays in a shared cache."""

MOST_SHARED_TILES = 128
"""That all shards share at a time."""


@dataclass(frozen=True)
class Tiling:
    """A convolution as its kernels see it; an input gradient is one from the outputs to the inputs.

    Attributes:
        top, left: cells around the input.
        transposed: whether it is an input gradient.
    """

    in_channels: int
    out_channels: int
    in_size: tuple[int, int]
    out_size: tuple[int, int]
    top: int
    left: int
    transposed: bool = False

    @property
    def tiles(self) -> int:
        """Of one image."""
        return math.prod(-(-length // TILE) for length in self.out_size)

    @property
    def reversed(self) -> Tiling:
        """Of the input gradient."""
        edges = TAPS - 1 - self.top, TAPS - 1 - self.left
        return Tiling(self.out_channels, self.in_channels, self.out_size, self.in_size, *edges, True)

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
            "transposed": int(self.transposed),
            "chunk": chunk,
        }


def tiling(sizes: Geometry) -> Tiling:
    """Of the layer's output."""
    rows, columns = sizes.rows, sizes.columns
    return Tiling(
        sizes.in_channels,
        sizes.out_channels,
        (rows.input, columns.input),
        (rows.output, columns.output),
        rows.pad_start,
        columns.pad_start,
    )


def plane_bytes(vectors: int, lanes: int) -> int:
    """From one plane to the next; as plane_stride in native/kernels/blocks/winograd.h."""
    lines = -(-vectors * lanes * 4 // LINE)
    return (lines | 1) * LINE


def groups(builder: PlanBuilder, channels: int) -> int:
    """Register blocks' groups that so many channels take."""
    return -(-builder.blocks(channels) // GROUP)


@dataclass(frozen=True)
class Division:
    """How a tiling's work is divided in one plan, and the bytes of what it leaves behind.

    Attributes:
        alone: whether each shard takes tiles of its own through all stages.
        chunk: tiles that go through at a time.
        chunks: of a whole batch, where shards work together.
    """

    alone: bool
    chunk: int
    chunks: int
    inputs_bytes: int
    outputs_bytes: int
    kernels_bytes: int
    batch_bytes: int

    @property
    def overlapping_bytes(self) -> int:
        """Of inputs and products in one room; as inputs_offset in native/kernels/blocks/winograd.h."""
        inputs, outputs = self.inputs_bytes // POINTS, self.outputs_bytes // POINTS
        return max(outputs, POINTS * outputs - (POINTS - 1) * inputs) + self.inputs_bytes

    @property
    def keeps_kernels(self) -> bool:
        """Whether transformed kernels serve more than one chunk, or are small enough to lie in a cache."""
        return self.alone or self.chunks > 1 or self.kernels_bytes <= LARGEST_KERNELS


def divide(builder: PlanBuilder, tiles: Tiling, *, longest: bool = False) -> Division:
    """Deterministic, by sizes alone; `longest`: in chunks as long as may be."""
    in_blocks, out_blocks = builder.blocks(tiles.in_channels), builder.blocks(tiles.out_channels)

    def planes(vectors: int) -> int:
        return POINTS * plane_bytes(vectors, builder.lanes)

    kernels = planes(out_blocks * tiles.in_channels)
    total = tiles.tiles * builder.capacity
    enough = builder.shards == 1 or 2 * total >= FEWEST_TILES * builder.shards
    alone = enough and kernels <= LARGEST_KERNELS
    chunks = -(-total // MOST_SHARED_TILES)
    fitting = CACHE_BYTES // (POINTS * (in_blocks + out_blocks) * builder.lanes * 4)
    if not alone:
        chunk = -(-total // chunks)
    elif longest:
        chunk = MOST_TILES
    elif kernels <= SMALL_KERNELS:
        chunk = SHORT_TILES
    else:
        chunk = min(MOST_TILES, max(FEWEST_TILES, fitting))
    return Division(
        alone=alone,
        chunk=chunk,
        chunks=chunks,
        inputs_bytes=planes(in_blocks * chunk),
        outputs_bytes=planes(out_blocks * chunk),
        kernels_bytes=kernels,
        batch_bytes=planes(BATCH_CHANNELS // builder.lanes * tiles.in_channels),
    )
