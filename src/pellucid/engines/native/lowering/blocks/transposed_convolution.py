"""Transposed convolutions on channel blocks: as in the lanes, by the passes of the matching convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering import transposed_convolution as in_lanes
from pellucid.engines.native.lowering.blocks import direct
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.epilogue import Epilogue
from pellucid.engines.native.lowering.blocks.kernel_gradient import bias_gradient
from pellucid.engines.native.lowering.blocks.value import BlockValue, from_lanes, plain, to_lanes
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.layers import ConvTranspose1d, ConvTranspose2d, Layer


def forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The convolution's input gradient and the bias in one go."""
    match = in_lanes.matching(context)
    if not match.is_exact:  # rare: more output_padding than a stride
        output, cache = in_lanes.forward(builder, context, [to_lanes(builder, inputs[0])])
        return from_lanes(builder, context.name, context.output_shape, output), cache
    epilogue = Epilogue(bias=context.parameter("bias"))
    value = direct.input_gradient(builder, match.context, inputs[0], epilogue)
    return replace(value, name=context.name), inputs[0]


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """The convolution of delta; its weight gradient, with delta for the input and x for the error signal."""
    match = in_lanes.matching(context)
    name, shape = f"d input of {context.name}", context.input_shapes[0]
    if not match.is_exact:
        delta = to_lanes(builder, gradient)
        (part,) = in_lanes.backward(builder, context, cache, delta, wanted)
        return [None if part is None else from_lanes(builder, name, shape, part)]
    bias_gradient(builder, context, gradient)
    target = context.gradient("weight")
    if target is not None:
        x = plain(builder, cache)
        direct.weight_gradient(builder, match.context, gradient, x, target)
    if not wanted[0]:
        return [None]
    return [replace(direct.output(builder, match.context, gradient, Epilogue()), name=name)]


LOWERINGS: dict[type[Layer], BlockLowering] = dict.fromkeys(
    (ConvTranspose1d, ConvTranspose2d), BlockLowering(forward, backward)
)
