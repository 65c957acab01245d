"""Definition of the update rules: one step of one parameter.

Every operation rounds to the arrays' own type, in the order written here, and scalars are computed in double
and then rounded once; so another engine that does the same operations gets the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pellucid.engines.engine import Array
from pellucid.layers import ParameterSpec
from pellucid.optimizers import SGD, Adam, AdamW, Optimizer

Slots = Mapping[str, Array]
Update = tuple[Array, dict[str, Array]]
"""The new weight and the new slots."""


def sgd(rule: SGD, w: Array, g: Array, slots: Slots, eta: float, t: int, decay: float) -> Update:
    """g <- g + lambda w;  v <- mu v + g;  w <- w - eta v, or w - eta (g + mu v) with nesterov."""
    number = w.dtype.type
    mu, eta_ = number(rule.momentum), number(eta)
    if decay:
        g = g + number(decay) * w
    if not rule.momentum:
        return w - eta_ * g, dict(slots)
    v = mu * slots["velocity"] + g
    step = g + mu * v if rule.nesterov else v
    return w - eta_ * step, {"velocity": v}


def _adam_step(rule: Adam, w: Array, g: Array, slots: Slots, eta: float, t: int) -> Update:
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  w <- w - eta m^ / (sqrt(v^) + epsilon)."""
    number = w.dtype.type
    m = number(rule.beta1) * slots["mean"] + number(1 - rule.beta1) * g
    v = number(rule.beta2) * slots["variance"] + number(1 - rule.beta2) * (g * g)
    # The bias corrections m^ = m / c1 and v^ = v / c2, with the scalars taken together.
    c1, c2 = 1 - rule.beta1**t, 1 - rule.beta2**t
    w = w - number(eta / c1) * m / (np.sqrt(v) / number(math.sqrt(c2)) + number(rule.epsilon))
    return w, {"mean": m, "variance": v}


def adam(rule: Adam, w: Array, g: Array, slots: Slots, eta: float, t: int, decay: float) -> Update:
    """g <- g + lambda w, then Adam's step."""
    if decay:
        g = g + w.dtype.type(decay) * w
    return _adam_step(rule, w, g, slots, eta, t)


def adamw(rule: AdamW, w: Array, g: Array, slots: Slots, eta: float, t: int, decay: float) -> Update:
    """w <- w - eta lambda w, then Adam's step."""
    if decay:
        w = w - w.dtype.type(eta * decay) * w
    return _adam_step(rule, w, g, slots, eta, t)


OPTIMIZERS: dict[type[Optimizer], Callable[[Any, Array, Array, Slots, float, int, float], Update]] = {
    SGD: sgd,
    Adam: adam,
    AdamW: adamw,
}


def clipped(gradients: Mapping[str, Array], limit: float | None) -> Mapping[str, Array]:
    """All gradients times limit / |g| where the norm |g| of all of them together exceeds the limit."""
    if limit is None:
        return gradients
    norm = math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients.values()))
    if norm <= limit:
        return gradients
    return {name: g * g.dtype.type(limit / norm) for name, g in gradients.items()}


def weight_decay(rule: Optimizer, spec: ParameterSpec) -> float:
    """lambda of one parameter: 0 where decay does not apply to it."""
    if isinstance(rule, SGD | Adam) and (spec.decay or rule.decay_all):
        return rule.weight_decay
    return 0.0


def update(rule: Optimizer, w: Array, g: Array, slots: Slots, eta: float, t: int, decay: float) -> Update:
    """One step of one parameter.

    Args:
        rule: which optimiser.
        w: the parameter.
        g: dJ/dw.
        slots: the rule's arrays for this parameter, by the names in rule.slots.
        eta: learning rate.
        t: number of the step, from 1.
        decay: weight decay lambda; 0 for none.
    """
    return OPTIMIZERS[type(rule)](rule, w, g, slots, eta, t, decay)
