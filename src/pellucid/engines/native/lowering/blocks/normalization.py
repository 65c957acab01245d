"""Normalisation on channel blocks: only its coefficients are computed, and whoever reads applies them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.native.builder import UPDATE_TURN, PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.epilogue import channel_sums
from pellucid.engines.native.lowering.blocks.value import (
    BlockValue,
    channels_of,
    mask_operands,
    plain,
)
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.lowering.normalization import attributes, required
from pellucid.engines.native.plan import Buffer, Scale, Step
from pellucid.layers import BatchNorm1d, BatchNorm2d, Layer, Normalize


def _described(
    builder: PlanBuilder, context: NodeContext, source: BlockValue, coefficients: Buffer
) -> BlockValue:
    """a x + c of a value that nothing is described of yet, but that it may lie in the caller's images."""
    if source.other is not None or source.coefficients is not None or source.rectified:
        source = plain(builder, source)
    return replace(source, name=context.name, coefficients=coefficients, sums=None)


def _scaled(builder: PlanBuilder, context: NodeContext, gradient: BlockValue, scale: Buffer) -> BlockValue:
    """The gradient times a number a channel."""
    if gradient.other is not None or gradient.coefficients is not None or gradient.images is not None:
        gradient = plain(builder, gradient)
    return replace(gradient, name=f"d input of {context.name}", coefficients=scale)


# ---- by fixed numbers


def _fixed_coefficients(builder: PlanBuilder, context: NodeContext, shifted: bool) -> Buffer:
    layer = context.node.layer
    assert isinstance(layer, Normalize)
    channels = context.output_shape[0]
    table = np.zeros((3, builder.blocks(channels) * builder.lanes), np.float32)

    def put(row: int, values: ArrayLike) -> None:
        table[row, :channels] = values

    deviation = np.asarray(layer.deviation)
    put(0, 1 / deviation)
    put(1, 1)
    if shifted:
        put(2, -np.asarray(layer.mean) / deviation)
    return builder.constant(f"{context.name} coefficients", table)


def fixed_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """(x - mean) / deviation."""
    return _described(builder, context, inputs[0], _fixed_coefficients(builder, context, True)), None


def fixed_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """delta / deviation."""
    if not wanted[0]:
        return [None]
    return [_scaled(builder, context, gradient, _fixed_coefficients(builder, context, False))]


# ---- by the batch


@dataclass(frozen=True)
class _Normalized:
    """What backward needs: x, (2, padded channels) mean and inverse deviation, the coefficients of y, and
    those of dx where the statistics do not depend on x."""

    x: BlockValue
    statistics: Buffer
    coefficients: Buffer
    gradient_coefficients: Buffer | None = None


def _padded(builder: PlanBuilder, context: NodeContext) -> int:
    return builder.blocks(context.output_shape[0]) * builder.lanes


def _moments(builder: PlanBuilder, context: NodeContext, source: BlockValue) -> Buffer:
    """The sums of x and of its squares, from whoever wrote x or from a pass over it."""
    if source.sums is not None:
        return source.sums
    sums = channel_sums(builder, f"{context.name} moments", source.shape[0])
    blocks = builder.blocks(source.shape[0])
    shape = channels_of(source.shape)
    step = Step("blocks_moments", context.name, (source.x, sums), shape, blocks, Scale.IMAGES)
    builder.shared([step])
    return sums


def _by_batch(builder: PlanBuilder, context: NodeContext, source: BlockValue) -> _Normalized:
    padded = _padded(builder, context)
    source = plain(builder, source)
    sums = _moments(builder, context, source)
    statistics = builder.batch_buffer(f"{context.name} statistics", 2 * padded)
    coefficients = builder.batch_buffer(f"{context.name} coefficients", 3 * padded)
    operands = (sums, context.parameter("weight"), context.parameter("bias"), statistics, coefficients)
    builder.range("blocks_batch_statistics", context.name, operands, attributes(context), extent=padded)
    running = (sums, required(context, "running_mean"), required(context, "running_var"))
    builder.later(
        UPDATE_TURN,
        "blocks_update_running_statistics",
        context.name,
        running,
        attributes(context),
        extent=context.output_shape[0],
    )
    return _Normalized(source, statistics, coefficients)


def _running_operands(context: NodeContext) -> tuple[Buffer | None, ...]:
    running = required(context, "running_mean"), required(context, "running_var")
    return *running, context.parameter("weight"), context.parameter("bias")


