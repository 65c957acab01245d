"""3x3 convolutions of stride 1 by minimal filtering: F(4x4, 3x3), native/kernels/blocks/winograd.h."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.epilogue import NOTHING_MORE, Epilogue
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain
from pellucid.engines.native.lowering.blocks.winograd_tiling import (
    POINTS,
    TAPS,
    Division,
    Tiling,
    divide,
    groups,
    tiling,
)
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.lowering.derived import derive, derived_buffer, is_kept
from pellucid.engines.native.lowering.geometry import sizes_of
from pellucid.engines.native.plan import Buffer, Scale, Step
from pellucid.layers import AxisWindow, Conv2d

FEWEST_CHANNELS = 16
"""With fewer, transforming costs more than the multiplications that it spares."""

Operands = tuple[Buffer | None, ...]


def serves(context: NodeContext) -> bool:
    """Whether the layer is one that minimal filtering computes, and large enough to gain by it."""
    return context.input_shapes[0][0] >= FEWEST_CHANNELS and serves_gradient(context)


def serves_gradient(context: NodeContext) -> bool:
    """Whether minimal filtering computes the gradient of the layer's input, however few its channels.

    A direct convolution multiplies with all lanes of a vector, whether or not they hold a channel.
    """
    layer = context.node.layer
    if not isinstance(layer, Conv2d) or layer.groups != 1 or layer.connections is not None:
        return False
    return layer.out_channels >= FEWEST_CHANNELS and all(
        _axis_served(axis, layer.padding_mode) for axis in layer.window(context.input_shapes)
    )


def _axis_served(axis: AxisWindow, padding_mode: str) -> bool:
    pads = axis.pad_start, axis.pad_end
    return (
        axis.kernel == TAPS
        and axis.stride == axis.dilation == 1
        and max(pads) < TAPS
        and (padding_mode == "zeros" or max(pads) == 0)
    )


def output(builder: PlanBuilder, context: NodeContext, value: BlockValue, epilogue: Epilogue) -> BlockValue:
    """The layer's output."""
    result = builder.blocks_buffer(context.name, context.output_shape)
    _Convolution(
        builder, context, tiling(sizes_of(context)), _readable(builder, value), epilogue, result
    ).lower()
    return BlockValue(context.name, context.output_shape, result, sums=epilogue.sums)


def input_gradient(
    builder: PlanBuilder,
    context: NodeContext,
    gradient: BlockValue,
    epilogue: Epilogue = NOTHING_MORE,
) -> BlockValue:
    """dJ/dx: the convolution of dJ/dz with the kernels rotated and transposed."""
    name = f"d input of {context.name}"
    shape = context.input_shapes[0]
    result = builder.blocks_buffer(name, shape)
    tiles = tiling(sizes_of(context)).reversed
    _Convolution(builder, context, tiles, _readable(builder, gradient), epilogue, result).lower()
    return BlockValue(name, shape, result)


def weight_gradient(
    builder: PlanBuilder,
    context: NodeContext,
    value: BlockValue,
    gradient: BlockValue,
    target: Buffer,
) -> None:
    """dJ/dW into the parameter's place in the gradient."""
    sources = _readable(builder, value), _readable(builder, gradient)
    _Correlation(builder, context, tiling(sizes_of(context)), *sources, target).lower()


def _readable(builder: PlanBuilder, value: BlockValue) -> BlockValue:
    """The kernels follow any description but that of the caller's images."""
    return plain(builder, value) if value.images is not None else value


