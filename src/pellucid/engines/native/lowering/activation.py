"""Activations cell by cell: backwards from the output where it says enough, so that no input need be kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext
from pellucid.engines.native.plan import Buffer
from pellucid.layers import (
    ELU,
    GELU,
    SELU,
    Clip,
    Hardsigmoid,
    Hardswish,
    Layer,
    LeakyReLU,
    Mish,
    ReLU,
    ReLU6,
    ScaledTanh,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)

KINDS: dict[type[Layer], int] = {
    ReLU: 0,
    LeakyReLU: 1,
    Sigmoid: 2,
    ScaledTanh: 3,
    Tanh: 3,
    ELU: 4,
    Softplus: 5,
    SELU: 6,
    Clip: 7,
    ReLU6: 7,
    Hardsigmoid: 8,
    Hardswish: 9,
    SiLU: 10,
    GELU: 11,
    Mish: 13,
}
"""As in native/kernels/activation/activation.h."""

APPROXIMATE_GELU = 12

FROM_INPUT: frozenset[type[Layer]] = frozenset({GELU, Hardswish, Mish, SiLU})
"""Whose output does not tell the derivative: two inputs may have the same."""

RULES = {Rule.GRADIENT: 0, Rule.GUIDED: 1, Rule.DECONVNET: 2}


def _numbers(layer: Layer) -> tuple[float, float]:
    """Amplitude and slope, as native/kernels/activation/activation.cpp takes them."""
    amplitude, slope = 1.0, 1.0
    match layer:
        case ScaledTanh():
            amplitude, slope = layer.amplitude, layer.slope
        case ELU():
            amplitude = layer.alpha
        case LeakyReLU():
            slope = layer.negative_slope
        case SELU():
            amplitude, slope = layer.SCALE * layer.ALPHA, layer.SCALE
        case Hardsigmoid():
            amplitude, slope = layer.offset, layer.slope
        case ReLU6():
            amplitude, slope = 0.0, 6.0
        case Clip():
            amplitude = -math.inf if layer.minimum is None else layer.minimum
            slope = math.inf if layer.maximum is None else layer.maximum
    return amplitude, slope


def activation_attributes(context: NodeContext) -> dict[str, int | float]:
    """Of the kernels of an activation."""
    layer = context.node.layer
    amplitude, slope = _numbers(layer)
    rule = context.rule if isinstance(layer, ReLU) else Rule.GRADIENT
    approximate = isinstance(layer, GELU) and layer.approximate == "tanh"
    return {
        **context.channels,
        "kind": APPROXIMATE_GELU if approximate else KINDS[type(layer)],
        "rule": RULES[rule],
        "amplitude": amplitude,
        "slope": slope,
    }


def forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """Each cell through the function, unless the pooling that follows does it."""
    if context.name in context.absorbed:
        return inputs[0], None
    output = builder.lanes_buffer(context.name, context.cells)
    builder.tile("activation_output", context.name, (inputs[0], output), activation_attributes(context))
    return output, inputs[0] if type(context.node.layer) in FROM_INPUT else output


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """delta times the derivative."""
    if not wanted[0]:
        return [None]
    if context.name in context.absorbed:
        return [gradient]
    result = builder.lanes_buffer(f"d input of {context.name}", context.cells)
    builder.tile(
        "activation_gradient", context.name, (gradient, cache, result), activation_attributes(context)
    )
    return [result]


LOWERINGS: dict[type[Layer], Lowering] = dict.fromkeys(KINDS, Lowering(forward, backward))
