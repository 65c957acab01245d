"""Local response normalisation on channel blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, computed, plain
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.lowering.image_normalization import response_attributes
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Layer, LocalResponseNorm

STRIP = 16
"""Positions that are taken at a time; native/kernels/blocks/local_response.cpp."""


@dataclass(frozen=True)
class _Response:
    x: Buffer
    sums: Buffer | None


def _scratch(builder: PlanBuilder, context: NodeContext) -> Buffer:
    """A row of channels, and of zeros at both ends, for each position of a strip."""
    layer = context.node.layer
    assert isinstance(layer, LocalResponseNorm)
    blocks = builder.blocks(context.output_shape[0]) + 2 * builder.blocks(layer.size)
    return builder.scratch(f"{context.name} strip", STRIP * blocks * builder.lanes * 4)


def _strips(context: NodeContext) -> int:
    return -(-context.channels["positions"] // STRIP)


def forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """x s^-beta; the sums s are kept if a gradient will ask."""
    x = plain(builder, inputs[0]).x
    name, shape, attributes = context.name, context.output_shape, response_attributes(context)
    sums = builder.blocks_buffer(f"{name} sums", shape) if context.differentiated else None
    sources, operation = (x, _scratch(builder, context), sums), "blocks_local_response_output"
    extent = _strips(context)
    return computed(builder, name, shape, operation, name, sources, attributes, extent), _Response(x, sums)


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The cell's own share, and those of the sums that it is in."""
    assert isinstance(cache, _Response)
    if not wanted[0]:
        return [None]
    name, attributes = f"d input of {context.name}", response_attributes(context)
    sources = (cache.x, cache.sums, plain(builder, gradient).x, _scratch(builder, context))
    operation, extent = "blocks_local_response_gradient", _strips(context)
    shape, node = gradient.shape, context.name
    return [computed(builder, name, shape, operation, node, sources, attributes, extent)]


LOWERINGS: dict[type[Layer], BlockLowering] = {LocalResponseNorm: BlockLowering(forward, backward)}
