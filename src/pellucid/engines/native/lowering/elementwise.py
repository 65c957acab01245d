"""Sums, differences, products and quotients of several inputs, in whichever layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import Cache, NodeContext
from pellucid.engines.native.lowering.pairs import (
    Operand,
    PairOperation,
    Pairs,
    V,
    folded,
    product_gradients,
    quotient_gradients,
)


@dataclass(frozen=True)
class Elementwise(Generic[V]):
    """Forward and backward steps of the layers, in the layout that `pairs` makes steps for.

    Attributes:
        pairs: of a builder and a node's name.
    """

    pairs: Callable[[PlanBuilder, str], Pairs[V]]

    def _folded(
        self, builder: PlanBuilder, context: NodeContext, operation: PairOperation, inputs: Sequence[V]
    ) -> tuple[list[Operand[V]], list[Operand[V]]]:
        shapes = context.input_shapes
        operands = [Operand(shape, value) for shape, value in zip(shapes, inputs, strict=True)]
        return operands, folded(self.pairs(builder, context.name), context.name, operation, operands)

    def _collected(
        self,
        builder: PlanBuilder,
        context: NodeContext,
        gradient: V,
        wanted: Sequence[bool],
        signs: Sequence[float],
    ) -> list[V | None]:
        pairs, whole = self.pairs(builder, context.name), Operand(context.output_shape, gradient)
        name = f"d input of {context.name}"
        return [
            pairs.collected(name, whole, shape, sign) if want else None
            for want, shape, sign in zip(wanted, context.input_shapes, signs, strict=True)
        ]

    def add_forward(self, builder: PlanBuilder, context: NodeContext, inputs: Sequence[V]) -> tuple[V, Cache]:
        """The inputs' sum, from the left."""
        return self._folded(builder, context, PairOperation.ADD, inputs)[1][-1].value, None

    def add_backward(
        self, builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: V, wanted: Sequence[bool]
    ) -> list[V | None]:
        """Every input receives the gradient as it is."""
        return self._collected(builder, context, gradient, wanted, (1.0,) * len(wanted))

    def subtract_forward(
        self, builder: PlanBuilder, context: NodeContext, inputs: Sequence[V]
    ) -> tuple[V, Cache]:
        """The first input less the second."""
        return self._folded(builder, context, PairOperation.SUBTRACT, inputs)[1][-1].value, None

    def subtract_backward(
        self, builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: V, wanted: Sequence[bool]
    ) -> list[V | None]:
        """The gradient, and its negative."""
        return self._collected(builder, context, gradient, wanted, (1.0, -1.0))

    def multiply_forward(
        self, builder: PlanBuilder, context: NodeContext, inputs: Sequence[V]
    ) -> tuple[V, Cache]:
        """The inputs' product, from the left."""
        operands, products = self._folded(builder, context, PairOperation.MULTIPLY, inputs)
        return products[-1].value, (operands, products)

    def multiply_backward(
        self, builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: V, wanted: Sequence[bool]
    ) -> list[V | None]:
        """The gradient times the other factors."""
        operands, products = cache
        pairs, whole = self.pairs(builder, context.name), Operand(context.output_shape, gradient)
        return product_gradients(pairs, f"d input of {context.name}", operands, products, whole, wanted)

    def divide_forward(
        self, builder: PlanBuilder, context: NodeContext, inputs: Sequence[V]
    ) -> tuple[V, Cache]:
        """The first input over the second."""
        operands, quotients = self._folded(builder, context, PairOperation.DIVIDE, inputs)
        return quotients[-1].value, (operands, quotients[-1])

    def divide_backward(
        self, builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: V, wanted: Sequence[bool]
    ) -> list[V | None]:
        """The gradient over the second input, and that times minus the quotient."""
        operands, quotient = cache
        pairs, whole = self.pairs(builder, context.name), Operand(context.output_shape, gradient)
        return quotient_gradients(pairs, f"d input of {context.name}", operands, quotient, whole, wanted)
