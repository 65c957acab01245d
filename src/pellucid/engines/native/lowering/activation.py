"""Activations and softmax: backwards from the output, so that the input need not be kept."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext
from pellucid.engines.native.plan import Buffer
from pellucid.layers import ELU, Layer, LeakyReLU, ReLU, ScaledTanh, Sigmoid, Softmax, Softplus, Tanh

KINDS: dict[type[Layer], int] = {
    ReLU: 0,
    LeakyReLU: 1,
    Sigmoid: 2,
    ScaledTanh: 3,
    Tanh: 3,
    ELU: 4,
    Softplus: 5,
}
"""As in native/kernels/activation/activation.h."""

RULES = {Rule.GRADIENT: 0, Rule.GUIDED: 1, Rule.DECONVNET: 2}


def activation_attributes(context: NodeContext) -> dict[str, int | float]:
    """Of the kernels of an activation."""
    layer = context.node.layer
    amplitude, slope = 1.0, 1.0
    if isinstance(layer, ScaledTanh):
        amplitude, slope = layer.amplitude, layer.slope
    elif isinstance(layer, ELU):
        amplitude = layer.alpha
    elif isinstance(layer, LeakyReLU):
        slope = layer.negative_slope
    rule = context.rule if isinstance(layer, ReLU) else Rule.GRADIENT
    return {
        **context.channels,
        "kind": KINDS[type(layer)],
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
    return output, output


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


def softmax_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """Probabilities over the channels."""
    output = builder.lanes_buffer(context.name, context.cells)
    builder.tile("softmax_output", context.name, (inputs[0], output), context.channels)
    return output, output


def softmax_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """y times (delta minus its mean under y)."""
    if not wanted[0]:
        return [None]
    result = builder.lanes_buffer(f"d input of {context.name}", context.cells)
    builder.tile("softmax_gradient", context.name, (gradient, cache, result), context.channels)
    return [result]


LOWERINGS: dict[type[Layer], Lowering] = {
    **dict.fromkeys(KINDS, Lowering(forward, backward)),
    Softmax: Lowering(softmax_forward, softmax_backward),
}
