"""Convolutions whose every channel has one kernel of its own: native/kernels/blocks/depthwise.h."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.bands import source_cell
from pellucid.engines.native.lowering.blocks.correlation import convolution
from pellucid.engines.native.lowering.blocks.epilogue import NOTHING_MORE, Epilogue
from pellucid.engines.native.lowering.blocks.padding import fold, repeats_cells, unpadded
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.lowering.derived import derive, derived_buffer
from pellucid.engines.native.lowering.geometry import sizes_of
from pellucid.engines.native.plan import Buffer, Scale, Step
from pellucid.layers import AxisWindow


def serves(context: NodeContext) -> bool:
    """Whether each of the layer's channels is a convolution of its own.

    One channel alone is not: the direct convolution need not bring its images into blocks. Several outputs a
    channel are left to it too.
    """
    layer = convolution(context)
    channels = context.input_shapes[0][0]
    return layer.connections is None and 1 < channels == layer.groups == layer.out_channels


@dataclass(frozen=True)
class AxisPhases:
    """Which cells of an axis outputs read: output i * phases + p, at a tap of p, cell i * step + its first.

    Attributes:
        length: cells of the source.
        outputs: how many there are.
        step: cells from one output of a phase to the next.
        taps: of each phase, by their numbers in the kernel.
        firsts: of these taps.
        mode: what lies beyond the edges.
    """

    length: int
    outputs: int
    step: int
    taps: tuple[tuple[int, ...], ...]
    firsts: tuple[tuple[int, ...], ...]
    mode: str = "zeros"

    @property
    def phases(self) -> int:
        """How many there are."""
        return len(self.taps)

    @cached_property
    def base(self) -> int:
        """The cell that copies begin with."""
        return min(first for firsts in self.firsts for first in firsts)

    @cached_property
    def extent(self) -> int:
        """Cells from the first to the last that one output of each phase reads."""
        return max(first for firsts in self.firsts for first in firsts) - self.base + 1

    @property
    def copied(self) -> int:
        """Cells that are copied, those of all outputs."""
        return (-(-self.outputs // self.phases) - 1) * self.step + self.extent

    def cells(self) -> list[int]:
        """What each copied cell repeats; -1 for none."""
        return [source_cell(self.base + i, self.length, self.mode) for i in range(self.copied)]

    def rows(self) -> NDArray[np.int32]:
        """As the kernels take them, down the map."""
        return np.array(self.cells(), np.int32)

    def columns(self) -> NDArray[np.int32]:
        """As the kernels take them, along a row."""
        begin = min(self.copied, max(0, -self.base))
        end = max(begin, min(self.copied, self.length - self.base))
        return np.array([begin, end, self.base + begin, *self.cells()], np.int32)

    def offsets(self) -> list[list[int]]:
        """Of each phase's taps, from the first copied cell that its step reads."""
        return [[first - self.base for first in firsts] for firsts in self.firsts]

    def counts(self) -> list[tuple[int, int]]:
        """For each phase the taps before it, and its own."""
        numbers = [len(taps) for taps in self.taps]
        return [(sum(numbers[:phase]), number) for phase, number in enumerate(numbers)]


def _forward_axis(axis: AxisWindow, mode: str) -> AxisPhases:
    taps = tuple(range(axis.kernel))
    firsts = tuple(u * axis.dilation - axis.pad_start for u in taps)
    return AxisPhases(axis.input, axis.output, axis.stride, (taps,), (firsts,), mode)


