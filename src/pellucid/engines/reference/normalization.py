"""Definition of the normalisations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import weighted_terms
from pellucid.layers import BatchNorm2d, Layer, Normalize


def _per_channel(values: Array, ndim: int) -> Array:
    """(C,) or (1,) shaped so that it broadcasts over the channels of (N, C, ...)."""
    return values.reshape(-1, *(1,) * (ndim - 2))


# ---- by fixed numbers


def normalize_forward(
    layer: Normalize, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, None]:
    """y[c] = (x[c] - mean[c]) / deviation[c]."""
    (x,) = inputs
    mean = _per_channel(np.array(layer.mean, x.dtype), x.ndim)
    deviation = _per_channel(np.array(layer.deviation, x.dtype), x.ndim)
    return (x - mean) / deviation, None


def normalize_backward(layer: Normalize, gradient: Array, cache: None, rule: Rule) -> Backward:
    """dJ/dx[c] = dJ/dy[c] / deviation[c]."""
    return (gradient / _per_channel(np.array(layer.deviation, gradient.dtype), gradient.ndim),), {}


def normalize_terms(layer: Normalize, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """x / deviation and -mean / deviation."""
    (x,) = inputs
    channel = cell[0] if len(layer.mean) > 1 else 0
    mean, deviation = layer.mean[channel], layer.deviation[channel]
    return weighted_terms(x, [(cell, 1 / deviation)], -mean / deviation)


# ---- by the batch

POSITIONS = (0, 2, 3)
"""The axes that one channel's statistics are taken over: images, rows, columns."""


@dataclass(frozen=True)
class BatchNormCache:
    """What backward needs: x^, 1 / sqrt(var + epsilon), gamma (1 where there is none) and the statistics."""

    normalized: Array
    inverse_deviation: Array
    gamma: Array
    mean: Array
    variance: Array
    training: bool


def batch_norm_forward(
    layer: BatchNorm2d, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, BatchNormCache]:
    """x^ = (x - mean) / sqrt(var + epsilon); y = gamma x^ + beta (Ioffe & Szegedy 2015, algorithm 1)."""
    (x,) = inputs
    if context.training:
        # mean = 1/m sum x; var = 1/m sum (x - mean)^2, over the m = N H W cells of a channel
        mean, variance = x.mean(axis=POSITIONS), x.var(axis=POSITIONS)
    else:
        mean, variance = parameters["running_mean"], parameters["running_var"]
    inverse_deviation = 1 / np.sqrt(variance + x.dtype.type(layer.epsilon))
    normalized = (x - _per_channel(mean, 4)) * _per_channel(inverse_deviation, 4)
    gamma = parameters["weight"] if layer.affine else np.ones_like(mean)
    beta = parameters["bias"] if layer.affine else np.zeros_like(mean)
    y = _per_channel(gamma, 4) * normalized + _per_channel(beta, 4)
    return y, BatchNormCache(normalized, inverse_deviation, gamma, mean, variance, context.training)


def batch_norm_backward(layer: BatchNorm2d, gradient: Array, cache: BatchNormCache, rule: Rule) -> Backward:
    """The chain rule through x^ and, in training, through the batch's mean and variance.

    dJ/dgamma = sum dJ/dy x^;  dJ/dbeta = sum dJ/dy;  with g = gamma dJ/dy, the gradient of x^:
    dJ/dx = (g - mean(g) - x^ mean(g x^)) / sqrt(var + epsilon) in training, g / sqrt(var + epsilon) else.
    """
    normalized = cache.normalized
    g = _per_channel(cache.gamma, 4) * gradient
    if cache.training:
        along = (g * normalized).mean(axis=POSITIONS, keepdims=True)
        g = g - g.mean(axis=POSITIONS, keepdims=True) - normalized * along
    dx = g * _per_channel(cache.inverse_deviation, 4)
    if not layer.affine:
        return (dx,), {}
    gradients = {"weight": (gradient * normalized).sum(axis=POSITIONS), "bias": gradient.sum(axis=POSITIONS)}
    return (dx,), gradients


def batch_norm_terms(
    layer: BatchNorm2d, inputs: Sequence[Array], parameters: ShortNames, cell: Cell
) -> Terms:
    """scale x, -scale mean and beta, with scale = gamma / sqrt(var + epsilon) of the running statistics."""
    (x,) = inputs
    channel = cell[0]
    gamma = parameters["weight"][channel] if layer.affine else x.dtype.type(1)
    beta = parameters["bias"][channel] if layer.affine else x.dtype.type(0)
    mean, variance = parameters["running_mean"][channel], parameters["running_var"][channel]
    scale = gamma / np.sqrt(variance + x.dtype.type(layer.epsilon))
    inputs_ = np.array([x[cell], -mean, 1], x.dtype)
    weights = np.array([scale, scale, beta], x.dtype)
    addends = inputs_ * weights
    nowhere = (-1,) * (1 + x.ndim)
    sources = np.array([(0, *cell), nowhere, nowhere], np.int64)
    return Terms(addends, sources, float(addends.sum()), inputs_, weights)


def batch_norm_buffers(layer: BatchNorm2d, cache: BatchNormCache, parameters: ShortNames) -> dict[str, Array]:
    """running <- (1 - momentum) running + momentum batch, the variance unbiased: times m / (m - 1)."""
    number = cache.mean.dtype.type
    old, new = number(1 - layer.momentum), number(layer.momentum)
    m = cache.normalized.size // len(cache.mean)
    unbiased = cache.variance * number(m / max(m - 1, 1))
    return {
        "running_mean": old * parameters["running_mean"] + new * cache.mean,
        "running_var": old * parameters["running_var"] + new * unbiased,
    }


DEFINITIONS: dict[type[Layer], Definition] = {
    Normalize: Definition(normalize_forward, normalize_backward, normalize_terms),
    BatchNorm2d: Definition(batch_norm_forward, batch_norm_backward, batch_norm_terms, batch_norm_buffers),
}
