"""Convolutions: pad, correlate; backwards likewise, then the padding's adjoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import (
    Cache,
    Lowering,
    NodeContext,
    bias_gradient,
    reduce_sums,
)
from pellucid.engines.native.plan import Buffer
from pellucid.errors import UnsupportedLayer
from pellucid.layers import AxisWindow, Conv1d, Conv2d, Convolution, Layer

MODES = {"zeros": 0, "edge": 1, "reflect": 2, "circular": 3}
"""As in native/kernels/transfer/pad.h."""

LONGEST_KERNEL = 512
"""As in native/kernels/convolution/convolution.h."""

LONGEST_SCATTERED_ROW = 7
"""Kernel width up to which an input gradient is scattered in registers; row_gradient.cpp."""


@dataclass(frozen=True)
class Connections:
    """Which maps each map is computed from, as native/kernels/convolution/convolution.h lays it out.

    Attributes:
        groups: (groups, 5): first map, maps, first connection, connections, weights between two maps.
        pairs: (connections, 2): map read, where its kernel begins.
    """

    groups: NDArray[np.int32]
    pairs: NDArray[np.int32]


@dataclass(frozen=True)
class Geometry:
    """A convolution's sizes in two dimensions, its input padded."""

    in_channels: int
    out_channels: int
    rows: AxisWindow
    columns: AxisWindow

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width of the padded input."""
        return (
            self.rows.input + self.rows.pad_start + self.rows.pad_end,
            self.columns.input + self.columns.pad_start + self.columns.pad_end,
        )

    @property
    def is_padded(self) -> bool:
        """Whether anything lies around the input."""
        return self.padded != (self.rows.input, self.columns.input)

    @property
    def scatters_rows(self) -> bool:
        """Whether the input gradient is formed by scattering rows, which needs no padding."""
        columns = self.columns
        return columns.stride == columns.dilation == 1 and columns.kernel <= LONGEST_SCATTERED_ROW

    @property
    def gradient_pads(self) -> tuple[int, int]:
        """Cells to add before and after each row of the output gradient, for the input gradient's taps."""
        if self.scatters_rows:
            return 0, 0
        columns = self.columns
        before = (columns.extent - 1) // columns.stride
        after = max(0, (self.padded[1] - 1) // columns.stride - (columns.output - 1))
        return before, after

    def attributes(self, groups: int, *, rectify: bool = False, strip: int = 0) -> dict[str, int]:
        """As the kernels take them."""
        before, after = self.gradient_pads
        return {
            "groups": groups,
            "in_height": self.padded[0],
            "in_width": self.padded[1],
            "out_height": self.rows.output,
            "out_width": self.columns.output,
            "kernel_height": self.rows.kernel,
            "kernel_width": self.columns.kernel,
            "stride_height": self.rows.stride,
            "stride_width": self.columns.stride,
            "dilation_height": self.rows.dilation,
            "dilation_width": self.columns.dilation,
            "gradient_pad": before,
            "gradient_width": before + self.columns.output + after,
            "rectify": int(rectify),
            "strip": strip,
        }

    def pad_attributes(self, mode: str) -> dict[str, int]:
        """Of the step that pads the input."""
        return {
            "channels": self.in_channels,
            "height": self.rows.input,
            "width": self.columns.input,
            "top": self.rows.pad_start,
            "bottom": self.rows.pad_end,
            "left": self.columns.pad_start,
            "right": self.columns.pad_end,
            "mode": MODES[mode],
        }


def geometry(context: NodeContext, layer: Convolution) -> Geometry:
    """The sizes at a node; a 1-D convolution has one row."""
    axes = layer.window(context.input_shapes)
    if max(layer.kernel) > LONGEST_KERNEL:
        raise UnsupportedLayer(
            f"{context.name}: the native engine takes kernels up to {LONGEST_KERNEL} long, "
            f"received {max(layer.kernel)}; the reference engine has no such limit"
        )
    rows = axes[0] if len(axes) == 2 else AxisWindow(1, 1)
    return Geometry(context.input_shapes[0][0], layer.out_channels, rows, axes[-1])


def output_connections(layer: Convolution, in_channels: int) -> Connections:
    """For output maps: neighbours that see the same input maps share a group."""
    taps = math.prod(layer.kernel)
    groups: list[list[int]] = []
    pairs: list[tuple[int, int]] = []
    weight = 0
    previous: tuple[int, ...] | None = None
    for output, row in enumerate(layer.table(in_channels)):
        if row == previous:
            groups[-1][1] += 1
        else:
            groups.append([output, 1, len(pairs), len(row), len(row) * taps])
            pairs.extend((channel, weight + i * taps) for i, channel in enumerate(row))
            previous = row
        weight += len(row) * taps
    return Connections(np.array(groups, np.int32), np.array(pairs, np.int32))


def input_connections(layer: Convolution, in_channels: int) -> Connections:
    """For input maps: which output maps saw them, and with which kernel."""
    taps = math.prod(layer.kernel)
    seen_by: list[list[tuple[int, int]]] = [[] for _ in range(in_channels)]
    weight = 0
    for output, row in enumerate(layer.table(in_channels)):
        for channel in row:
            seen_by[channel].append((output, weight))
            weight += taps
    groups: list[list[int]] = []
    pairs: list[tuple[int, int]] = []
    for channel, seen in enumerate(seen_by):
        shifted = [(output, start - taps) for output, start in seen]
        if channel > 0 and seen and shifted == seen_by[channel - 1]:
            groups[-1][1] += 1
        else:
            groups.append([channel, 1, len(pairs), len(seen), taps])
            pairs.extend(seen)
        # A run of neighbours keeps the first one's kernels, each `taps` further for the next map.
    return Connections(np.array(groups, np.int32), np.array(pairs, np.int32).reshape(-1, 2))


@dataclass(frozen=True)
class Correlation:
    """A convolution ready to be computed: what its kernels read besides the parameters."""

    sizes: Geometry
    padded: Buffer
    groups: Buffer
    pairs: Buffer

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
    return Correlation(sizes, padded, groups, pairs)


def correlate(
    builder: PlanBuilder, context: NodeContext, correlation: Correlation, *, rectify: bool = False
) -> Buffer:
    """The output, after a ReLU where `rectify` is set."""
    c = correlation
    output = builder.lanes_buffer(context.name, context.cells)
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
    weight_gradient(builder, context, cache, gradient)
    bias_gradient(builder, context, gradient)
    return [input_gradient(builder, context, cache.sizes, gradient) if wanted[0] else None]


def weight_gradient(
    builder: PlanBuilder, context: NodeContext, correlation: Correlation, gradient: Buffer
) -> None:
    """dJ/dW from the output's gradient, where it is wanted."""
    target = context.gradient("weight")
    if target is None:
        return
    sums = builder.sums(f"{context.name}.weight sums", target.nbytes // 4)
    operands = (correlation.padded, gradient, correlation.groups, correlation.pairs, sums)
    attributes = correlation.sizes.attributes(correlation.group_count)
    builder.tile("convolution_weight_gradient", context.name, operands, attributes)
    reduce_sums(builder, context, sums, target)


def input_gradient(builder: PlanBuilder, context: NodeContext, sizes: Geometry, gradient: Buffer) -> Buffer:
    """dJ/dx from the output's gradient: that of the padded input, then the padding's adjoint."""
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
    if not sizes.is_padded:
        return padded
    result = builder.lanes_buffer(f"d input of {context.name}", context.input_cells)
    builder.tile("pad_gradient", context.name, (padded, result), sizes.pad_attributes(layer.padding_mode))
    return result


LOWERINGS: dict[type[Layer], Lowering] = {
    Conv1d: Lowering(forward, backward),
    Conv2d: Lowering(forward, backward),
}
