"""What a convolution does to its sums before it writes them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.value import BlockValue
from pellucid.engines.native.plan import Buffer, Layout
from pellucid.layers import Shape


def channel_sums(builder: PlanBuilder, name: str, channels: int) -> Buffer:
    """Two sums a channel over the batch: (2, padded channels) doubles a shard, zero before the first step."""
    nbytes = 2 * builder.blocks(channels) * builder.lanes * 8
    return builder.shard_sums(name, nbytes, Layout.FLAT, "float64")


def signs_buffer(builder: PlanBuilder, name: str, shape: Shape) -> Buffer:
    """For each vector of an array in blocks which lanes are positive (native/kernels/blocks/signs.h)."""
    vectors = builder.capacity * builder.blocks(shape[0]) * math.prod(shape[1:])
    return builder.pooled_buffer(f"{name} signs", vectors * (2 if builder.lanes > 8 else 1))


@dataclass(frozen=True)
class Epilogue:
    """y = rectified(sum + bias + addend), or 0 where it is masked, its moments summed on the way.

    Attributes:
        bias: (channels,) floats in the order of the layer, or (padded channels,) where `scale` is given; None
            for none.
        scale: (padded channels,) floats that the kernels of each output channel of the layer are multiplied
            by when they are packed, as a normalisation folded into the convolution asks for; None for none.
        addend: a plain value of the output's shape that is added.
        rectify: whether negative results become 0.
        mask: signs of a value of the output's shape: y is 0 where that is not positive. None for none.
            Depthwise convolutions do not follow it.
        sums: (2, padded channels) doubles a shard, to which the sums of y and of its squares are added.
        signs: where y's are written; None for nowhere.
    """

    bias: Buffer | None = None
    scale: Buffer | None = None
    addend: BlockValue | None = None
    rectify: bool = False
    mask: Buffer | None = None
    sums: Buffer | None = None
    signs: Buffer | None = None


NOTHING_MORE = Epilogue()
