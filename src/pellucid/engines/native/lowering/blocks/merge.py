"""Sums of several inputs, of which two are described, and stacks."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain, total
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.plan import Scale, Step
from pellucid.layers import Add, Concat, Layer


def add_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The inputs' sum."""
    result = inputs[0]
    for other in inputs[1:]:
        result = total(builder, context.name, result, other)
    return result, None


def add_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: BlockValue, wanted: Sequence[bool]
) -> list[BlockValue | None]:
    """Every input receives the gradient as it is."""
    return [gradient if want else None for want in wanted]


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


def concat_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[BlockValue]
) -> tuple[BlockValue, Cache]:
    """The inputs one after the other; in order, as neighbours may share a block."""
    name, shape = context.name, context.output_shape
    result = BlockValue(name, shape, builder.blocks_buffer(name, shape))
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
    for want, shape in zip(wanted, context.input_shapes, strict=True):
        part = BlockValue(name, shape, builder.blocks_buffer(name, shape)) if want else None
        if part is not None:
            builder.shared([_copy(builder, context.name, source, first, part, 0, shape[0])])
        results.append(part)
        first += shape[0]
    return results


LOWERINGS: dict[type[Layer], BlockLowering] = {
    Add: BlockLowering(add_forward, add_backward, follows_masks=True),
    Concat: BlockLowering(concat_forward, concat_backward),
}
