"""Definition of the normalisations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import weighted_terms
from pellucid.layers import (
    BatchNorm1d,
    BatchNorm2d,
    GroupNorm,
    InstanceNorm,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    Normalize,
)
from pellucid.layers.normalization import BatchNorm, ImageNorm


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


def _positions(ndim: int) -> tuple[int, ...]:
    """The axes that one channel's statistics are taken over: images and positions."""
    return (0, *range(2, ndim))


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
    layer: BatchNorm, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, BatchNormCache]:
    """x^ = (x - mean) / sqrt(var + epsilon); y = gamma x^ + beta (Ioffe & Szegedy 2015, algorithm 1)."""
    (x,) = inputs
    if context.training:
        # mean = 1/m sum x; var = 1/m sum (x - mean)^2, over the m = N H W cells of a channel
        mean, variance = x.mean(axis=_positions(x.ndim)), x.var(axis=_positions(x.ndim))
    else:
        mean, variance = parameters["running_mean"], parameters["running_var"]
    inverse_deviation = 1 / np.sqrt(variance + x.dtype.type(layer.epsilon))
    normalized = (x - _per_channel(mean, x.ndim)) * _per_channel(inverse_deviation, x.ndim)
    gamma = parameters["weight"] if layer.affine else np.ones_like(mean)
    beta = parameters["bias"] if layer.affine else np.zeros_like(mean)
    y = _per_channel(gamma, x.ndim) * normalized + _per_channel(beta, x.ndim)
    return y, BatchNormCache(normalized, inverse_deviation, gamma, mean, variance, context.training)


def batch_norm_backward(layer: BatchNorm, gradient: Array, cache: BatchNormCache, rule: Rule) -> Backward:
    """The chain rule through x^ and, in training, through the batch's mean and variance.

    dJ/dgamma = sum dJ/dy x^;  dJ/dbeta = sum dJ/dy;  with g = gamma dJ/dy, the gradient of x^:
    dJ/dx = (g - mean(g) - x^ mean(g x^)) / sqrt(var + epsilon) in training, g / sqrt(var + epsilon) else.
    """
    normalized, positions = cache.normalized, _positions(gradient.ndim)
    g = _per_channel(cache.gamma, gradient.ndim) * gradient
    if cache.training:
        along = (g * normalized).mean(axis=positions, keepdims=True)
        g = g - g.mean(axis=positions, keepdims=True) - normalized * along
    dx = g * _per_channel(cache.inverse_deviation, gradient.ndim)
    if not layer.affine:
        return (dx,), {}
    gradients = {"weight": (gradient * normalized).sum(axis=positions), "bias": gradient.sum(axis=positions)}
    return (dx,), gradients


