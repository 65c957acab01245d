"""Losses, as descriptions; engines compute them.

J is the mean over the batch of the loss of each image. In the formulas z is the network's output for one
image, t its class, and T its target array (for classes: 1 at the class, 0 elsewhere).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from pellucid.errors import UnknownNameError
from pellucid.layers.layer import require

__all__ = ["AbsoluteError", "CrossEntropy", "Hinge", "MaximumAPosteriori", "Objective", "SquaredError"]

OutputKind = Literal["logits", "probabilities", "scores"]


@dataclass(frozen=True)
class Objective:
    """Base of all losses."""

    formula: ClassVar[str]


@dataclass(frozen=True)
class CrossEntropy(Objective):
    """Softmax cross-entropy from logits.

    On a net that ends in Softmax it reads Softmax's input, so that delta = p - T in both cases.

    Args:
        label_smoothing: share s of the target spread over all K classes: T = (1 - s) onehot + s / K.
    """

    label_smoothing: float = 0.0

    formula: ClassVar[str] = "J = -sum_k T[k] log softmax(z)[k]"

    def __post_init__(self) -> None:
        valid = 0 <= self.label_smoothing < 1
        require(valid, "CrossEntropy", "label_smoothing is at least 0 and less than 1", self.label_smoothing)


@dataclass(frozen=True)
class SquaredError(Objective):
    """Half the squared distance to the target; delta = z - T."""

    formula: ClassVar[str] = "J = 1/2 sum_k (z[k] - T[k])^2"


@dataclass(frozen=True)
class AbsoluteError(Objective):
    """The L1 distance to the target; delta = sign(z - T), 0 where they are equal."""

    formula: ClassVar[str] = "J = sum_k |z[k] - T[k]|"


@dataclass(frozen=True)
class Hinge(Objective):
    """One-against-all hinge loss; with margin 0 the perceptron's criterion (Rosenblatt 1958).

    Targets are -1 or +1: for classes +1 at the class and -1 elsewhere. delta[k] = -T[k] where T[k] z[k] is
    less than the margin, else 0.

    Args:
        margin: by how much an output has to be on the right side of 0.
    """

    margin: float = 1.0

    formula: ClassVar[str] = "J = sum_k max(0, margin - T[k] z[k])"

    def __post_init__(self) -> None:
        valid = math.isfinite(self.margin) and self.margin >= 0
        require(valid, "Hinge", "margin is at least 0 and finite", self.margin)


@dataclass(frozen=True)
class MaximumAPosteriori(Objective):
    """LeNet-5's criterion over RBF scores z = -distance (LeCun et al. 1998, eq. 9).

    Pulls the right class's distance down and pushes the others' up, as if a rubbish class at the constant
    distance `rubbish_distance` competed too. delta[k] = exp(z[k]) / D - T[k], with D the sum in the formula.
    """

    rubbish_distance: float = 1.0

    formula: ClassVar[str] = "J = -z[t] + log(exp(-j) + sum_k exp(z[k]))"

    def __post_init__(self) -> None:
        valid = math.isfinite(self.rubbish_distance) and self.rubbish_distance >= 0
        require(
            valid, "MaximumAPosteriori", "rubbish_distance is at least 0 and finite", self.rubbish_distance
        )


OBJECTIVES: dict[str, type[Objective]] = {
    "cross_entropy": CrossEntropy,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "hinge": Hinge,
    "maximum_a_posteriori": MaximumAPosteriori,
}


def objective(loss: str | Objective) -> Objective:
    """A loss by its name in OBJECTIVES, or the loss itself."""
    if isinstance(loss, Objective):
        return loss
    if loss not in OBJECTIVES:
        raise UnknownNameError("loss", loss, OBJECTIVES)
    return OBJECTIVES[loss]()