def _by_running(builder: PlanBuilder, context: NodeContext, source: BlockValue) -> _Normalized:
    padded = _padded(builder, context)
    statistics = builder.prepared_buffer(f"{context.name} statistics", 2 * padded)
    coefficients = builder.prepared_buffer(f"{context.name} coefficients", 3 * padded)
    backwards = None
    if context.differentiated:
        backwards = builder.prepared_buffer(f"{context.name} gradient coefficients", 3 * padded)
    operands = (*_running_operands(context), statistics, coefficients, backwards)
    step = Step("blocks_running_coefficients", context.name, operands, attributes(context), padded)
    builder.prepare(step)
    return _Normalized(source, statistics, coefficients, backwards)


def folded(builder: PlanBuilder, context: NodeContext, bias_before: Buffer | None) -> tuple[Buffer, Buffer]:
    """Scale and bias, (padded channels) each, with which a convolution does this normalisation itself.

    Args:
        builder: of the plan, which is not one that trains.
        context: of the normalisation.
        bias_before: the convolution's own bias, if it has one.
    """
    padded = _padded(builder, context)
    scale = builder.prepared_buffer(f"{context.name} scale", padded)
    bias = builder.prepared_buffer(f"{context.name} folded bias", padded)
    operands = (*_running_operands(context), bias_before, scale, bias)
    step = Step("blocks_fold_normalization", context.name, operands, attributes(context), padded)
    builder.prepare(step)
    return scale, bias


def batch_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """Statistics behind a barrier, or the running ones: gamma (x - mean) / deviation + beta, described."""
    normalized = (_by_batch if context.training else _by_running)(builder, context, inputs[0])
    return _described(builder, context, normalized.x, normalized.coefficients), normalized


def batch_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """Through the statistics in training; past them otherwise."""
    assert isinstance(cache, _Normalized)
    if context.training:
        return [_through_statistics(builder, context, cache, gradient)]
    if context.gradient("weight") is not None or context.gradient("bias") is not None:
        x = plain(builder, cache.x)
        gradient, sums = _gradient_sums(builder, context, replace(cache, x=x), gradient)
        _gradient_statistics(builder, context, cache, sums, None)
    if not wanted[0]:
        return [None]
    assert cache.gradient_coefficients is not None
    return [_scaled(builder, context, gradient, cache.gradient_coefficients)]


def _through_statistics(
    builder: PlanBuilder, context: NodeContext, cache: _Normalized, gradient: BlockValue
) -> BlockValue:
    """dx = k1 delta + k2 x + k3, described."""
    gradient, sums = _gradient_sums(builder, context, cache, gradient)
    coefficients = builder.batch_buffer(
        f"d input of {context.name} coefficients", 3 * _padded(builder, context)
    )
    _gradient_statistics(builder, context, cache, sums, coefficients)
    return BlockValue(
        f"d input of {context.name}",
        gradient.shape,
        gradient.x,
        other=cache.x.x,
        coefficients=coefficients,
    )


def _gradient_sums(
    builder: PlanBuilder, context: NodeContext, cache: _Normalized, gradient: BlockValue
) -> tuple[BlockValue, Buffer]:
    """The gradient, written down in the pass that forms its sums if nobody has done so yet."""
    if gradient.images is not None:
        gradient = plain(builder, gradient)
    written: list[BlockValue] = []

    def write() -> BlockValue:
        output = builder.blocks_buffer(gradient.name, gradient.shape)
        written.append(BlockValue(gradient.name, gradient.shape, output))
        return written[0]

    result = gradient if gradient.is_plain else builder.once(gradient, write)
    source = gradient if written else result
    sums = channel_sums(builder, f"{context.name} gradient sums", gradient.shape[0])
    operands = (
        *source.operands,
        *mask_operands(source),
        cache.x.x,
        cache.statistics,
        written[0].x if written else None,
        sums,
    )
    shape = channels_of(gradient.shape)
    extent = builder.blocks(gradient.shape[0])
    builder.shared([Step("blocks_batch_gradient_sums", context.name, operands, shape, extent, Scale.IMAGES)])
    return result, sums


def _gradient_statistics(
    builder: PlanBuilder, context: NodeContext, cache: _Normalized, sums: Buffer, result: Buffer | None
) -> None:
    """The gradients of gamma and beta and, in training, the coefficients of dx."""
    targets = context.gradient("weight"), context.gradient("bias")
    operands = (sums, cache.statistics, cache.coefficients, *targets, result)
    builder.range(
        "blocks_batch_gradient_statistics",
        context.name,
        operands,
        context.channels,
        extent=_padded(builder, context),
    )


LOWERINGS: dict[type[Layer], BlockLowering] = {
    Normalize: BlockLowering(fixed_forward, fixed_backward, follows_masks=True),
    **dict.fromkeys(
        (BatchNorm1d, BatchNorm2d), BlockLowering(batch_forward, batch_backward, follows_masks=True)
    ),
}
