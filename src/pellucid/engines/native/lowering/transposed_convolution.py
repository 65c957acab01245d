"""Transposed convolutions: the passes of the convolutions that they match, in each other's place.

Forward is the matching convolution's input gradient, the input gradient its output, and the weight gradient
is its own with input and error signal exchanged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext, bias_gradient
from pellucid.engines.native.lowering.direct import Definition
from pellucid.engines.native.lowering.geometry import MODES, Geometry, geometry
from pellucid.engines.native.plan import Buffer
from pellucid.graph import GraphBuilder
from pellucid.layers import Conv1d, Conv2d, Convolution, ConvTranspose1d, ConvTranspose2d, Layer
from pellucid.layers.transposed_convolution import TransposedConvolution


@dataclass(frozen=True)
class Matching:
    """The convolution that leads from a transposed one's output back to its input.

    Attributes:
        context: of that convolution; it has the transposed one's name and weights, and no bias.
        sizes: of that convolution.
        lengths: of the transposed one's input; output_padding may leave room for more.
    """

    context: NodeContext
    sizes: Geometry
    lengths: tuple[int, int]

    @property
    def is_exact(self) -> bool:
        """Whether the convolution has exactly as many outputs as the transposed one has inputs."""
        return self.lengths == (self.sizes.rows.output, self.sizes.columns.output)

    @property
    def input_attributes(self) -> dict[str, int]:
        """Of the step that lays zeros behind the transposed one's input, or takes them off again."""
        height, width = self.lengths
        return {
            "channels": self.sizes.out_channels,
            "height": height,
            "width": width,
            "top": 0,
            "bottom": self.sizes.rows.output - height,
            "left": 0,
            "right": self.sizes.columns.output - width,
            "mode": MODES["zeros"],
        }


def matching(context: NodeContext) -> Matching:
    """The convolution that a node's layer matches."""
    layer, shape = context.node.layer, context.input_shapes[0]
    assert isinstance(layer, TransposedConvolution)
    convolution = _convolution(layer, shape[0])
    builder = GraphBuilder()
    source = builder.input(context.output_shape, f"{context.name}-output")
    graph = builder.graph([builder.add(convolution, source, name=context.name)])
    mirrored = replace(context, graph=graph, node=graph.node(context.name), algorithm=None)
    height, width = (1, *shape[1:])[-2:]
    return Matching(mirrored, geometry(mirrored, convolution), (height, width))


def _convolution(layer: TransposedConvolution, out_channels: int) -> Convolution:
    kind = Conv1d if isinstance(layer, ConvTranspose1d) else Conv2d
    return kind(
        out_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.paddings,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=False,
    )


def forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """The convolution's input gradient, its padding taken off; then the bias."""
    match = matching(context)
    x = _extended(builder, match, inputs[0])
    output = Definition(builder, match.context, match.sizes, x).gradients(x, None, wanted=True)
    assert output is not None
    if match.sizes.is_padded:
        padded, output = output, builder.lanes_buffer(context.name, context.cells)
        builder.tile("pad_gradient", context.name, (padded, output), match.sizes.pad_attributes("zeros"))
    bias = context.parameter("bias")
    if bias is not None:
        builder.tile("add_bias", context.name, (bias, output), context.channels)
    return output, x


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """The convolution of delta; its weight gradient, with delta for the input and x for the error signal."""
    bias_gradient(builder, context, gradient)
    target = context.gradient("weight")
    if target is None and not wanted[0]:
        return [None]
    match = matching(context)
    padded = gradient
    if match.sizes.is_padded:
        cells = match.sizes.in_channels * math.prod(match.sizes.padded)
        padded = builder.lanes_buffer(f"d {context.name} padded", cells)
        builder.tile("pad", context.name, (gradient, padded), match.sizes.pad_attributes("zeros"))
    passes = Definition(builder, match.context, match.sizes, padded)
    passes.gradients(cache, target, wanted=False)
    return [_input_gradient(builder, match, passes) if wanted[0] else None]


def _extended(builder: PlanBuilder, match: Matching, x: Buffer) -> Buffer:
    """The transposed one's input, with zeros where the convolution has more outputs."""
    if match.is_exact:
        return x
    extended = builder.lanes_buffer(f"{match.context.name} extended", match.context.cells)
    builder.tile("pad", match.context.name, (x, extended), match.input_attributes)
    return extended


def _input_gradient(builder: PlanBuilder, match: Matching, passes: Definition) -> Buffer:
    name = match.context.name
    result = builder.lanes_buffer(f"d input of {name}", match.context.cells)
    passes.output(result)
    if match.is_exact:
        return result
    cut = builder.lanes_buffer(f"d input of {name} cut", match.sizes.out_channels * math.prod(match.lengths))
    builder.tile("pad_gradient", name, (result, cut), match.input_attributes)
    return cut


LOWERINGS: dict[type[Layer], Lowering] = dict.fromkeys(
    (ConvTranspose1d, ConvTranspose2d), Lowering(forward, backward)
)
