"""Definition of the activation functions that look at channels: softmax and its logarithm, PReLU, maxout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import single_term, weighted_terms
from pellucid.layers import Layer, LogSoftmax, Maxout, PReLU, Softmax

# ---- softmax


def softmax(z: Array) -> Array:
    """Probabilities over axis 1; the largest z is taken off first, so that exp cannot overflow."""
    # p[k] = exp(z[k]) / sum_j exp(z[j])
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p: Array = e / e.sum(axis=1, keepdims=True)
    return p


def softmax_forward(
    layer: Softmax, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Array]:
    """p = softmax(z) at each position."""
    p = softmax(inputs[0])
    return p, p


def softmax_backward(layer: Softmax, gradient: Array, cache: Array, rule: Rule) -> Backward:
    """dJ/dz[k] = p[k] (dJ/dp[k] - sum_j p[j] dJ/dp[j])."""
    p = cache
    return (p * (gradient - (p * gradient).sum(axis=1, keepdims=True)),), {}


def softmax_terms(layer: Softmax, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """p[k] = 1 / sum_j exp(z[j] - z[k]): one addend a channel."""
    (z,) = inputs
    k, position = cell[0], cell[1:]
    column = np.moveaxis(z, 0, -1)[position]
    with np.errstate(over="ignore"):  # an infinite addend means a probability of 0
        addends = np.exp(column - column[k])
    sources = np.array([(0, j, *position) for j in range(len(column))], np.int64)
    return Terms(addends, sources, float(1 / addends.sum()), function="1 / total")


# ---- log-softmax


def log_sum_exp(z: Array) -> Array:
    """log sum_k exp(z[k]) over axis 1, kept; the largest z is taken off first: exp cannot overflow."""
    largest = z.max(axis=1, keepdims=True)
    result: Array = largest + np.log(np.exp(z - largest).sum(axis=1, keepdims=True))
    return result


def log_softmax_forward(
    layer: LogSoftmax, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Array]:
    """y[k] = z[k] - log sum_j exp(z[j]) at each position."""
    (z,) = inputs
    y = z - log_sum_exp(z)
    return y, y


def log_softmax_backward(layer: LogSoftmax, gradient: Array, cache: Array, rule: Rule) -> Backward:
    """dJ/dz[k] = dJ/dy[k] - exp(y[k]) sum_j dJ/dy[j]."""
    return (gradient - np.exp(cache) * gradient.sum(axis=1, keepdims=True),), {}


def log_softmax_terms(
    layer: LogSoftmax, inputs: Sequence[Array], parameters: ShortNames, cell: Cell
) -> Terms:
    """y[k] = -log sum_j exp(z[j] - z[k]): softmax's addends."""
    probability = softmax_terms(Softmax(), inputs, parameters, cell)
    with np.errstate(divide="ignore"):
        value = float(np.log(probability.value))
    return Terms(probability.addends, probability.sources, value, function="-log(total)")


# ---- PReLU


def _slopes(weight: Array, rank: int) -> Array:
    """a[c] (or the only a) along axis 1 of an array of this rank."""
    return weight.reshape(1, -1, *(1,) * (rank - 2))


def prelu_forward(
    layer: PReLU, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, tuple[Array, Array]]:
    """y = x if x > 0 else a[c] x."""
    (x,), weight = inputs, parameters["weight"]
    return np.where(x > 0, x, _slopes(weight, x.ndim) * x), (x, weight)


def prelu_backward(layer: PReLU, gradient: Array, cache: tuple[Array, Array], rule: Rule) -> Backward:
    """dJ/dx = dJ/dy times 1 if x > 0 else a[c]; dJ/da[c] = sum over x <= 0 of x dJ/dy."""
    x, weight = cache
    share = np.where(x > 0, gradient, _slopes(weight, x.ndim) * gradient)
    addends = np.where(x > 0, gradient.dtype.type(0), x * gradient)
    slopes = addends.sum(axis=tuple(axis for axis in range(x.ndim) if layer.shared or axis != 1))
    return (share,), {"weight": slopes.reshape(weight.shape)}


def prelu_terms(layer: PReLU, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The input cell times 1 or the slope."""
    (x,), weight = inputs, parameters["weight"]
    slope = 1.0 if x[cell] > 0 else float(weight[0 if layer.shared else cell[0]])
    return weighted_terms(x, [(cell, slope)])


# ---- maxout


def maxout_forward(
    layer: Maxout, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, tuple[NDArray[np.int64], tuple[int, ...]]]:
    """y[c] = max_{k < pieces} x[c pieces + k]; a NaN wins."""
    (x,) = inputs
    pieces = x.reshape(len(x), -1, layer.pieces, *x.shape[2:])
    return pieces.max(axis=2), (pieces.argmax(axis=2), x.shape)


def maxout_backward(
    layer: Maxout, gradient: Array, cache: tuple[NDArray[np.int64], tuple[int, ...]], rule: Rule
) -> Backward:
    """The whole gradient goes to the first largest channel."""
    winners, shape = cache
    share = np.zeros((*winners.shape[:2], layer.pieces, *winners.shape[2:]), gradient.dtype)
    np.put_along_axis(share, winners[:, :, None], gradient[:, :, None], axis=2)
    return (share.reshape(shape),), {}


def maxout_terms(layer: Maxout, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The cell that won."""
    (x,) = inputs
    first = cell[0] * layer.pieces
    pieces = np.moveaxis(x[first : first + layer.pieces], 0, -1)[cell[1:]]
    return single_term(x, (first + int(pieces.argmax()), *cell[1:]))


DEFINITIONS: dict[type[Layer], Definition] = {
    LogSoftmax: Definition(log_softmax_forward, log_softmax_backward, log_softmax_terms),
    Maxout: Definition(maxout_forward, maxout_backward, maxout_terms),
    PReLU: Definition(prelu_forward, prelu_backward, prelu_terms),
    Softmax: Definition(softmax_forward, softmax_backward, softmax_terms),
}
