"""Definition of the layers with several inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import single_term
from pellucid.layers import Add, Concat, Layer


def add_forward(
    layer: Add, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, int]:
    """y = x_1 + x_2 + ..., from the left."""
    y = inputs[0]
    for x in inputs[1:]:
        y = y + x
    return y, len(inputs)


def add_backward(layer: Add, gradient: Array, cache: int, rule: Rule) -> Backward:
    """dJ/dx_i = dJ/dy."""
    return (gradient,) * cache, {}


def add_terms(layer: Add, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The cell of every input."""
    addends = np.array([x[cell] for x in inputs], inputs[0].dtype)
    sources = np.array([(number, *cell) for number in range(len(inputs))], np.int64)
    return Terms(addends, sources, float(addends.sum()))


def concat_forward(
    layer: Concat, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, list[int]]:
    """y = [x_1; x_2; ...] along the channels."""
    return np.concatenate(inputs, axis=1), [x.shape[1] for x in inputs]


def concat_backward(layer: Concat, gradient: Array, cache: list[int], rule: Rule) -> Backward:
    """Every input receives the gradient of its own channels."""
    return tuple(np.split(gradient, np.cumsum(cache)[:-1], axis=1)), {}


def concat_terms(layer: Concat, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The one cell that was copied."""
    number, channel = 0, cell[0]
    while channel >= len(inputs[number]):
        channel -= len(inputs[number])
        number += 1
    return single_term(inputs[number], (channel, *cell[1:]), input=number)


DEFINITIONS: dict[type[Layer], Definition] = {
    Add: Definition(add_forward, add_backward, add_terms),
    Concat: Definition(concat_forward, concat_backward, concat_terms),
}