def batch_norm_terms(layer: BatchNorm, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """scale x, -scale mean and beta, with scale = gamma / sqrt(var + epsilon) of the running statistics."""
    (x,) = inputs
    channel = cell[0]
    gamma = parameters["weight"][channel] if layer.affine else x.dtype.type(1)
    beta = parameters["bias"][channel] if layer.affine else x.dtype.type(0)
    mean, variance = parameters["running_mean"][channel], parameters["running_var"][channel]
    scale = gamma / np.sqrt(variance + x.dtype.type(layer.epsilon))
    return _shifted_terms(x, cell, mean, scale, beta)


def _shifted_terms(x: Array, cell: Cell, mean: float, scale: float, beta: float) -> Terms:
    """scale x, -scale mean and beta."""
    inputs = np.array([x[cell], -mean, 1], x.dtype)
    weights = np.array([scale, scale, beta], x.dtype)
    addends = inputs * weights
    nowhere = (-1,) * (1 + x.ndim)
    sources = np.array([(0, *cell), nowhere, nowhere], np.int64)
    return Terms(addends, sources, float(addends.sum()), inputs, weights)


def batch_norm_buffers(layer: BatchNorm, cache: BatchNormCache, parameters: ShortNames) -> dict[str, Array]:
    """running <- (1 - momentum) running + momentum batch, the variance unbiased: times m / (m - 1)."""
    number = cache.mean.dtype.type
    old, new = number(1 - layer.momentum), number(layer.momentum)
    m = cache.normalized.size // len(cache.mean)
    unbiased = cache.variance * number(m / max(m - 1, 1))
    return {
        "running_mean": old * parameters["running_mean"] + new * cache.mean,
        "running_var": old * parameters["running_var"] + new * unbiased,
    }


# ---- by parts of the image


@dataclass(frozen=True)
class ImageNormCache:
    """x^ and 1 / sqrt(var + epsilon) in parts, (N, parts, cells), and gamma as it broadcasts over x."""

    normalized: Array
    inverse_deviation: Array
    gamma: Array


def _affine(layer: ImageNorm, values: Array, ndim: int) -> Array:
    """gamma or beta, shaped so that it broadcasts over (N, C, ...)."""
    return values if isinstance(layer, LayerNorm) else _per_channel(values, ndim)


def image_norm_forward(
    layer: ImageNorm, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, ImageNormCache]:
    """x^ = (x - mean) / sqrt(var + epsilon), the statistics of the cell's part; y = gamma x^ + beta."""
    (x,) = inputs
    parts = x.reshape(len(x), -1, layer.part(x.shape[1:]))
    inverse_deviation = 1 / np.sqrt(parts.var(axis=2, keepdims=True) + x.dtype.type(layer.epsilon))
    normalized = (parts - parts.mean(axis=2, keepdims=True)) * inverse_deviation
    y = normalized.reshape(x.shape)
    gamma = np.ones((), x.dtype)
    if layer.affine:
        gamma = _affine(layer, parameters["weight"], x.ndim)
        y = gamma * y + _affine(layer, parameters["bias"], x.ndim)
    return y, ImageNormCache(normalized, inverse_deviation, gamma)


def image_norm_backward(layer: ImageNorm, gradient: Array, cache: ImageNormCache, rule: Rule) -> Backward:
    """The chain rule through x^ and through the mean and the variance of its part.

    dJ/dgamma = sum dJ/dy x^;  dJ/dbeta = sum dJ/dy;  with g = gamma dJ/dy, the gradient of x^:
    dJ/dx = (g - mean(g) - x^ mean(g x^)) / sqrt(var + epsilon).
    """
    normalized = cache.normalized
    g = (cache.gamma * gradient).reshape(normalized.shape)
    along = (g * normalized).mean(axis=2, keepdims=True)
    dx = (g - g.mean(axis=2, keepdims=True) - normalized * along) * cache.inverse_deviation
    dx = dx.reshape(gradient.shape)
    if not layer.affine:
        return (dx,), {}
    # gamma and beta are shared by the images and, but for LayerNorm, by a channel's positions
    shared: tuple[int, ...] = _positions(gradient.ndim)
    if isinstance(layer, LayerNorm):
        shared = tuple(range(gradient.ndim - cache.gamma.ndim))
    products = gradient * normalized.reshape(gradient.shape)
    return (dx,), {"weight": products.sum(axis=shared), "bias": gradient.sum(axis=shared)}


def image_norm_terms(layer: ImageNorm, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """scale x, -scale mean and beta, with scale = gamma / sqrt(var + epsilon) of the cell's part."""
    (x,) = inputs
    cells = layer.part(x.shape)
    part = x.reshape(-1, cells)[int(np.ravel_multi_index(cell, x.shape)) // cells]
    gamma, beta = x.dtype.type(1), x.dtype.type(0)
    if layer.affine:
        place = cell[-parameters["weight"].ndim :] if isinstance(layer, LayerNorm) else cell[:1]
        gamma, beta = parameters["weight"][place], parameters["bias"][place]
    scale = gamma / np.sqrt(part.var() + x.dtype.type(layer.epsilon))
    return _shifted_terms(x, cell, part.mean(), scale, beta)


# ---- by neighbouring channels


@dataclass(frozen=True)
class LocalResponseCache:
    """x and the sums s that its powers are taken of."""

    x: Array
    sums: Array


def _over_channels(values: Array, before: int, after: int) -> Array:
    """For each channel the sum over it, `before` channels ahead of it and `after` behind it."""
    padded = np.pad(values, [(0, 0), (before, after), *[(0, 0)] * (values.ndim - 2)])
    return np.asarray(sliding_window_view(padded, before + after + 1, axis=1).sum(axis=-1), values.dtype)


def local_response_forward(
    layer: LocalResponseNorm, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, LocalResponseCache]:
    """y[c] = x[c] s[c]^-beta with s[c] = k + alpha/n sum_{c' near c} x[c']^2."""
    (x,) = inputs
    number = x.dtype.type
    squares = _over_channels(x * x, layer.size // 2, (layer.size - 1) // 2)
    s = number(layer.k) + number(layer.alpha / layer.size) * squares
    return x * s ** number(-layer.beta), LocalResponseCache(x, s)


def local_response_backward(
    layer: LocalResponseNorm, gradient: Array, cache: LocalResponseCache, rule: Rule
) -> Backward:
    """A cell counts in its own output and in the sums of the channels that it is near to.

    dJ/dx[c] = delta[c] s[c]^-beta - 2 alpha beta / n x[c] times the sum of delta x s^(-beta-1) over the channels
    that c is near to.
    """
    x, s, number = cache.x, cache.sums, gradient.dtype.type
    scale = s ** number(-layer.beta)
    shares = _over_channels(gradient * x * scale / s, (layer.size - 1) // 2, layer.size // 2)
    factor = number(2 * layer.alpha * layer.beta / layer.size)
    return (gradient * scale - factor * x * shares,), {}


def local_response_terms(
    layer: LocalResponseNorm, inputs: Sequence[Array], parameters: ShortNames, cell: Cell
) -> Terms:
    """The squares that make up s, alpha/n each, and k; x s^-beta of their sum."""
    (x,) = inputs
    first = cell[0] - layer.size // 2
    channels = range(max(first, 0), min(first + layer.size, len(x)))
    cells = [(channel, *cell[1:]) for channel in channels]
    squares = [layer.alpha / layer.size * float(x[near]) ** 2 for near in cells]
    addends = np.array([*squares, layer.k], x.dtype)
    sources = np.array([*((0, *near) for near in cells), (-1,) * (1 + x.ndim)], np.int64)
    value = float(x[cell]) * float(addends.sum()) ** -layer.beta
    return Terms(addends, sources, value, function=f"{float(x[cell])!r} * total ** -{layer.beta!r}")


BATCH = Definition(batch_norm_forward, batch_norm_backward, batch_norm_terms, batch_norm_buffers)
IMAGE = Definition(image_norm_forward, image_norm_backward, image_norm_terms)

DEFINITIONS: dict[type[Layer], Definition] = {
    Normalize: Definition(normalize_forward, normalize_backward, normalize_terms),
    BatchNorm1d: BATCH,
    BatchNorm2d: BATCH,
    GroupNorm: IMAGE,
    InstanceNorm: IMAGE,
    LayerNorm: IMAGE,
    LocalResponseNorm: Definition(local_response_forward, local_response_backward, local_response_terms),
}
