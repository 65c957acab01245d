"""Sums, differences, products, quotients and stacks of several inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.cell_maps import LinearMap
from pellucid.engines.native.lowering.cells import mapped
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext
from pellucid.engines.native.lowering.elementwise import Elementwise
from pellucid.engines.native.lowering.pairs import PairOperation, Pairs
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Add, Concat, Divide, Layer, Multiply, Shape, Subtract


@dataclass(frozen=True)
class LanePairs(Pairs[Buffer]):
    """Steps of a node with the batch in the lanes."""

    builder: PlanBuilder
    node: str

    def pairwise(
        self,
        name: str,
        shape: Shape,
        axes: int,
        operation: PairOperation,
        steps: tuple[int, int],
        a: Buffer,
        b: Buffer,
    ) -> Buffer:
        """A step on every tile."""
        result = self.builder.lanes_buffer(name, math.prod(shape))
        self.builder.tile(
            "pairwise", self.node, (a, b, result), pair_attributes(shape, axes, operation, steps)
        )
        return result

    def product_sums(self, name: str, whole: Shape, shape: Shape, axes: int, a: Buffer, b: Buffer) -> Buffer:
        """A step on every tile."""
        result = self.builder.lanes_buffer(name, math.prod(shape))
        attributes = pair_attributes(whole, axes, PairOperation.MULTIPLY, (1, 1))
        self.builder.tile("product_sums", self.node, (a, b, result), attributes)
        return result

    def mapped(self, name: str, shape: Shape, cells: LinearMap, value: Buffer) -> Buffer:
        """A step on every tile."""
        return mapped(self.builder, self.node, name, cells, value)


def pair_attributes(
    shape: Shape, axes: int, operation: PairOperation, steps: tuple[int, int]
) -> dict[str, int]:
    """Of a step on an image of this shape whose slices are those of the first axes."""
    return {
        "operation": int(operation),
        "outer": math.prod(shape[:axes]),
        "inner": math.prod(shape[axes:]),
        "first_step": steps[0],
        "second_step": steps[1],
        "channels": shape[0],
    }


def add_buffers(builder: PlanBuilder, node: str, buffers: Sequence[Buffer], cells: int) -> Buffer:
    """The sum of buffers of one size; the buffer itself where there is one."""
    total = buffers[0]
    for other in buffers[1:]:
        result = builder.lanes_buffer(f"{node} sum", cells)
        builder.tile("add", node, (total, other, result), {"cells": cells})
        total = result
    return total


ELEMENTWISE = Elementwise(LanePairs)


def add_forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """The inputs' sum."""
    if len(set(context.input_shapes)) == 1:
        return add_buffers(builder, context.name, inputs, context.cells), None
    return ELEMENTWISE.add_forward(builder, context, inputs)


def parts_of(context: NodeContext) -> list[tuple[int, int]]:
    """Where each input of a stack begins in a slice of the output, and its cells there."""
    parts, begin = [], 0
    for shape in context.input_shapes:
        cells = math.prod(shape[stack_axis(context) :])
        parts.append((begin, cells))
        begin += cells
    return parts


def stack_axis(context: NodeContext) -> int:
    """The axis along which inputs are stacked."""
    layer = context.node.layer
    assert isinstance(layer, Concat)
    return layer.axis


def concat_forward(
    builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]
) -> tuple[Buffer, Cache]:
    """The inputs one after the other, in every slice before the axis."""
    output = builder.lanes_buffer(context.name, context.cells)
    outer = math.prod(context.output_shape[: stack_axis(context)])
    for source, (begin, cells) in zip(inputs, parts_of(context), strict=True):
        attributes = part_attributes(outer, cells, (0, cells), (begin, context.cells // outer))
        builder.tile("copy_parts", context.name, (source, output), attributes)
    return output, None


def concat_backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """Every input receives its own part of the gradient."""
    results: list[Buffer | None] = []
    outer = math.prod(context.output_shape[: stack_axis(context)])
    for want, (begin, cells) in zip(wanted, parts_of(context), strict=True):
        part = builder.lanes_buffer(f"d input of {context.name}", outer * cells) if want else None
        if part is not None:
            attributes = part_attributes(outer, cells, (begin, context.cells // outer), (0, cells))
            builder.tile("copy_parts", context.name, (gradient, part), attributes)
        results.append(part)
    return results


def part_attributes(
    outer: int, cells: int, source: tuple[int, int], target: tuple[int, int]
) -> dict[str, int]:
    """Of a copy of runs; source and target: where the first run begins, and how far apart they are."""
    names = ("from", "from_step", "to", "to_step")
    return {"outer": outer, "cells": cells, **dict(zip(names, (*source, *target), strict=True))}


LOWERINGS: dict[type[Layer], Lowering] = {
    Add: Lowering(add_forward, ELEMENTWISE.add_backward),
    Concat: Lowering(concat_forward, concat_backward),
    Divide: Lowering(ELEMENTWISE.divide_forward, ELEMENTWISE.divide_backward),
    Multiply: Lowering(ELEMENTWISE.multiply_forward, ELEMENTWISE.multiply_backward),
    Subtract: Lowering(ELEMENTWISE.subtract_forward, ELEMENTWISE.subtract_backward),
}
