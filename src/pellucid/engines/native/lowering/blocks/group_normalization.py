"""Normalisation of groups of channels of each image, on channel blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, computed, plain
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.lowering.image_normalization import image_attributes
from pellucid.engines.native.plan import Buffer, Scale, Step
from pellucid.layers import GroupNorm, InstanceNorm, Layer


@dataclass(frozen=True)
class _Normalized:
    x: Buffer
    statistics: Buffer


def _of_images(builder: PlanBuilder, context: NodeContext, name: str, rows: int) -> Buffer:
    """(images, rows, padded channels) floats."""
    channels = builder.blocks(context.output_shape[0]) * builder.lanes
    return builder.pooled_buffer(f"{context.name} {name}", builder.capacity * rows * channels * 4)


def forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Each group's mean and deviation, then gamma (x - mean) / deviation + beta."""
    x, statistics = plain(builder, inputs[0]).x, _of_images(builder, context, "statistics", 2)
    name, shape, operation = context.name, context.output_shape, "blocks_group_normalization_output"
    sources = (x, context.parameter("weight"), context.parameter("bias"), statistics)
    output = computed(builder, name, shape, operation, name, sources, image_attributes(context), 1)
    return output, _Normalized(x, statistics)


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """Through the statistics; gamma's and beta's gradients are sums over the images."""
    assert isinstance(cache, _Normalized)
    targets = context.gradient("weight"), context.gradient("bias")
    attributes, sums = image_attributes(context), _of_images(builder, context, "gradient sums", 4)
    delta, gamma = plain(builder, gradient).x, context.parameter("weight")
    sources = (cache.x, delta, gamma, cache.statistics, sums)
    name, operation = f"d input of {context.name}", "blocks_group_normalization_gradient"
    dx = computed(builder, name, gradient.shape, operation, context.name, sources, attributes, 1)
    if any(target is not None for target in targets):
        operation, channels = "blocks_group_normalization_affine_gradient", context.output_shape[0]
        step = Step(operation, context.name, (sums, *targets), attributes, channels, Scale.ONCE)
        builder.shared([step])
    return [dx if wanted[0] else None]


LOWERINGS: dict[type[Layer], BlockLowering] = dict.fromkeys(
    (GroupNorm, InstanceNorm), BlockLowering(forward, backward)
)
