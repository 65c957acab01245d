"""Convolutions: pad, correlate; backwards likewise, then the padding's adjoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.algorithms import Algorithm, algorithm_of
from pellucid.engines.native.lowering.connections import input_connections, output_connections
from pellucid.engines.native.lowering.context import (
    Cache,
    Lowering,
    NodeContext,
    bias_gradient,
    reduce_sums,
)
from pellucid.engines.native.lowering.filtering import Filtering
from pellucid.engines.native.lowering.geometry import MODES, Geometry, geometry
from pellucid.engines.native.plan import Buffer, Layout
from pellucid.layers import Conv1d, Conv2d, Convolution, Layer


@dataclass(frozen=True)
class Correlation:
    """A convolution ready to be computed: what its kernels read besides the parameters.

    Attributes:
        filtering: in whose way it is computed; None for the definition's.
    """

    sizes: Geometry
    padded: Buffer
    groups: Buffer
    pairs: Buffer
    filtering: Filtering | None = None

    @property
    def group_count(self) -> int:
        """Groups of output maps."""
        return self.groups.nbytes // 20


def prepare(builder: PlanBuilder, context: NodeContext, source: Buffer) -> Correlation:
    """Pad the input where needed, and list the connections."""
    layer = context.node.layer
    assert isinstance(layer, Convolution)
    sizes = geometry(context, layer)
    padded = source
    if sizes.is_padded and not context.padded_input:
        padded = builder.lanes_buffer(f"{context.name} padded", sizes.in_channels * math.prod(sizes.padded))
        builder.tile("pad", context.name, (source, padded), sizes.pad_attributes(layer.padding_mode))
    connections = output_connections(layer, sizes.in_channels)
    groups = builder.constant(f"{context.name} groups", connections.groups)
    pairs = builder.constant(f"{context.name} connections", connections.pairs)
    filtering = None
    if algorithm_of(context, builder.lanes, Layout.LANES) is Algorithm.WINOGRAD:
        filtering = Filtering(builder, context, sizes)
    return Correlation(sizes, padded, groups, pairs, filtering)


def correlate(
    builder: PlanBuilder, context: NodeContext, correlation: Correlation, *, rectify: bool = False
) -> Buffer:
    """The output, after a ReLU where `rectify` is set."""
    c = correlation
    output = builder.lanes_buffer(context.name, context.cells)
    if c.filtering is not None:
        c.filtering.output(c.padded, output, rectify=rectify)
        return output
    operands = (c.padded, context.parameter("weight"), context.parameter("bias"), c.groups, c.pairs, output)
    attributes = c.sizes.attributes(c.group_count, rectify=rectify)
    builder.tile("convolution_output", context.name, operands, attributes)
    return output


def forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """Pad where needed, then correlate."""
    correlation = prepare(builder, context, inputs[0])
    return correlate(builder, context, correlation), correlation


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """dJ/dW by correlating input and gradient, dJ/db by summing, dJ/dx by the full correlation."""
    bias_gradient(builder, context, gradient)
    return [gradients(builder, context, cache, gradient, wanted=wanted[0])]


def gradients(
    builder: PlanBuilder, context: NodeContext, correlation: Correlation, gradient: Buffer, *, wanted: bool
) -> Buffer | None:
    """dJ/dW from the output's gradient, where it is wanted; and dJ/dx, if that is."""
    target = context.gradient("weight")
    if correlation.filtering is not None:
        padded = correlation.filtering.gradients(correlation.padded, gradient, target, wanted=wanted)
    else:
        if target is not None:
            _weight_gradient(builder, context, correlation, gradient, target)
        padded = _padded_gradient(builder, context, correlation.sizes, gradient) if wanted else None
    return None if padded is None else _unpadded(builder, context, correlation.sizes, padded)


def _unpadded(builder: PlanBuilder, context: NodeContext, sizes: Geometry, padded: Buffer) -> Buffer:
    """The padding's adjoint: each cell's gradient to the cell that it repeats."""
    if not sizes.is_padded:
        return padded
    layer = context.node.layer
    assert isinstance(layer, Convolution)
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    builder.tile("pad_gradient", context.name, (padded, result), sizes.pad_attributes(layer.padding_mode))
    return result


def _weight_gradient(
    builder: PlanBuilder, context: NodeContext, correlation: Correlation, gradient: Buffer, target: Buffer
) -> None:
    sums = builder.sums(f"{context.name}.weight sums", target.nbytes // 4)
    operands = (correlation.padded, gradient, correlation.groups, correlation.pairs, sums)
    attributes = correlation.sizes.attributes(correlation.group_count)
    builder.tile("convolution_weight_gradient", context.name, operands, attributes)
    reduce_sums(builder, context, sums, target)


def _padded_gradient(builder: PlanBuilder, context: NodeContext, sizes: Geometry, gradient: Buffer) -> Buffer:
    """dJ/dx of the padded input, by the full correlation."""
    layer = context.node.layer
    assert isinstance(layer, Convolution)
    connections = input_connections(layer, sizes.in_channels)
    groups = builder.constant(f"{context.name} input groups", connections.groups)
    pairs = builder.constant(f"{context.name} input connections", connections.pairs)
    before, after = sizes.gradient_pads
    if before or after:
        rows = sizes.out_channels * sizes.rows.output
        widened = builder.lanes_buffer(
            f"d {context.name} padded", rows * (before + sizes.columns.output + after)
        )
        attributes = {
            "channels": rows,
            "height": 1,
            "width": sizes.columns.output,
            "top": 0,
            "bottom": 0,
            "left": before,
            "right": after,
            "mode": MODES["zeros"],
        }
        builder.tile("pad", context.name, (gradient, widened), attributes)
        gradient = widened
    padded = builder.lanes_buffer(f"d input of {context.name}", sizes.in_channels * math.prod(sizes.padded))
    operands = (gradient, context.parameter("weight"), groups, pairs, padded)
    operation = "convolution_row_gradient" if sizes.scatters_rows else "convolution_input_gradient"
    builder.tile(operation, context.name, operands, sizes.attributes(len(connections.groups)))
    return padded


LOWERINGS: dict[type[Layer], Lowering] = {
    Conv1d: Lowering(forward, backward),
    Conv2d: Lowering(forward, backward),
}
