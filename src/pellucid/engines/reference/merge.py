"""Definition of the layers with several inputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import single_term
from pellucid.layers import Add, Concat, Divide, Layer, MatMul, Multiply, Shape, Subtract


def _collected(gradient: Array, shape: Shape) -> Array:
    """dJ/dx of an input of this shape (batch first) from that of its repetitions along axes of length 1."""
    repeated = tuple(axis for axis, length in enumerate(shape) if length != gradient.shape[axis])
    return gradient.sum(axis=repeated, keepdims=True) if repeated else gradient


def _own_cell(x: Array, cell: Cell) -> Cell:
    """The cell of an input that stands at a cell of the output."""
    return tuple(0 if length == 1 else i for i, length in zip(cell, x.shape, strict=True))


def add_forward(
    layer: Add, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, list[Shape]]:
    """y = x_1 + x_2 + ..., from the left."""
    y = inputs[0]
    for x in inputs[1:]:
        y = y + x
    return y, [x.shape for x in inputs]


def add_backward(layer: Add, gradient: Array, cache: list[Shape], rule: Rule) -> Backward:
    """dJ/dx_i = dJ/dy."""
    return tuple(_collected(gradient, shape) for shape in cache), {}


def _sum_terms(inputs: Sequence[Array], signs: Sequence[int], cell: Cell) -> Terms:
    cells = [_own_cell(x, cell) for x in inputs]
    addends = np.array([s * x[c] for s, x, c in zip(signs, inputs, cells, strict=True)], inputs[0].dtype)
    sources = np.array([(number, *c) for number, c in enumerate(cells)], np.int64)
    return Terms(addends, sources, float(addends.sum()))


def add_terms(layer: Add, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The cell of every input."""
    return _sum_terms(inputs, [1] * len(inputs), cell)


def subtract_forward(
    layer: Subtract, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, list[Shape]]:
    """y = x_1 - x_2."""
    return inputs[0] - inputs[1], [x.shape for x in inputs]


def subtract_backward(layer: Subtract, gradient: Array, cache: list[Shape], rule: Rule) -> Backward:
    """dJ/dx_1 = dJ/dy, dJ/dx_2 = -dJ/dy."""
    return (_collected(gradient, cache[0]), _collected(-gradient, cache[1])), {}


def subtract_terms(layer: Subtract, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The one cell and the other, negative."""
    return _sum_terms(inputs, [1, -1], cell)


def multiply_forward(
    layer: Multiply, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Sequence[Array]]:
    """y = x_1 x_2 ..., from the left."""
    return reduce(np.multiply, inputs), inputs


def multiply_backward(layer: Multiply, gradient: Array, cache: Sequence[Array], rule: Rule) -> Backward:
    """dJ/dx_i = dJ/dy times the product of the other inputs."""
    shares = []
    for number, x in enumerate(cache):
        others = [other for i, other in enumerate(cache) if i != number]
        shares.append(_collected(gradient * reduce(np.multiply, others), x.shape))
    return tuple(shares), {}


def multiply_terms(layer: Multiply, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The first input's cell times the product of the others'."""
    factors = [x[_own_cell(x, cell)] for x in inputs]
    weight = np.prod(np.array(factors[1:], inputs[0].dtype)).reshape(1)
    value = factors[0].reshape(1)
    sources = np.array([(0, *_own_cell(inputs[0], cell))], np.int64)
    return Terms(value * weight, sources, float((value * weight)[0]), value, weight)


def divide_forward(
    layer: Divide, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, tuple[Array, Array, Array]]:
    """y = x_1 / x_2."""
    y = inputs[0] / inputs[1]
    return y, (inputs[0], inputs[1], y)


def divide_backward(
    layer: Divide, gradient: Array, cache: tuple[Array, Array, Array], rule: Rule
) -> Backward:
    """dJ/dx_1 = dJ/dy / x_2, dJ/dx_2 = -y dJ/dy / x_2."""
    a, b, y = cache
    share = gradient / b
    return (_collected(share, a.shape), _collected(-y * share, b.shape)), {}


def divide_terms(layer: Divide, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The first input's cell over the second's."""
    a, b = (x[_own_cell(x, cell)] for x in inputs)
    sources = np.array([(0, *_own_cell(inputs[0], cell))], np.int64)
    quotient = (a / b).reshape(1)
    return Terms(quotient, sources, float(quotient[0]))


def matmul_forward(
    layer: MatMul, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Sequence[Array]]:
    """y[..,i,j] = sum_k x_1[..,i,k] x_2[..,k,j]."""
    return inputs[0] @ inputs[1], inputs


def matmul_backward(layer: MatMul, gradient: Array, cache: Sequence[Array], rule: Rule) -> Backward:
    """dJ/dx_1 = dJ/dy x_2^T, dJ/dx_2 = x_1^T dJ/dy."""
    a, b = cache
    return (
        _collected(gradient @ b.swapaxes(-1, -2), a.shape),
        _collected(a.swapaxes(-1, -2) @ gradient, b.shape),
    ), {}


def matmul_terms(layer: MatMul, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """A row's cells, each times its weight in the column."""
    a, b = inputs
    *batch, i, j = cell
    row = (*_own_cell(a[..., 0, 0], tuple(batch)), i)
    column = b[_own_cell(b[..., 0, 0], tuple(batch))][:, j]
    sources = np.array([(0, *row, k) for k in range(a.shape[-1])], np.int64)
    addends = a[row] * column
    return Terms(addends, sources, float(addends.sum()), a[row], column)


def concat_forward(
    layer: Concat, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, list[int]]:
    """y = [x_1; x_2; ...] along the axis."""
    axis = 1 + layer.axis
    return np.concatenate(inputs, axis=axis), [x.shape[axis] for x in inputs]


def concat_backward(layer: Concat, gradient: Array, cache: list[int], rule: Rule) -> Backward:
    """Every input receives the gradient of its own part."""
    return tuple(np.split(gradient, np.cumsum(cache)[:-1], axis=1 + layer.axis)), {}


def concat_terms(layer: Concat, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The one cell that was copied."""
    axis = layer.axis
    number, place = 0, cell[axis]
    while place >= inputs[number].shape[axis]:
        place -= inputs[number].shape[axis]
        number += 1
    return single_term(inputs[number], (*cell[:axis], place, *cell[axis + 1 :]), input=number)


DEFINITIONS: dict[type[Layer], Definition] = {
    Add: Definition(add_forward, add_backward, add_terms),
    Concat: Definition(concat_forward, concat_backward, concat_terms),
    Divide: Definition(divide_forward, divide_backward, divide_terms),
    MatMul: Definition(matmul_forward, matmul_backward, matmul_terms),
    Multiply: Definition(multiply_forward, multiply_backward, multiply_terms),
    Subtract: Definition(subtract_forward, subtract_backward, subtract_terms),
}
