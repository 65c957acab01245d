"""Sums of several inputs: two are described, and whoever reads them adds."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.engines.native.lowering.blocks.value import BlockValue, total
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.layers import Add, Layer


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


LOWERINGS: dict[type[Layer], BlockLowering] = {
    Add: BlockLowering(add_forward, add_backward, follows_masks=True)
}
