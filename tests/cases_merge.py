"""Cases of the layers with several inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add, matmul, mul, sub, truediv

from layer_case import LayerCase, Oracle
from torch import Tensor, cat

from pellucid.layers import Add, Concat, Divide, MatMul, Multiply, Shape, Subtract


def _sum(inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], training: bool) -> Tensor:
    return reduce(add, inputs)


def _concatenation(axis: int = 0) -> Oracle:
    return lambda inputs, parameters, training: cat(list(inputs), 1 + axis)


def _pair(function: Callable[[Tensor, Tensor], Tensor]) -> Oracle:
    return lambda inputs, parameters, training: function(inputs[0], inputs[1])


def _product(inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], training: bool) -> Tensor:
    return reduce(mul, inputs)


MAPS: tuple[Shape, ...] = ((17, 3, 4), (17, 3, 4))
GATE: tuple[Shape, ...] = ((18, 3, 5), (18, 1, 1))
"""As squeeze and excitation has it: a factor a channel."""

MERGES = (
    LayerCase("add", Add(), ((2, 3, 4), (2, 3, 4)), _sum),
    LayerCase("add-three-vectors", Add(), ((5,), (5,), (5,)), _sum),
    LayerCase("concat", Concat(), ((2, 3, 4), (1, 3, 4), (3, 3, 4)), _concatenation()),
    LayerCase("concat-many", Concat(), ((8, 2, 2), (11, 2, 2), (16, 2, 2), (5, 2, 2)), _concatenation()),
    LayerCase("concat-vectors", Concat(), ((2,), (5,)), _concatenation()),
    LayerCase("concat-rows", Concat(1), ((17, 2, 3), (17, 1, 3), (17, 3, 3)), _concatenation(1)),
    LayerCase("concat-columns", Concat(2), ((2, 3, 2), (2, 3, 5)), _concatenation(2)),
    LayerCase("add-gate", Add(), GATE, _sum),
    LayerCase("add-row", Add(), ((1, 1, 4), (3, 2, 4)), _sum),
    LayerCase("add-three-maps", Add(), ((9, 2, 3), (1, 1, 1), (9, 1, 3)), _sum),
    LayerCase("subtract", Subtract(), MAPS, _pair(sub)),
    LayerCase("subtract-gate", Subtract(), GATE, _pair(sub)),
    LayerCase("subtract-from-gate", Subtract(), GATE[::-1], _pair(sub)),
    LayerCase("multiply", Multiply(), MAPS, _product),
    LayerCase("multiply-gate", Multiply(), GATE, _product),
    LayerCase("multiply-gate-first", Multiply(), GATE[::-1], _product),
    LayerCase("multiply-map", Multiply(), ((17, 3, 4), (1, 3, 4)), _product),
    LayerCase("multiply-both-repeated", Multiply(), ((17, 1, 4), (1, 3, 4)), _product),
    LayerCase("multiply-three", Multiply(), ((9, 2, 2), (9, 1, 1), (9, 2, 2)), _product),
    LayerCase("multiply-vectors", Multiply(), ((7,), (7,)), _product),
    LayerCase("divide", Divide(), MAPS, _pair(truediv), kinks="zero"),
    LayerCase("divide-gate", Divide(), GATE, _pair(truediv), kinks="zero"),
    LayerCase("divide-vectors", Divide(), ((5,), (1,)), _pair(truediv), kinks="zero"),
    LayerCase("matmul", MatMul(), ((5, 3), (3, 7)), _pair(matmul)),
    LayerCase("matmul-stacked", MatMul(), ((3, 9, 4), (3, 4, 6)), _pair(matmul)),
    LayerCase("matmul-repeated", MatMul(), ((1, 3, 5), (17, 5, 2)), _pair(matmul)),
    LayerCase("matmul-twice-repeated", MatMul(), ((2, 1, 3, 5), (1, 3, 5, 2)), _pair(matmul)),
)
