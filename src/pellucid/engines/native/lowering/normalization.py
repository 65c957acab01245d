"""Normalisation: by fixed numbers, by running statistics, and by the batch, which splits the walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.engines.native.builder import UPDATE_TURN, PlanBuilder
from pellucid.engines.native.lowering.context import (
    Cache,
    Lowering,
    NodeContext,
    bias_gradient,
    reduce_sums,
)
from pellucid.engines.native.plan import Buffer, Layout
from pellucid.layers import BatchNorm1d, BatchNorm2d, Layer, Normalize
from pellucid.layers.normalization import BatchNorm


def fixed_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """(x - mean) / deviation."""
    layer = context.node.layer
    assert isinstance(layer, Normalize)
    channels = context.output_shape[0]

    def constant(name: str, values: object) -> Buffer:
        array = np.broadcast_to(np.asarray(values, np.float32), (channels,))
        return builder.constant(f"{context.name} {name}", array)

    mean = constant("mean", layer.mean)
    scale = constant("scale", 1 / np.asarray(layer.deviation))
    output = builder.lanes_buffer(context.name, context.cells)
    operands = (inputs[0], mean, scale, constant("shift", 0.0), output)
    builder.tile("normalize_output", context.name, operands, context.channels)
    return output, scale


def fixed_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """delta / deviation."""
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.cells)
    attributes = context.channels
    builder.tile("normalize_input_gradient", context.name, (gradient, cache, result), attributes)
    return [result]


@dataclass(frozen=True)
class _Statistics:
    x: Buffer
    mean: Buffer
    scale: Buffer
    inverse: Buffer


def _beta(builder: PlanBuilder, context: NodeContext) -> Buffer:
    beta = context.parameter("bias")
    if beta is not None:
        return beta
    return builder.constant(f"{context.name} shift", np.zeros(context.output_shape[0], np.float32))


def required(context: NodeContext, name: str) -> Buffer:
    """A parameter that the layer always has."""
    buffer = context.parameter(name)
    assert buffer is not None
    return buffer


def attributes(context: NodeContext) -> dict[str, int | float]:
    """Of the kernels of batch normalisation."""
    layer = context.node.layer
    assert isinstance(layer, BatchNorm)
    return {
        **context.channels,
        "epsilon": layer.epsilon,
        "momentum": layer.momentum,
    }


def batch_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """Statistics behind a barrier, then gamma (x - mean) / deviation + beta."""
    channels = context.output_shape[0]
    scale = builder.batch_buffer(f"{context.name} scale", channels)
    inverse = builder.batch_buffer(f"{context.name} inverse deviation", channels)
    gamma = context.parameter("weight")
    running_mean, running_var = required(context, "running_mean"), required(context, "running_var")
    if context.training:
        moments = builder.shard_sums(f"{context.name} moments", channels * 24, Layout.FLAT, "float64")
        mean = builder.batch_buffer(f"{context.name} mean", channels)
        shape = context.channels
        builder.tile("batch_moments", context.name, (inputs[0], moments), shape)
        results = (moments, gamma, mean, scale, inverse)
        builder.range("batch_statistics", context.name, results, attributes(context), extent=channels)
        running = (moments, running_mean, running_var)
        builder.later(
            UPDATE_TURN,
            "update_running_statistics",
            context.name,
            running,
            attributes(context),
            extent=channels,
        )
    else:
        mean = running_mean
        folded = (running_var, gamma, scale, inverse)
        builder.first("running_statistics", context.name, folded, attributes(context), extent=channels)
    output = builder.lanes_buffer(context.name, context.cells)
    operands = (inputs[0], mean, scale, _beta(builder, context), output)
    builder.tile("normalize_output", context.name, operands, context.channels)
    return output, _Statistics(inputs[0], mean, scale, inverse)


def batch_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """Through the statistics in training; past them otherwise."""
    assert isinstance(cache, _Statistics)
    if context.training:
        return [_through_statistics(builder, context, cache, gradient)]
    shape = context.channels
    target = context.gradient("weight")
    if target is not None:
        sums = builder.sums(f"{context.name}.weight sums", shape["channels"])
        operands = (cache.x, gradient, cache.mean, cache.inverse, sums)
        builder.tile("normalize_scale_gradient", context.name, operands, shape)
        reduce_sums(builder, context, sums, target)
    bias_gradient(builder, context, gradient)
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.cells)
    builder.tile("normalize_input_gradient", context.name, (gradient, cache.scale, result), shape)
    return [result]


def _through_statistics(
    builder: PlanBuilder, context: NodeContext, cache: _Statistics, gradient: Buffer
) -> Buffer:
    shape = context.channels
    channels = shape["channels"]
    sums = builder.shard_sums(f"{context.name} gradient sums", channels * 16, Layout.FLAT, "float64")
    operands = (cache.x, gradient, cache.mean, cache.inverse, sums)
    builder.tile("batch_gradient_sums", context.name, operands, shape)
    means = builder.batch_buffer(f"{context.name} gradient means", 2 * channels)
    targets = (sums, context.gradient("weight"), context.gradient("bias"), means)
    builder.range("batch_gradient_statistics", context.name, targets, shape, extent=channels)
    result = builder.lanes_buffer(f"d input of {context.name}", context.cells)
    sources = (gradient, cache.x, cache.mean, cache.inverse, cache.scale, means, result)
    builder.tile("batch_input_gradient", context.name, sources, shape)
    return result


LOWERINGS: dict[type[Layer], Lowering] = {
    Normalize: Lowering(fixed_forward, fixed_backward),
    **dict.fromkeys((BatchNorm1d, BatchNorm2d), Lowering(batch_forward, batch_backward)),
}
