"""Normalisation by parts of the image, and by neighbouring channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext, reduce_sums
from pellucid.engines.native.plan import Buffer
from pellucid.layers import GroupNorm, InstanceNorm, Layer, LayerNorm, LocalResponseNorm
from pellucid.layers.normalization import ImageNorm

# ---- by parts of the image


@dataclass(frozen=True)
class _Normalized:
    x: Buffer
    statistics: Buffer


def image_attributes(context: NodeContext) -> dict[str, int | float]:
    """Parts of neighbouring cells, in runs that share one gamma and one beta."""
    layer, shape = context.node.layer, context.output_shape
    assert isinstance(layer, ImageNorm)
    cells = layer.part(shape)
    positions = 1 if isinstance(layer, LayerNorm) else math.prod(shape[1:])
    return {
        "parts": math.prod(shape) // cells,
        "runs": cells // positions,
        "positions": positions,
        "period": math.prod(layer.affine_shape(shape)),
        "epsilon": layer.epsilon,
    }


def image_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """Each part's mean and deviation, then gamma (x - mean) / deviation + beta."""
    attributes = image_attributes(context)
    statistics = builder.lanes_buffer(f"{context.name} statistics", 2 * int(attributes["parts"]))
    output = builder.lanes_buffer(context.name, context.cells)
    affine = context.parameter("weight"), context.parameter("bias")
    operands = (inputs[0], *affine, statistics, output)
    builder.tile("image_normalization_output", context.name, operands, attributes)
    return output, _Normalized(inputs[0], statistics)


def image_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """Through the statistics; gamma's and beta's gradients are sums over the images."""
    assert isinstance(cache, _Normalized)
    attributes = image_attributes(context)
    targets = {name: context.gradient(name) for name in ("weight", "bias")}
    if any(target is not None for target in targets.values()):
        sums = {
            name: builder.sums(f"{context.name}.{name} sums", int(attributes["period"]))
            for name, target in targets.items()
            if target is not None
        }
        operands = (cache.x, gradient, cache.statistics, sums.get("weight"), sums.get("bias"))
        builder.tile("image_normalization_affine_gradient", context.name, operands, attributes)
        for name, target in targets.items():
            if target is not None:
                reduce_sums(builder, context, sums[name], target)
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.cells)
    sources = (cache.x, gradient, context.parameter("weight"), cache.statistics, result)
    builder.tile("image_normalization_input_gradient", context.name, sources, attributes)
    return [result]


# ---- by neighbouring channels


@dataclass(frozen=True)
class _Response:
    x: Buffer
    y: Buffer
    sums: Buffer | None


def response_attributes(context: NodeContext) -> dict[str, int | float]:
    """Of the kernels of local response normalisation."""
    layer = context.node.layer
    assert isinstance(layer, LocalResponseNorm)
    return {
        **context.channels,
        "size": layer.size,
        "alpha": layer.alpha / layer.size,
        "beta": layer.beta,
        "k": layer.k,
    }


def response_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """x s^-beta; the sums s are kept if a gradient will ask."""
    sums = None
    if context.differentiated:
        sums = builder.lanes_buffer(f"{context.name} sums", context.cells)
    output = builder.lanes_buffer(context.name, context.cells)
    operands = (inputs[0], sums, output)
    builder.tile("local_response_output", context.name, operands, response_attributes(context))
    return output, _Response(inputs[0], output, sums)


def response_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """The cell's own share, and those of the sums that it is in."""
    assert isinstance(cache, _Response)
    if not wanted[0]:
        return [None]
    shares = builder.lanes_buffer(f"{context.name} shares", context.cells)
    result = builder.lanes_buffer(f"d input of {context.name}", context.cells)
    operands = (cache.x, cache.y, cache.sums, gradient, shares, result)
    builder.tile("local_response_gradient", context.name, operands, response_attributes(context))
    return [result]


LOWERINGS: dict[type[Layer], Lowering] = {
    **dict.fromkeys((GroupNorm, InstanceNorm, LayerNorm), Lowering(image_forward, image_backward)),
    LocalResponseNorm: Lowering(response_forward, response_backward),
}
