"""Convolutions: pad, correlate; backwards likewise, then the padding's adjoint."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.algorithms import Algorithm, algorithm_of
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext, bias_gradient
from pellucid.engines.native.lowering.direct import Definition
from pellucid.engines.native.lowering.filtering import Filtering
from pellucid.engines.native.lowering.geometry import Geometry, geometry
from pellucid.engines.native.plan import Buffer, Layout
from pellucid.layers import Conv1d, Conv2d, Convolution, Layer

Passes = Definition | Filtering
"""A convolution's steps, in the way that its algorithm has them."""


def prepare(builder: PlanBuilder, context: NodeContext, source: Buffer) -> Passes:
    """Pad the input where needed, and decide on the algorithm."""
    layer = context.node.layer
    assert isinstance(layer, Convolution)
    sizes = geometry(context, layer)
    padded = source
    if sizes.is_padded and not context.padded_input:
        padded = builder.lanes_buffer(f"{context.name} padded", sizes.in_channels * math.prod(sizes.padded))
        builder.tile("pad", context.name, (source, padded), sizes.pad_attributes(layer.padding_mode))
    filters = algorithm_of(context, builder.lanes, Layout.LANES) is Algorithm.WINOGRAD
    return (Filtering if filters else Definition)(builder, context, sizes, padded)


def forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """Pad where needed, then correlate."""
    passes = prepare(builder, context, inputs[0])
    output = builder.lanes_buffer(context.name, context.cells)
    passes.output(output)
    return output, passes


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """dJ/dW by correlating input and gradient, dJ/db by summing, dJ/dx by the full correlation."""
    bias_gradient(builder, context, gradient)
    return [gradients(builder, context, cache, gradient, wanted=wanted[0])]


def gradients(
    builder: PlanBuilder, context: NodeContext, passes: Passes, gradient: Buffer, *, wanted: bool
) -> Buffer | None:
    """dJ/dW from the output's gradient, where it is wanted; and dJ/dx, if that is."""
    padded = passes.gradients(gradient, context.gradient("weight"), wanted=wanted)
    return None if padded is None else _unpadded(builder, context, passes.sizes, padded)


def _unpadded(builder: PlanBuilder, context: NodeContext, sizes: Geometry, padded: Buffer) -> Buffer:
    """The padding's adjoint: each cell's gradient to the cell that it repeats."""
    if not sizes.is_padded:
        return padded
    layer = context.node.layer
    assert isinstance(layer, Convolution)
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    builder.tile("pad_gradient", context.name, (padded, result), sizes.pad_attributes(layer.padding_mode))
    return result


LOWERINGS: dict[type[Layer], Lowering] = {
    Conv1d: Lowering(forward, backward),
    Conv2d: Lowering(forward, backward),
}
