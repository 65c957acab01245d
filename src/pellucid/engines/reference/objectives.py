"""Definition of the losses: J and delta = dJ/dz.

z is (N, K, ...) and J the mean over the N images; K counts classes. T is the target array of z's shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pellucid.engines.engine import Array
from pellucid.engines.reference.channel_activation import log_sum_exp, softmax
from pellucid.objectives import (
    AbsoluteError,
    CrossEntropy,
    Hinge,
    MaximumAPosteriori,
    Objective,
    SquaredError,
)


def target_array(targets: Array, z: Array) -> Array:
    """T of z's shape and type: 1 at the class and 0 elsewhere for (N,) classes; an array stays what it is."""
    if targets.dtype.kind not in "iu":
        return targets.astype(z.dtype)
    T = np.zeros(z.shape, z.dtype)
    T[np.arange(len(z)), targets] = 1
    return T


def _mean(losses: Array, count: int) -> float:
    return float(losses.sum(dtype=np.float64)) / count


def cross_entropy(objective: CrossEntropy, z: Array, targets: Array) -> tuple[float, Array]:
    """J = -sum_k T[k] log softmax(z)[k]; delta = p sum_k T[k] - T, which is p - T where T sums to 1."""
    s, K = z.dtype.type(objective.label_smoothing), z.dtype.type(z.shape[1])
    T = target_array(targets, z)
    if objective.label_smoothing > 0:
        T = (1 - s) * T + s / K
    total = T.sum(axis=1, keepdims=True) if targets.dtype.kind == "f" else z.dtype.type(1)
    J = -T * (z - log_sum_exp(z))
    return _mean(J, len(z)), (softmax(z) * total - T) / z.dtype.type(len(z))


def squared_error(objective: SquaredError, z: Array, targets: Array) -> tuple[float, Array]:
    """J = 1/2 sum_k (z[k] - T[k])^2; delta = z - T."""
    difference = z - target_array(targets, z)
    return _mean(difference**2 / 2, len(z)), difference / z.dtype.type(len(z))


def absolute_error(objective: AbsoluteError, z: Array, targets: Array) -> tuple[float, Array]:
    """J = sum_k |z[k] - T[k]|; delta = sign(z - T)."""
    difference = z - target_array(targets, z)
    return _mean(np.abs(difference), len(z)), np.sign(difference) / z.dtype.type(len(z))


def hinge(objective: Hinge, z: Array, targets: Array) -> tuple[float, Array]:
    """J = sum_k max(0, margin - T[k] z[k]); delta[k] = -T[k] where T[k] z[k] < margin, else 0.

    Of classes T is 1 at the class and -1 elsewhere.
    """
    T = target_array(targets, z)
    if targets.dtype.kind in "iu":
        T = 2 * T - 1
    margin = z.dtype.type(objective.margin)
    delta = np.where(T * z < margin, -T, z.dtype.type(0))
    return _mean(np.maximum(margin - T * z, 0), len(z)), delta / z.dtype.type(len(z))


def maximum_a_posteriori(objective: MaximumAPosteriori, z: Array, targets: Array) -> tuple[float, Array]:
    """J = -sum_k T[k] z[k] + log D, D = exp(-j) + sum_k exp(z[k]); delta[k] = exp(z[k]) / D - T[k]."""
    T = target_array(targets, z)
    rubbish = np.full_like(z[:, :1], -objective.rubbish_distance)
    log_D = log_sum_exp(np.concatenate([rubbish, z], axis=1))
    J = _mean(log_D, len(z)) - _mean(T * z, len(z))
    return J, (np.exp(z - log_D) - T) / z.dtype.type(len(z))


OBJECTIVES: dict[type[Objective], Callable[[Any, Array, Array], tuple[float, Array]]] = {
    AbsoluteError: absolute_error,
    CrossEntropy: cross_entropy,
    Hinge: hinge,
    MaximumAPosteriori: maximum_a_posteriori,
    SquaredError: squared_error,
}


def loss(objective: Objective, z: Array, targets: Array) -> tuple[float, Array]:
    """J and delta of a batch.

    Args:
        objective: which loss.
        z: (N, K, ...) outputs.
        targets: (N,) classes, or an array of z's shape.
    """
    return OBJECTIVES[type(objective)](objective, z, targets)


def weighted_loss(
    objective: Objective, scores: Mapping[str, Array], targets: Array, weights: Mapping[str, float]
) -> tuple[float, dict[str, Array]]:
    """J = sum_i weight_i J_i of several nodes' outputs against the same targets, and delta by node."""
    total, deltas = 0.0, {}
    for node, weight in weights.items():
        value, delta = loss(objective, scores[node], targets)
        total += weight * value
        deltas[node] = delta * delta.dtype.type(weight)
    return total, deltas
