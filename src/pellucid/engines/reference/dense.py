"""Definition of the fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import kernel_terms
from pellucid.layers import Layer, Linear

Cache = tuple[Array, Array]
"""Input (N, features) and weight."""


def forward(
    layer: Linear, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Cache]:
    """z = W a + b for every row a of the batch."""
    (a,) = inputs
    W = parameters["weight"]
    z = a @ W.T
    if layer.bias:
        z = z + parameters["bias"]
    return z, (a, W)


def backward(layer: Linear, gradient: Array, cache: Cache, rule: Rule) -> Backward:
    """dJ/da = W^T delta; dJ/dW = delta a^T and dJ/db = delta, summed over the batch."""
    delta, (a, W) = gradient, cache
    gradients = {"weight": delta.T @ a}
    if layer.bias:
        gradients["bias"] = delta.sum(axis=0)
    return (delta @ W,), gradients


def terms(layer: Linear, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """W[o,i] a[i] for every i, then the bias."""
    (a,) = inputs
    (output,) = cell
    bias = parameters["bias"][output] if layer.bias else None
    return kernel_terms(a, parameters["weight"], [((i,), (output, i)) for i in range(len(a))], bias)


DEFINITIONS: dict[type[Layer], Definition] = {Linear: Definition(forward, backward, terms)}
