"""What block kernels read: arrays in channel blocks, or what would be in them if they were written down.

A normalisation, a sum or a rectifier need not be computed where it stands: the kernel that reads its output
can do it on the way, which spares writing and reading the whole array. So a value is a description, and only
a reader that cannot follow it asks for it to be written down (`plain`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.plan import Attributes, Buffer, Layout, Scale, Scope, Step
from pellucid.layers import Shape

BYTE_SCALE = 1 / 255
"""uint8 images are read as value / 255."""

STRIPE = 256
"""Positions of one image that are written to the caller's array as one piece of work."""


@dataclass(frozen=True)
class ImageSource:
    """Whole images as the caller holds them, (N, C, ...).

    Attributes:
        indices: external that says which images belong to the batch; None for all, in order.
        number_type: "uint8" (read as value / 255) or "float32".
    """

    indices: Buffer | None
    number_type: str


@dataclass(frozen=True)
class BlockValue:
    """A batch of arrays: rectified(a x + b other + c), with a, b and c of each channel; 0 where masked.

    Attributes:
        name: for people, and of the node it belongs to.
        shape: of one image.
        x: in blocks, unless `images` says otherwise.
        other: a second array in blocks, or None.
        coefficients: (3, padded channels) floats a, b and c; None for 1, 1 and 0. b is 1 where there is no
            other, so that one can be added.
        rectified: whether negative results count as 0.
        images: where x is an external with whole images; then there is no other.
        sums: (2, padded channels) doubles a shard, the sums of x and of its squares over the batch, where
            the kernel that wrote x was asked for them.
        mask: of a gradient that passed a rectifier: cells where this value is not positive count as 0. Only
            lowerings that say so are given one (BlockLowering.follows_masks).
    """

    name: str
    shape: Shape
    x: Buffer
    other: Buffer | None = None
    coefficients: Buffer | None = None
    rectified: bool = False
    images: ImageSource | None = None
    sums: Buffer | None = None
    mask: BlockValue | None = None

    @property
    def is_plain(self) -> bool:
        """Whether x in blocks is all there is."""
        return self.is_linear and self.other is None and self.coefficients is None

    @property
    def is_linear(self) -> bool:
        """Whether it is a x + b other + c, and all of that in blocks."""
        return not self.rectified and self.mask is None and self.images is None

    @property
    def operands(self) -> tuple[Buffer | None, ...]:
        """As kernels that read descriptions take it (native/kernels/blocks/description.h)."""
        return self.x, self.other, self.coefficients

    @property
    def positions(self) -> int:
        """Cells of one channel."""
        return math.prod(self.shape[1:])


def channels_of(shape: Shape) -> dict[str, int]:
    """Attributes of kernels that treat each channel apart."""
    return {"channels": shape[0], "positions": math.prod(shape[1:])}


def computed(
    builder: PlanBuilder,
    name: str,
    shape: Shape,
    operation: str,
    node: str,
    sources: Sequence[Buffer | None],
    attributes: Attributes,
    extent: int | None = None,
) -> BlockValue:
    """A value that one kernel writes, its last operand.

    Args:
        sources: the operands before it.
        extent: what shards share of each image; None for the value's channel blocks.
    """
    output = builder.blocks_buffer(name, shape)
    items = builder.blocks(shape[0]) if extent is None else extent
    builder.shared([Step(operation, node, (*sources, output), attributes, items, Scale.IMAGES)])
    return BlockValue(name, shape, output)


def _write_images(builder: PlanBuilder, value: BlockValue, images: ImageSource) -> BlockValue:
    kind, scale = ("bytes", BYTE_SCALE) if images.number_type == "uint8" else ("floats", 1.0)
    attributes = {**channels_of(value.shape), "scale": scale}
    sources = value.x, images.indices
    name, shape = value.name, value.shape
    written = computed(builder, name, shape, f"blocks_gather_{kind}", name, sources, attributes)
    return replace(value, x=written.x, images=None)


def mask_operands(value: BlockValue) -> tuple[Buffer | None, ...]:
    """The operands of its mask; nothing where it has none."""
    return (None, None, None) if value.mask is None else value.mask.operands


def plain(builder: PlanBuilder, value: BlockValue) -> BlockValue:
    """The value written down in blocks, once however many readers ask."""
    if value.is_plain:
        return value
    return builder.once(value, lambda: _write(builder, value))


def _write(builder: PlanBuilder, value: BlockValue) -> BlockValue:
    if value.images is not None:
        value = _write_images(builder, value, value.images)
        if value.is_plain:
            return value
    attributes = {**channels_of(value.shape), "rectify": int(value.rectified)}
    sources = (*value.operands, *mask_operands(value))
    return computed(builder, value.name, value.shape, "blocks_combine", value.name, sources, attributes)


def to_lanes(builder: PlanBuilder, value: BlockValue) -> Buffer:
    """The value with the batch in the lanes."""
    source = plain(builder, value).x
    output = builder.lanes_buffer(value.name, math.prod(value.shape))
    builder.tile("lanes_from_blocks", value.name, (source, output), channels_of(value.shape))
    return output


def from_lanes(builder: PlanBuilder, name: str, shape: Shape, lanes: Buffer) -> BlockValue:
    """What has the batch in the lanes, in blocks."""
    assert lanes.layout is Layout.LANES
    output = builder.blocks_buffer(name, shape)
    builder.tile("blocks_from_lanes", name, (lanes, output), channels_of(shape))
    return BlockValue(name, shape, output)


def scatter_blocks(builder: PlanBuilder, value: BlockValue, external: Buffer) -> None:
    """The value into the caller's array, (N, C, ...)."""
    source = plain(builder, value)
    attributes = channels_of(value.shape)
    stripes = max(1, attributes["positions"] // STRIPE)
    extent = builder.blocks(value.shape[0]) * stripes
    attributes["stripes"] = stripes
    operands = (source.x, external)
    builder.shared([Step("blocks_scatter", value.name, operands, attributes, extent, Scale.IMAGES)])


def total(builder: PlanBuilder, name: str, first: BlockValue, second: BlockValue) -> BlockValue:
    """The sum of two values of one shape, described."""
    first, second = (
        value if value.is_linear and value.other is None else plain(builder, value)
        for value in (first, second)
    )
    if first.coefficients is None and second.coefficients is not None:
        first, second = second, first
    coefficients = first.coefficients
    if second.coefficients is not None:
        coefficients = _join_coefficients(builder, name, first, second)
    return BlockValue(name, first.shape, first.x, other=second.x, coefficients=coefficients)


def _join_coefficients(builder: PlanBuilder, name: str, first: BlockValue, second: BlockValue) -> Buffer:
    blocks = builder.blocks(first.shape[0])
    values = 3 * blocks * builder.lanes
    sources = (first.coefficients, second.coefficients)
    from_state = all(source is not None and source.scope is Scope.PREPARED for source in sources)
    make = builder.prepared_buffer if from_state else builder.batch_buffer
    joined = make(f"{name} coefficients", values)
    step = Step("blocks_join_coefficients", name, (*sources, joined), {"cells": blocks}, blocks)
    if from_state:
        builder.prepare(step)
    else:
        builder.shared([step])
    return joined