def _gradient_axis(axis: AxisWindow) -> AxisPhases:
    """Outputs that input positions take part in: a phase for each place between two windows."""
    taps: list[tuple[int, ...]] = []
    firsts: list[tuple[int, ...]] = []
    for phase in range(axis.stride):
        starts = {u: phase + axis.pad_start - u * axis.dilation for u in range(axis.kernel)}
        met = tuple(u for u, start in starts.items() if start % axis.stride == 0)
        taps.append(met)
        firsts.append(tuple(starts[u] // axis.stride for u in met))
    return AxisPhases(axis.output, axis.input, 1, tuple(taps), tuple(firsts))


@dataclass(frozen=True)
class _Reads:
    """How the kernels go through a source."""

    value: BlockValue
    rows: AxisPhases
    columns: AxisPhases

    @property
    def kernel(self) -> tuple[int, int]:
        """Taps down and along the map."""
        return sum(map(len, self.rows.taps)), sum(map(len, self.columns.taps))

    def tap_numbers(self) -> NDArray[np.int32]:
        """The kernels' taps in the order in which they are packed: phase by phase."""
        _, width = self.kernel
        rows, columns = self.rows.taps, self.columns.taps
        return np.array([u * width + v for us in rows for vs in columns for u in us for v in vs], np.int32)

    def tap_offsets(self, lanes: int) -> NDArray[np.int32]:
        """Where the taps' cells lie in the ring, a row for each place of the first row, in floats."""
        rows, columns = self.rows.offsets(), self.columns.offsets()
        ring, width = self.rows.extent, self.columns.copied
        cells = [
            [(first + u) % ring * width + v for us in rows for vs in columns for u in us for v in vs]
            for first in range(ring)
        ]
        return np.array(cells, np.int32) * lanes

    def places(self, builder: PlanBuilder) -> tuple[Buffer, Buffer]:
        """Which cells are copied: rows and columns."""
        name = self.value.name
        return (
            builder.constant(f"{name} rows", self.rows.rows()),
            builder.constant(f"{name} columns", self.columns.columns()),
        )

    def phases(self, builder: PlanBuilder) -> Buffer:
        """Of the rows and of the columns."""
        counts = [*self.rows.counts(), *self.columns.counts()]
        return builder.constant(f"{self.value.name} phases", np.array(counts, np.int32))

    def taps(self, builder: PlanBuilder) -> Buffer:
        """Where they are read."""
        return builder.constant(f"{self.value.name} taps", self.tap_offsets(builder.lanes))

    def attributes(self, *, rectify: bool, parts: int) -> dict[str, int]:
        """Of the kernels."""
        height, width = self.kernel
        return {
            "channels": self.value.shape[0],
            "in_height": self.rows.length,
            "in_width": self.columns.length,
            "out_height": self.rows.outputs,
            "out_width": self.columns.outputs,
            "rectify_source": int(self.value.rectified),
            "ring": self.rows.extent,
            "width": self.columns.copied,
            "row_step": self.rows.step,
            "row_phases": self.rows.phases,
            "column_step": self.columns.step,
            "column_phases": self.columns.phases,
            "taps": height * width,
            "kernel_width": width,
            "rectify": int(rectify),
            "parts": parts,
        }

    def ring_nbytes(self, lanes: int) -> int:
        """Of the rows that are held."""
        return self.rows.extent * self.columns.copied * lanes * 4


def output(builder: PlanBuilder, context: NodeContext, value: BlockValue, epilogue: Epilogue) -> BlockValue:
    """The convolution's output."""
    reads = _forward_reads(builder, context, value)
    y = builder.blocks_buffer(context.name, context.output_shape)
    _correlate(builder, context, reads, epilogue, y)
    return BlockValue(context.name, context.output_shape, y, sums=epilogue.sums)


def input_gradient(
    builder: PlanBuilder,
    context: NodeContext,
    gradient: BlockValue,
    epilogue: Epilogue = NOTHING_MORE,
) -> BlockValue:
    """The gradient of the input: a correlation with the kernels turned round."""
    layer, sizes = convolution(context), sizes_of(context)
    folds = repeats_cells(layer, sizes)
    axes = [unpadded(axis) if folds else axis for axis in (sizes.rows, sizes.columns)]
    name, shape = f"d input of {context.name}", context.input_shapes[0]
    reads = _Reads(gradient, _gradient_axis(axes[0]), _gradient_axis(axes[1]))
    result = builder.blocks_buffer(name, (shape[0], axes[0].input, axes[1].input))
    _correlate(builder, context, reads, epilogue, result)
    if folds:
        result = fold(builder, context, layer, sizes, result)
    return BlockValue(name, shape, result)


def weight_gradient(
    builder: PlanBuilder,
    context: NodeContext,
    value: BlockValue,
    gradient: BlockValue,
    target: Buffer,
) -> None:
    """The kernels' gradient, from a plain one of the output: sums of parts of the batch, then of these."""
    reads = _forward_reads(builder, context, value)
    blocks = builder.blocks(value.shape[0])
    taps = math.prod(reads.kernel)
    parts = builder.shards // math.gcd(blocks, builder.shards)
    totals = builder.pooled_buffer(f"{context.name} totals", parts * blocks * taps * builder.lanes * 8)
    scratch = reads.ring_nbytes(builder.lanes) + taps * builder.lanes * 4
    operands = (
        *reads.value.operands,
        gradient.x,
        *reads.places(builder),
        reads.taps(builder),
        builder.scratch(f"{context.name} source", scratch),
        totals,
    )
    attributes = reads.attributes(rectify=False, parts=parts)
    builder.shared([Step("blocks_depthwise_gradient", context.name, operands, attributes, parts * blocks)])
    sizes_of_sum = {"channels": value.shape[0], "taps": taps, "parts": parts}
    builder.shared([Step("depthwise_weight_gradient", context.name, (totals, target), sizes_of_sum, blocks)])


def _forward_reads(builder: PlanBuilder, context: NodeContext, value: BlockValue) -> _Reads:
    mode, sizes = convolution(context).padding_mode, sizes_of(context)
    rows, columns = (_forward_axis(axis, mode) for axis in (sizes.rows, sizes.columns))
    return _Reads(value if value.images is None else plain(builder, value), rows, columns)


def _packed(
    builder: PlanBuilder, context: NodeContext, numbers: NDArray[np.int32], scale: Buffer | None
) -> Buffer:
    """The kernels as blocks_depthwise_output reads them."""
    channels, taps = context.input_shapes[0][0], len(numbers)
    blocks = builder.blocks(channels)
    operands = (context.parameter("weight"), scale, builder.constant(f"{context.name} packed taps", numbers))
    attributes = {"channels": channels, "taps": taps, "parts": 1}
    packed = derived_buffer(builder, context, "packed", blocks * taps * builder.lanes)
    step = Step("pack_depthwise_kernels", context.name, (*operands, packed), attributes, blocks)
    derive(builder, packed, step)
    return packed


def _correlate(
    builder: PlanBuilder, context: NodeContext, reads: _Reads, epilogue: Epilogue, y: Buffer
) -> None:
    blocks = builder.blocks(reads.value.shape[0])
    addend = plain(builder, epilogue.addend).x if epilogue.addend is not None else None
    packed = _packed(builder, context, reads.tap_numbers(), epilogue.scale)
    steps = -(-reads.rows.outputs // reads.rows.phases)
    parts = min(steps, builder.shards // math.gcd(blocks, builder.shards))
    operands = (
        *reads.value.operands,
        packed,
        epilogue.bias,
        addend,
        epilogue.sums,
        epilogue.signs,
        *reads.places(builder),
        reads.phases(builder),
        reads.taps(builder),
        builder.scratch(f"{context.name} source", reads.ring_nbytes(builder.lanes)),
        y,
    )
    attributes = reads.attributes(rectify=epilogue.rectify, parts=parts)
    extent = blocks * parts
    builder.shared(
        [Step("blocks_depthwise_output", context.name, operands, attributes, extent, Scale.IMAGES)]
    )
