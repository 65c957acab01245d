"""Definition of the layers that only rearrange. Input has none: its value is given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import single_term
from pellucid.layers import Flatten, Layer


def flatten_forward(
    layer: Flatten, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, tuple[int, ...]]:
    """y[(c H + i) W + j] = x[c,i,j]."""
    (x,) = inputs
    return x.reshape(len(x), int(np.prod(x.shape[1:]))), x.shape


def flatten_backward(layer: Flatten, gradient: Array, cache: tuple[int, ...], rule: Rule) -> Backward:
    """dJ/dx[c,i,j] = dJ/dy[(c H + i) W + j]."""
    return (gradient.reshape(cache),), {}


def flatten_terms(layer: Flatten, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The one cell that was copied."""
    (x,) = inputs
    return single_term(x, tuple(int(i) for i in np.unravel_index(cell[0], x.shape)))


DEFINITIONS: dict[type[Layer], Definition] = {
    Flatten: Definition(flatten_forward, flatten_backward, flatten_terms)
}
