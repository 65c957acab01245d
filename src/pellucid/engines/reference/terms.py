"""Building Terms: the shapes that most layers' sums take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.engines.engine import Array, Terms
from pellucid.engines.reference.definition import Cell


def weighted_terms(
    x: Array,
    products: Sequence[tuple[Cell, float]],
    bias: float | None = None,
    weight_cells: Sequence[Cell] | None = None,
) -> Terms:
    """Terms of sum_i w_i x[cell_i] + bias for (cell, w) pairs; the bias is a weight on a constant input 1.

    `weight_cells` says where each w lies in the layer's weights.
    """
    values = [x[cell] for cell, _ in products]
    weights = [weight for _, weight in products]
    sources = [(0, *cell) for cell, _ in products]
    if bias is not None:
        values.append(x.dtype.type(1))
        weights.append(bias)
        sources.append((-1,) * (1 + x.ndim))
    inputs, factors = np.array(values, x.dtype), np.array(weights, x.dtype)
    addends = inputs * factors
    positions = np.array(sources, np.int64).reshape(len(addends), 1 + x.ndim)
    places = None if weight_cells is None else np.array(weight_cells, np.int64)
    return Terms(addends, positions, float(addends.sum()), inputs, factors, weight_cells=places)


def kernel_terms(x: Array, weight: Array, products: Sequence[tuple[Cell, Cell]], bias: float | None) -> Terms:
    """Terms of sum_i weight[place_i] x[cell_i] + bias for (cell, place) pairs."""
    places = [place for _, place in products]
    return weighted_terms(x, [(cell, weight[place]) for cell, place in products], bias, places)


def single_term(
    x: Array, cell: Cell, value: float | None = None, function: str = "", input: int = 0
) -> Terms:
    """Terms of a value that comes from one input cell alone, through `function` or unchanged."""
    addend = np.array([x[cell]], x.dtype)
    sources = np.array([(input, *cell)], np.int64)
    return Terms(addend, sources, float(addend[0] if value is None else value), function=function)
