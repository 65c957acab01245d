"""Matrix products of two inputs.

A second matrix that is the same for every product makes one product of all rows; a Parameter is then read as
it lies in the state, for it is the same for every image too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext
from pellucid.engines.native.lowering.merge import LanePairs
from pellucid.engines.native.lowering.pairs import Operand, repetition
from pellucid.engines.native.lowering.shape import spread
from pellucid.engines.native.plan import Buffer, Scope
from pellucid.layers import Layer, MatMul, Shape

COLUMNS = 6
"""That are computed at a time; native/kernels/merge/matrix_product.cpp."""


@dataclass(frozen=True)
class Matrix:
    """A stack of matrices as a factor.

    Attributes:
        buffer: cells, or with scope STATE plain numbers.
        rows, columns: of each matrix as the product reads it.
        turned: whether they lie column by column.
    """

    buffer: Buffer
    rows: int
    columns: int
    turned: bool = False

    @property
    def transpose(self) -> Matrix:
        """The same numbers read along the other side."""
        return replace(self, rows=self.columns, columns=self.rows, turned=not self.turned)

    @property
    def steps(self) -> tuple[int, int]:
        """How far apart neighbours of a column are, and of a row."""
        return (1, self.rows) if self.turned else (self.columns, 1)


def _product(builder: PlanBuilder, node: str, name: str, products: int, a: Matrix, b: Matrix) -> Buffer:
    result = builder.lanes_buffer(name, products * a.rows * b.columns)
    columns = builder.lanes_buffer(f"{node} columns", COLUMNS * a.columns)
    attributes = {
        "products": products,
        "rows": a.rows,
        "columns": b.columns,
        "inner": a.columns,
        "first_row": a.steps[0],
        "first_column": a.steps[1],
        "second_row": b.steps[0],
        "second_column": b.steps[1],
        "second_flat": int(b.buffer.scope is Scope.STATE),
    }
    builder.tile("matrix_product", node, (a.buffer, b.buffer, columns, result), attributes)
    return result


@dataclass(frozen=True)
class Factors:
    """What a product is made of.

    Attributes:
        products: how many there are.
        before: the axes before the matrices of what is multiplied.
        first, second: the factors of each product.
    """

    products: int
    before: Shape
    first: Matrix
    second: Matrix


def _factors(pairs: LanePairs, context: NodeContext, inputs: Sequence[Buffer]) -> Factors:
    *axes, rows, columns = context.output_shape
    before, (shape, other) = tuple(axes), context.input_shapes
    inner = shape[-1]
    whole = _stacked(pairs, inputs[0], shape, before)
    if math.prod(other[:-2]) == 1:
        return Factors(
            1, before, Matrix(whole, math.prod(before) * rows, inner), Matrix(inputs[1], inner, columns)
        )
    second = _stacked(pairs, inputs[1], other, before)
    return Factors(math.prod(before), before, Matrix(whole, rows, inner), Matrix(second, inner, columns))


def _stacked(pairs: LanePairs, value: Buffer, shape: Shape, before: Shape) -> Buffer:
    """A matrix for every product."""
    whole = (*before, *shape[-2:])
    if whole == shape:
        return value
    if value.scope is Scope.STATE:
        value = spread(pairs.builder, pairs.node, value)
    return pairs.mapped("repeated", whole, repetition(shape, whole), value)


def forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """Rows times columns."""
    factors = _factors(LanePairs(builder, context.name), context, inputs)
    name, first, second = context.name, factors.first, factors.second
    return _product(builder, name, name, factors.products, first, second), factors


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """delta x_2^T and x_1^T delta."""
    factors: Factors = cache
    products, first, second = factors.products, factors.first, factors.second
    delta = Matrix(gradient, first.rows, second.columns)
    pairs, name = LanePairs(builder, context.name), f"d input of {context.name}"
    results: list[Buffer | None] = [None, None]
    if wanted[0]:
        whole = _product(builder, context.name, name, products, delta, second.transpose)
        shape = (*factors.before, *context.input_shapes[0][-2:])
        results[0] = pairs.collected(name, Operand(shape, whole), context.input_shapes[0])
    if wanted[1]:
        whole = _product(builder, context.name, name, products, first.transpose, delta)
        before = factors.before if products > 1 else context.input_shapes[1][:-2]
        shape = (*before, *context.input_shapes[1][-2:])
        results[1] = pairs.collected(name, Operand(shape, whole), context.input_shapes[1])
    return results


LOWERINGS: dict[type[Layer], Lowering] = {MatMul: Lowering(forward, backward, frozenset({1}))}
