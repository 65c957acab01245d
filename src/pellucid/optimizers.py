"""Optimisers and learning-rate schedules, as descriptions; engines carry the updates out.

In the formulas w is a weight, g = dJ/dw its gradient, eta the learning rate and lambda the weight decay,
which applies to the parameters whose ParameterSpec says so (not biases and norms), or to all if asked.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from pellucid.errors import UnknownNameError
from pellucid.layers.layer import require

__all__ = ["SGD", "Adam", "AdamW", "Constant", "Cosine", "OneCycle", "Optimizer", "Schedule", "StepDecay"]


@dataclass(frozen=True)
class Optimizer:
    """Base of all update rules.

    Args:
        clip_norm: largest Euclidean norm of the gradient of all trainable parameters together; a longer one
            is shortened to it before the update (Pascanu et al. 2013, algorithm 1). None: never.

    `slots` names the arrays that the rule keeps for every weight between steps.
    """

    clip_norm: float | None = field(default=None, kw_only=True)

    slots: ClassVar[tuple[str, ...]] = ()
    formula: ClassVar[str]

    def __post_init__(self) -> None:
        clip = self.clip_norm
        valid = clip is None or (math.isfinite(clip) and clip > 0)
        require(valid, type(self).__name__, "clip_norm is None or greater than 0", clip)


def _check_decay(name: str, weight_decay: float) -> None:
    require(
        math.isfinite(weight_decay) and weight_decay >= 0, name, "weight_decay is at least 0", weight_decay
    )


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, with momentum (Polyak) or Nesterov's; PyTorch's convention.

    g <- g + lambda w;  v <- mu v + g;  w <- w - eta v, or w - eta (g + mu v) with nesterov.
    """

    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decay_all: bool = False

    formula: ClassVar[str] = "v = mu v + g + lambda w; w = w - eta v"
    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.momentum < 1, "SGD", "momentum is at least 0 and less than 1", self.momentum)
        require(
            not self.nesterov or self.momentum > 0, "SGD", "nesterov needs momentum above 0", self.momentum
        )
        _check_decay("SGD", self.weight_decay)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1); weight decay is added to the gradient.

    m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;
    w <- w - eta (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon).
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    decay_all: bool = False

    formula: ClassVar[str] = "m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2; w = w - eta m^ / (sqrt(v^) + eps)"
    slots: ClassVar[tuple[str, ...]] = ("mean", "variance")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, beta in (("beta1", self.beta1), ("beta2", self.beta2)):
            require(0 <= beta < 1, type(self).__name__, f"{name} is at least 0 and less than 1", beta)
        require(self.epsilon > 0, type(self).__name__, "epsilon is greater than 0", self.epsilon)
        _check_decay(type(self).__name__, self.weight_decay)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay w <- w - eta lambda w (Loshchilov & Hutter 2019)."""

    weight_decay: float = 0.01

    formula: ClassVar[str] = "w = w - eta lambda w; then Adam's step"


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": SGD(),
    "momentum": SGD(momentum=0.9),
    "nesterov": SGD(momentum=0.9, nesterov=True),
    "adam": Adam(),
    "adamw": AdamW(),
}
"""Update rules by name, with their usual numbers."""


def optimizer(rule: str | Optimizer) -> Optimizer:
    """An optimiser by its name in OPTIMIZERS, or the optimiser itself."""
    if isinstance(rule, Optimizer):
        return rule
    if rule not in OPTIMIZERS:
        raise UnknownNameError("optimizer", rule, OPTIMIZERS)
    return OPTIMIZERS[rule]


@dataclass(frozen=True)
class Schedule(ABC):
    """Base of all schedules: the learning rate of each step."""

    learning_rate: float

    def __post_init__(self) -> None:
        valid = math.isfinite(self.learning_rate) and self.learning_rate >= 0
        require(valid, type(self).__name__, "learning_rate is at least 0 and finite", self.learning_rate)

    @abstractmethod
    def at(self, step: int, total: int) -> float:
        """Learning rate of step `step` (from 0) of `total`."""


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate throughout."""

    def at(self, step: int, total: int) -> float:
        """The rate."""
        return self.learning_rate


@dataclass(frozen=True)
class StepDecay(Schedule):
    """The rate times `factor` at each of the milestones, which are shares of the training in (0, 1)."""

    factor: float = 0.1
    milestones: tuple[float, ...] = (0.5, 0.75)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(math.isfinite(self.factor) and self.factor > 0, "StepDecay", "factor is above 0", self.factor)
        valid = all(0 < milestone < 1 for milestone in self.milestones)
        require(valid, "StepDecay", "milestones lie between 0 and 1", self.milestones)

    def at(self, step: int, total: int) -> float:
        """The rate after the milestones passed so far."""
        passed = sum(step >= milestone * total for milestone in self.milestones)
        return self.learning_rate * self.factor**passed


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from the rate down to `final` (Loshchilov & Hutter 2017, without restarts)."""

    final: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(math.isfinite(self.final) and self.final >= 0, "Cosine", "final is at least 0", self.final)

    def at(self, step: int, total: int) -> float:
        """The cosine at this step."""
        wave = (1 + math.cos(math.pi * step / max(1, total))) / 2
        return self.final + (self.learning_rate - self.final) * wave


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to the rate and down again in two cosine halves (Smith & Topin 2018).

    Args:
        warm_up: share of the training spent rising.
        start_divisor: the first rate is learning_rate / start_divisor.
        end_divisor: the last rate is the first divided by this.
    """

    warm_up: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 1e4

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.warm_up <= 1, "OneCycle", "warm_up lies between 0 and 1", self.warm_up)
        for rule, value in (("start_divisor", self.start_divisor), ("end_divisor", self.end_divisor)):
            require(math.isfinite(value) and value >= 1, "OneCycle", f"{rule} is at least 1", value)

    def at(self, step: int, total: int) -> float:
        """The cycle at this step."""
        start = self.learning_rate / self.start_divisor
        peak = self.warm_up * total - 1
        if step <= peak:
            return _cosine_between(start, self.learning_rate, step / peak if peak > 0 else 1.0)
        falling = (step - peak) / max(1.0, total - 1 - peak)
        return _cosine_between(self.learning_rate, start / self.end_divisor, min(1.0, falling))


def _cosine_between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": StepDecay,
    "cosine": Cosine,
    "one-cycle": OneCycle,
}


def schedule(rule: str | Schedule, learning_rate: float) -> Schedule:
    """A schedule by its name in SCHEDULES at this learning rate, or the schedule itself."""
    if isinstance(rule, Schedule):
        return rule
    if rule not in SCHEDULES:
        raise UnknownNameError("schedule", rule, SCHEDULES)
    return SCHEDULES[rule](learning_rate)
