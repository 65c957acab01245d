"""Matrix products of two inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext
from pellucid.engines.native.lowering.merge import LanePairs
from pellucid.engines.native.lowering.pairs import Operand, repetition
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Layer, MatMul, Shape


def _sides(context: NodeContext) -> tuple[Shape, int, int, int]:
    """The axes before the matrices, and rows, columns and inner length of each product."""
    *before, rows, columns = context.output_shape
    return tuple(before), rows, columns, context.input_shapes[0][-1]


def _stacked(pairs: LanePairs, value: Buffer, shape: Shape, before: Shape) -> Buffer:
    """A matrix for every product."""
    whole = (*before, *shape[-2:])
    if whole == shape:
        return value
    return pairs.mapped("repeated", whole, repetition(shape, whole), value)


def forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """Rows times columns."""
    before, rows, columns, inner = _sides(context)
    pairs = LanePairs(builder, context.name)
    shapes = context.input_shapes
    a, b = (_stacked(pairs, value, shape, before) for value, shape in zip(inputs, shapes, strict=True))
    output = builder.lanes_buffer(context.name, context.cells)
    attributes = {
        "products": math.prod(before),
        "rows": rows,
        "columns": columns,
        "inner": inner,
        "first_row": inner,
        "first_column": 1,
        "second_row": columns,
        "second_column": 1,
    }
    builder.tile("matrix_product", context.name, (a, b, output), attributes)
    return output, (a, b)


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """delta x_2^T and x_1^T delta; the second matrix of either product is read along its other side."""
    before, rows, columns, inner = _sides(context)
    a, b = cache
    first = {
        "products": math.prod(before),
        "rows": rows,
        "columns": inner,
        "inner": columns,
        "first_row": columns,
        "first_column": 1,
        "second_row": 1,
        "second_column": columns,
    }
    second = {
        "products": math.prod(before),
        "rows": inner,
        "columns": columns,
        "inner": rows,
        "first_row": 1,
        "first_column": inner,
        "second_row": columns,
        "second_column": 1,
    }
    pairs, name = LanePairs(builder, context.name), f"d input of {context.name}"
    results: list[Buffer | None] = [None, None]
    for number, attributes, factors in ((0, first, (gradient, b)), (1, second, (a, gradient))):
        if wanted[number]:
            shape = (*before, attributes["rows"], attributes["columns"])
            whole = builder.lanes_buffer(name, math.prod(shape))
            builder.tile("matrix_product", context.name, (*factors, whole), attributes)
            results[number] = pairs.collected(name, Operand(shape, whole), context.input_shapes[number])
    return results


LOWERINGS: dict[type[Layer], Lowering] = {MatMul: Lowering(forward, backward)}
