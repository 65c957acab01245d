"""Sums and stacks of several inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Add, Concat, Layer


def add_buffers(builder: PlanBuilder, node: str, buffers: Sequence[Buffer], cells: int) -> Buffer:
    """The sum of buffers of one size; the buffer itself where there is one."""
    total = buffers[0]
    for other in buffers[1:]:
        result = builder.lanes_buffer(f"{node} sum", cells)
        builder.tile("add", node, (total, other, result), {"cells": cells})
        total = result
    return total


def add_forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """The inputs' sum."""
    return add_buffers(builder, context.name, inputs, context.cells), None


def add_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """Every input receives the gradient as it is."""
    return [gradient if want else None for want in wanted]


def concat_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """The inputs one after the other."""
    output = builder.lanes_buffer(context.name, context.cells)
    begin = 0
    for source, shape in zip(inputs, context.input_shapes, strict=True):
        cells = math.prod(shape)
        attributes = {"cells": cells, "from": 0, "to": begin}
        builder.tile("copy", context.name, (source, output), attributes)
        begin += cells
    return output, None


def concat_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """Every input receives its own part of the gradient."""
    results: list[Buffer | None] = []
    begin = 0
    for want, shape in zip(wanted, context.input_shapes, strict=True):
        cells = math.prod(shape)
        part = builder.lanes_buffer(f"d input of {context.name}", cells) if want else None
        if part is not None:
            attributes = {"cells": cells, "from": begin, "to": 0}
            builder.tile("copy", context.name, (gradient, part), attributes)
        results.append(part)
        begin += cells
    return results


LOWERINGS: dict[type[Layer], Lowering] = {
    Add: Lowering(add_forward, add_backward),
    Concat: Lowering(concat_forward, concat_backward),
}
