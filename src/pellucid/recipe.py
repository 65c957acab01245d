"""How a network is trained unless its user says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.augmentation import Augmentation
from pellucid.layers.layer import require
from pellucid.objectives import CrossEntropy, Objective
from pellucid.optimizers import SGD, OneCycle, Optimizer, Schedule


@dataclass(frozen=True)
class Recipe:
    """Loss, update rule, learning rates, batch size and augmentation: they travel with a model."""

    objective: Objective = CrossEntropy()
    optimizer: Optimizer = SGD(momentum=0.9)
    schedule: Schedule = OneCycle(0.05)
    batch_size: int = 64
    augmentations: tuple[Augmentation, ...] = ()

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "Recipe", "batch_size is at least 1", self.batch_size)
