"""Definition of trainable subsampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import weighted_terms
from pellucid.engines.reference.windows import window_cells, window_sums, window_sums_adjoint
from pellucid.layers import AxisWindow, Layer, Subsample2d


@dataclass(frozen=True)
class SubsampleCache:
    """The windows' sums and the coefficients they were multiplied by."""

    sums: Array
    coefficient: Array
    axes: tuple[AxisWindow, ...]


def forward(
    layer: Subsample2d, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, SubsampleCache]:
    """z[c,i,j] = w[c] sum_{u,v} x[c,iS+u,jS+v] + b[c]."""
    (x,) = inputs
    axes = layer.window([x.shape[1:]])
    sums = window_sums(x, axes)
    w, b = parameters["coefficient"], parameters["bias"]
    return w[:, None, None] * sums + b[:, None, None], SubsampleCache(sums, w, axes)


def backward(layer: Subsample2d, gradient: Array, cache: SubsampleCache, rule: Rule) -> Backward:
    """dJ/dw[c] = sum delta times the windows' sums; dJ/db[c] = sum delta; dJ/dx = w delta."""
    delta = gradient
    gradients = {"coefficient": (delta * cache.sums).sum(axis=(0, 2, 3)), "bias": delta.sum(axis=(0, 2, 3))}
    return (window_sums_adjoint(cache.coefficient[:, None, None] * delta, cache.axes),), gradients


def terms(layer: Subsample2d, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """w x for the cells of the window, then the bias."""
    (x,) = inputs
    channel = cell[0]
    weight = parameters["coefficient"][channel]
    seen = window_cells(layer.window([x.shape]), cell[1:], "zeros")
    products = [((channel, *source), weight) for _, source in seen if source is not None]
    return weighted_terms(x, products, parameters["bias"][channel])


DEFINITIONS: dict[type[Layer], Definition] = {Subsample2d: Definition(forward, backward, terms)}
