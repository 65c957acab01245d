"""How a network is trained unless its user says otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pellucid.augmentation import Augmentation
from pellucid.layers.layer import require
from pellucid.objectives import CrossEntropy, Objective
from pellucid.optimizers import SGD, OneCycle, Optimizer, Schedule


@dataclass(frozen=True)
class Recipe:
    """Loss, update rule, learning rates, batch size and augmentation: they travel with a model.

    Attributes:
        loss_weights: one an output, of its loss in J = sum_i weight_i J_i, every output against the same
            targets; the first output's loss alone when empty.
    """

    objective: Objective = CrossEntropy()
    optimizer: Optimizer = SGD(momentum=0.9)
    schedule: Schedule = OneCycle(0.05)
    batch_size: int = 64
    loss_weights: tuple[float, ...] = ()
    augmentations: tuple[Augmentation, ...] = ()

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "Recipe", "batch_size is at least 1", self.batch_size)
        valid = all(math.isfinite(weight) and weight >= 0 for weight in self.loss_weights)
        require(valid, "Recipe", "loss_weights are numbers of at least 0", self.loss_weights)
