"""Layers with several inputs on channel blocks; a sum of two of equal shape is described."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.cells import mapped
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, computed, plain, total
from pellucid.engines.native.lowering.cell_maps import LinearMap
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.lowering.elementwise import Elementwise
from pellucid.engines.native.lowering.merge import pair_attributes, part_attributes, parts_of, stack_axis
from pellucid.engines.native.lowering.pairs import PairOperation, Pairs
from pellucid.engines.native.plan import Buffer, Scale, Step
from pellucid.layers import Add, Concat, Divide, Layer, Multiply, Shape, Subtract


@dataclass(frozen=True)
class BlockPairs(Pairs[BlockValue]):
    """Steps of a node on channel blocks."""

    builder: PlanBuilder
    node: str

    def pairwise(
        self,
        name: str,
        shape: Shape,
        axes: int,
        operation: PairOperation,
        steps: tuple[int, int],
        a: BlockValue,
        b: BlockValue,
    ) -> BlockValue:
        """A step that all shards share."""
        attributes = self._attributes(shape, axes, operation, steps)
        sources = (plain(self.builder, a).x, plain(self.builder, b).x)
        slices = attributes["outer"]
        return computed(self.builder, name, shape, "blocks_pairwise", self.node, sources, attributes, slices)

    def product_sums(
        self, name: str, whole: Shape, shape: Shape, axes: int, a: BlockValue, b: BlockValue
    ) -> BlockValue:
        """A step that all shards share."""
        attributes = self._attributes(whole, axes, PairOperation.MULTIPLY, (1, 1))
        sources = (plain(self.builder, a).x, plain(self.builder, b).x)
        operation, slices = "blocks_product_sums", attributes["outer"]
        return computed(self.builder, name, shape, operation, self.node, sources, attributes, slices)

    def mapped(self, name: str, shape: Shape, cells: LinearMap, value: BlockValue) -> BlockValue:
        """A step that all shards share."""
        return mapped(self.builder, self.node, name, shape, cells, value)

    def _attributes(
        self, shape: Shape, axes: int, operation: PairOperation, steps: tuple[int, int]
    ) -> dict[str, int]:
        outer = self.builder.blocks(shape[0]) * math.prod(shape[1:axes])
        return {**pair_attributes(shape, axes, operation, steps), "outer": outer}


ELEMENTWISE = Elementwise(BlockPairs)


def add_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The inputs' sum, described where they are equal in shape."""
    if len(set(context.input_shapes)) > 1:
        return ELEMENTWISE.add_forward(builder, context, inputs)
    result = inputs[0]
    for other in inputs[1:]:
        result = total(builder, context.name, result, other)
    return result, None


def add_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """Every input receives the gradient as it is."""
    return ELEMENTWISE.add_backward(builder, context, cache, gradient, wanted)


def _copy(
    builder: PlanBuilder,
    node: str,
    source: BlockValue,
    first: int,
    target: BlockValue,
    place: int,
    channels: int,
) -> Step:
    """So many channels from `first` on to `place` and on."""
    attributes = {
        "channels": channels,
        "positions": source.positions,
        "from": first,
        "from_channels": source.shape[0],
        "to": place,
        "to_channels": target.shape[0],
    }
    written = builder.blocks(place + channels) - place // builder.lanes
    return Step("blocks_copy", node, (source.x, target.x), attributes, written, Scale.IMAGES)


def _part_copy(
    builder: PlanBuilder,
    context: NodeContext,
    source: Buffer,
    target: Buffer,
    cells: int,
    begins: tuple[int, int],
    *,
    spread: bool,
) -> Step:
    """Runs of an input to their places in the output's slices, or back from them."""
    shape, axis = context.output_shape, stack_axis(context)
    outer = builder.blocks(shape[0]) * math.prod(shape[1:axis])
    whole = math.prod(shape[axis:])
    ends = ((begins[0], cells), (begins[1], whole)) if spread else ((begins[0], whole), (begins[1], cells))
    attributes = part_attributes(outer, cells, *ends)
    return Step("blocks_copy_parts", context.name, (source, target), attributes, outer, Scale.IMAGES)


def concat_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The inputs one after the other; in order, as neighbours may share a block."""
    name, shape = context.name, context.output_shape
    result = BlockValue(name, shape, builder.blocks_buffer(name, shape))
    if stack_axis(context) > 0:
        sources = [plain(builder, value).x for value in inputs]
        builder.shared(
            [
                _part_copy(builder, context, source, result.x, cells, (0, begin), spread=True)
                for source, (begin, cells) in zip(sources, parts_of(context), strict=True)
            ]
        )
        return result, None
    steps, place = [], 0
    for source in (plain(builder, value) for value in inputs):
        steps.append(_copy(builder, name, source, 0, result, place, source.shape[0]))
        place += source.shape[0]
    builder.shared(steps)
    return result, None


def concat_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """Every input receives its own part of the gradient."""
    source, name = plain(builder, gradient), f"d input of {context.name}"
    results: list[BlockValue | None] = []
    first = 0
    for want, shape, (begin, cells) in zip(wanted, context.input_shapes, parts_of(context), strict=True):
        part = BlockValue(name, shape, builder.blocks_buffer(name, shape)) if want else None
        if part is not None and stack_axis(context) > 0:
            step = _part_copy(builder, context, source.x, part.x, cells, (begin, 0), spread=False)
            builder.shared([step])
        elif part is not None:
            builder.shared([_copy(builder, context.name, source, first, part, 0, shape[0])])
        results.append(part)
        first += shape[0]
    return results


LOWERINGS: dict[type[Layer], BlockLowering] = {
    Add: BlockLowering(add_forward, add_backward, follows_masks=True),
    Concat: BlockLowering(concat_forward, concat_backward),
    Divide: BlockLowering(ELEMENTWISE.divide_forward, ELEMENTWISE.divide_backward),
    Multiply: BlockLowering(ELEMENTWISE.multiply_forward, ELEMENTWISE.multiply_backward),
    Subtract: BlockLowering(ELEMENTWISE.subtract_forward, ELEMENTWISE.subtract_backward),
}
