"""Definition of the output layers that are not a plain Linear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.layers import Layer, RBFOutput


def rbf_forward(
    layer: RBFOutput, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Array]:
    """y[o] = -sum_i (x[i] - p[o,i])^2."""
    (x,) = inputs
    difference = x[:, None, :] - parameters["prototypes"]
    return -(difference**2).sum(axis=2), difference


def rbf_backward(layer: RBFOutput, gradient: Array, cache: Array, rule: Rule) -> Backward:
    """dJ/dx[i] = -2 sum_o dJ/dy[o] (x[i] - p[o,i]); dJ/dp[o,i] is its negative, not summed over o."""
    pull = -2 * gradient[:, :, None] * cache
    return (pull.sum(axis=1),), {"prototypes": -pull.sum(axis=0)}


def rbf_terms(layer: RBFOutput, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """-(x[i] - p[o,i])^2 for every i."""
    (x,) = inputs
    addends = -((x - parameters["prototypes"][cell[0]]) ** 2)
    sources = np.array([(0, i) for i in range(len(x))], np.int64)
    return Terms(addends, sources, float(addends.sum()))


DEFINITIONS: dict[type[Layer], Definition] = {RBFOutput: Definition(rbf_forward, rbf_backward, rbf_terms)}
