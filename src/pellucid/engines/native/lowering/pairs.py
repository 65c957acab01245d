"""Layers that meet their inputs cell by cell, written once for both layouts.

An input whose last axes all have length 1 where the output's have not (a gate: one factor a channel, say) is
read once a slice; any other repetition is written down first.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Generic, TypeVar

import numpy as np

from pellucid.engines.native.lowering.cell_maps import CellMap, CellSums, LinearMap, cell_map_along, cells_of
from pellucid.layers import Shape

V = TypeVar("V")


class PairOperation(IntEnum):
    """Numbered as in native/kernels/merge/pairwise.cpp."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    DIVIDE = 3
    NEGATIVE_PRODUCT = 4


@dataclass(frozen=True)
class Operand(Generic[V]):
    """An array in the layout of the plan's values, and the shape of one image of it."""

    shape: Shape
    value: V


def repetition(shape: Shape, repeated: Shape) -> CellMap:
    """From an array to the same with its axes of length 1 repeated."""
    moved = [axis for axis, (a, b) in enumerate(zip(shape, repeated, strict=True)) if a != b]
    lengths = repeated[min(moved, default=0) : max(moved, default=-1) + 1]
    return cell_map_along(shape, moved, lambda middle: np.broadcast_to(cells_of(middle), lengths))


def gate_axes(shape: Shape, whole: Shape) -> int | None:
    """How many of its first axes a gate has in common with an array; None if it is none."""
    common = next((i for i, (a, b) in enumerate(zip(shape, whole, strict=True)) if a != b), len(whole))
    return common if common > 0 and all(length == 1 for length in shape[common:]) else None


class Pairs(ABC, Generic[V]):
    """What the layers below need of a layout."""

    @abstractmethod
    def pairwise(
        self, name: str, shape: Shape, axes: int, operation: PairOperation, steps: tuple[int, int], a: V, b: V
    ) -> V:
        """A value of this name and shape; slices of the first `axes` axes, see PairAttributes."""

    @abstractmethod
    def product_sums(self, name: str, whole: Shape, shape: Shape, axes: int, a: V, b: V) -> V:
        """Sums of a b over the slices of the first `axes` axes, as a value of this shape."""

    @abstractmethod
    def mapped(self, name: str, shape: Shape, cells: LinearMap, value: V) -> V:
        """A value of this name and shape that a map makes of another."""

    def meet(self, name: str, operation: PairOperation, a: Operand[V], b: Operand[V]) -> Operand[V]:
        """The operation at every cell of the shape that both have in common."""
        shape = tuple(max(lengths) for lengths in zip(a.shape, b.shape, strict=True))
        if b.shape != shape and (a.shape != shape or gate_axes(b.shape, shape) is None):
            b = self._repeated(b, shape)
        if a.shape != shape and (b.shape != shape or gate_axes(a.shape, shape) is None):
            a = self._repeated(a, shape)
        gate = next((x.shape for x in (a, b) if x.shape != shape), None)
        axes = 1 if gate is None else gate_axes(gate, shape)
        assert axes is not None
        steps = int(a.shape == shape), int(b.shape == shape)
        return Operand(shape, self.pairwise(name, shape, axes, operation, steps, a.value, b.value))

    def _repeated(self, operand: Operand[V], shape: Shape) -> Operand[V]:
        cells = repetition(operand.shape, shape)
        return Operand(shape, self.mapped("repeated", shape, cells, operand.value))

    def collected(self, name: str, gradient: Operand[V], shape: Shape, sign: float = 1.0) -> V:
        """The gradient of an input of this shape from that of its repetitions, times a sign."""
        if gradient.shape == shape and sign == 1:
            return gradient.value
        cells = repetition(shape, gradient.shape).adjoint()
        if isinstance(cells, CellMap):
            count = math.prod(shape)
            cells = CellSums(count, 1, np.array([0, 1]), np.array([0]), None, 1)
        return self.mapped(name, shape, replace(cells, scale=sign), gradient.value)

    def collected_product(self, name: str, gradient: Operand[V], other: Operand[V], shape: Shape) -> V:
        """The gradient of a factor of this shape that the other factor met."""
        whole, axes = gradient.shape, gate_axes(shape, gradient.shape)
        if shape != whole and other.shape == whole and axes is not None:
            return self.product_sums(name, whole, shape, axes, gradient.value, other.value)
        return self.collected(name, self.meet(name, PairOperation.MULTIPLY, gradient, other), shape)


def folded(
    pairs: Pairs[V], name: str, operation: PairOperation, inputs: Sequence[Operand[V]]
) -> list[Operand[V]]:
    """The first input, and what it is after each of the others."""
    results = [inputs[0]]
    for other in inputs[1:]:
        results.append(pairs.meet(name, operation, results[-1], other))
    return results


def product_gradients(
    pairs: Pairs[V],
    name: str,
    inputs: Sequence[Operand[V]],
    products: Sequence[Operand[V]],
    gradient: Operand[V],
    wanted: Sequence[bool],
) -> list[V | None]:
    """From the last factor back: its gradient, and that of the product of those before it."""
    results: list[V | None] = [None] * len(inputs)
    for i in range(len(inputs) - 1, 0, -1):
        before, factor = products[i - 1], inputs[i]
        if wanted[i]:
            results[i] = pairs.collected_product(name, gradient, before, factor.shape)
        if not any(wanted[:i]):
            return results
        rest = pairs.collected_product(name, gradient, factor, before.shape)
        gradient = Operand(before.shape, rest)
    results[0] = gradient.value
    return results


def quotient_gradients(
    pairs: Pairs[V],
    name: str,
    inputs: Sequence[Operand[V]],
    quotient: Operand[V],
    gradient: Operand[V],
    wanted: Sequence[bool],
) -> list[V | None]:
    """delta / x_2 for the first, that times -y for the second."""
    first, second = inputs
    share = pairs.meet(name, PairOperation.DIVIDE, gradient, second)
    results: list[V | None] = [None, None]
    if wanted[0]:
        results[0] = pairs.collected(name, share, first.shape)
    if wanted[1]:
        product = pairs.meet(name, PairOperation.NEGATIVE_PRODUCT, share, quotient)
        results[1] = pairs.collected(name, product, second.shape)
    return results