@dataclass(frozen=True)
class _Convolution:
    """Steps that convolve a value: the layer's output, or its input gradient."""

    builder: PlanBuilder
    context: NodeContext
    tiles: Tiling
    value: BlockValue
    epilogue: Epilogue
    output: Buffer

    def lower(self) -> None:
        """Append them."""
        division = divide(self.builder, self.tiles)
        if division.alone:
            self._alone(division)
        else:
            self._together(division)

    @property
    def _finish(self) -> Operands:
        finish = self.epilogue
        addend = finish.addend.x if finish.addend is not None else None
        return finish.bias, addend, finish.mask, finish.sums, finish.signs, self.output

    def _attributes(self, division: Division) -> dict[str, int]:
        return self.tiles.attributes(
            rectify_input=self.value.rectified, rectify=self.epilogue.rectify, chunk=division.chunk
        )

    def _kernels(self, division: Division) -> Buffer:
        """All kernels transformed: once where parameters stay as they are, else in every run."""
        builder, tiles = self.builder, self.tiles
        room = derived_buffer(builder, self.context, "transformed kernels", division.kernels_bytes // 4)
        attributes = {
            "in_channels": tiles.in_channels,
            "out_channels": tiles.out_channels,
            "transposed": int(tiles.transposed),
        }
        operands = (self.context.parameter("weight"), self.epilogue.scale, room)
        extent = groups(builder, tiles.out_channels) * tiles.in_channels
        step = Step("winograd_weights", self.context.name, operands, attributes, extent)
        derive(builder, room, step)
        return room

    def _alone(self, division: Division) -> None:
        """Each shard on tiles of its own."""
        builder, name = self.builder, self.context.name
        planes = builder.scratch(f"{name} inputs and products", division.overlapping_bytes)
        operands = (*self.value.operands, self._kernels(division), planes, *self._finish)
        attributes = self._attributes(division)
        tiles = self.tiles.tiles
        builder.shared([Step("winograd_convolution", name, operands, attributes, tiles, Scale.IMAGES)])

    def _together(self, division: Division) -> None:
        """All shards on the same tiles, stage by stage."""
        builder, name, tiles = self.builder, self.context.name, self.tiles
        inputs = builder.pooled_buffer(f"{name} inputs", division.inputs_bytes)
        products = builder.pooled_buffer(f"{name} products", division.outputs_bytes)
        attributes = self._attributes(division)
        in_blocks, out_blocks = builder.blocks(tiles.in_channels), builder.blocks(tiles.out_channels)
        source = (*self.value.operands, inputs)
        finish = (products, *self._finish)
        builder.shared(
            [
                Step("winograd_input", name, source, attributes, in_blocks, Scale.UNITS),
                self._product(division, inputs, products),
                Step("winograd_output", name, finish, attributes, out_blocks, Scale.UNITS),
            ],
            units=tiles.tiles,
            chunk=division.chunk,
        )

    def _product(self, division: Division, inputs: Buffer, products: Buffer) -> Step:
        """The middle stage, of kernels that are kept or of weights transformed on the way."""
        builder, name = self.builder, self.context.name
        attributes = self._attributes(division)
        items = groups(builder, self.tiles.out_channels)
        if is_kept(self.context, division.kernels_bytes) or division.keeps_kernels:
            operands: Operands = (inputs, self._kernels(division), products)
            return Step("winograd_multiply", name, operands, attributes, POINTS * items)
        room = builder.scratch(f"{name} kernels of a batch", division.batch_bytes)
        operands = (inputs, self.context.parameter("weight"), self.epilogue.scale, room, products)
        return Step("winograd_multiply_weights", name, operands, attributes, items)


@dataclass(frozen=True)
class _Correlation:
    """Steps that correlate a layer's input with its output's gradient."""

    builder: PlanBuilder
    context: NodeContext
    tiles: Tiling
    value: BlockValue
    gradient: BlockValue
    target: Buffer

    def lower(self) -> None:
        """Append them."""
        # Every chunk reads and writes all of the gradients.
        division = divide(self.builder, self.tiles, longest=True)
        if division.alone:
            self._alone(division)
        else:
            self._together(division)

    def _attributes(self, division: Division) -> dict[str, int]:
        return self.tiles.attributes(
            rectify_input=self.value.rectified, rectify=self.gradient.rectified, chunk=division.chunk
        )

    @property
    def _groups(self) -> int:
        return groups(self.builder, self.tiles.out_channels)

    def _planes(self, division: Division, parts: int) -> Buffer:
        name = f"d {self.context.name} transformed kernels"
        return self.builder.pooled_buffer(name, parts * division.kernels_bytes)

    def _alone(self, division: Division) -> None:
        """Each shard sums the gradients of its own tiles."""
        builder, name = self.builder, self.context.name
        inputs = builder.scratch(f"{name} inputs", division.inputs_bytes)
        deltas = builder.scratch(f"{name} deltas", division.outputs_bytes)
        planes = self._planes(division, builder.shards)
        operands = (*self.value.operands, *self.gradient.operands, inputs, deltas, planes)
        attributes = self._attributes(division)
        builder.shared([Step("winograd_correlation", name, operands, attributes, builder.shards)])
        self._finish(planes, builder.shards)

    def _finish(self, planes: Buffer, parts: int) -> None:
        shape = {
            "in_channels": self.tiles.in_channels,
            "out_channels": self.tiles.out_channels,
            "parts": parts,
        }
        extent = self._groups * self.tiles.in_channels
        operands = (planes, self.target)
        step = Step("winograd_weight_gradient", self.context.name, operands, shape, extent)
        self.builder.shared([step])

    def _together(self, division: Division) -> None:
        """All shards on the same tiles, each summing some of the gradients."""
        builder, name, tiles = self.builder, self.context.name, self.tiles
        inputs = builder.pooled_buffer(f"{name} inputs", division.inputs_bytes)
        deltas = builder.pooled_buffer(f"{name} deltas", division.outputs_bytes)
        attributes = self._attributes(division)
        in_blocks, out_blocks = builder.blocks(tiles.in_channels), builder.blocks(tiles.out_channels)
        value = (*self.value.operands, inputs)
        gradient = (*self.gradient.operands, deltas)
        steps = [
            Step("winograd_input", name, value, attributes, in_blocks, Scale.UNITS),
            Step("winograd_delta", name, gradient, attributes, out_blocks, Scale.UNITS),
        ]
        if division.keeps_kernels:
            planes = self._planes(division, 1)
            operands: Operands = (inputs, deltas, planes)
            steps.append(Step("winograd_accumulate", name, operands, attributes, POINTS * self._groups))
            builder.shared(steps, units=tiles.tiles, chunk=division.chunk)
            self._finish(planes, 1)
        else:
            room = builder.scratch(f"d {name} kernels of a batch", division.batch_bytes)
            operands = (inputs, deltas, room, self.target)
            steps.append(Step("winograd_correlate_weights", name, operands, attributes, self._groups))
            builder.shared(steps, units=tiles.tiles, chunk=division.chunk)
