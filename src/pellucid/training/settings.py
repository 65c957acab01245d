"""Everything that the numbers of a training run follow from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pellucid.augmentation import Augmentation, augmentations
from pellucid.errors import DataError, FormatError
from pellucid.formats.descriptions import describe, restore_recipe
from pellucid.graph import Graph
from pellucid.model import Model
from pellucid.objectives import Objective, objective
from pellucid.optimizers import Optimizer, Schedule, optimizer, schedule
from pellucid.recipe import Recipe
from pellucid.training.augment import require_pictures
from pellucid.training.inputs import TrainingData


@dataclass(frozen=True)
class Settings:
    """What a run was asked to do.

    Attributes:
        network: name of the model.
        architecture: sha256 of the graph's nodes and wiring, in hexadecimal.
        data: name of the data set.
        images: how many there are to train on.
        checksum: CRC-32 of those images and their targets.
        epochs: passes over them.
        seed: of the order of the images, of augmentation and of dropout.
        recipe: loss, update rule, learning rates, batch size and augmentation.
        algorithms: (node, algorithm) pairs that are forced.
    """

    network: str
    architecture: str
    data: str
    images: int
    checksum: int
    epochs: int
    seed: int
    recipe: Recipe
    algorithms: tuple[tuple[str, str], ...] = ()

    @property
    def batch_size(self) -> int:
        """Images a step, at most all; the last step of an epoch takes what is left."""
        return min(self.recipe.batch_size, self.images)

    @property
    def objective(self) -> Objective:
        """The loss."""
        return self.recipe.objective

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one pass."""
        return -(-self.images // self.batch_size)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of one step, from 0."""
        return self.recipe.schedule.at(step, self.total_steps)

    def differences(self, other: Settings) -> list[str]:
        """What a run with `other` would do differently, one phrase each."""
        ours, theirs = self._named(), other._named()
        return [f"{name} = {ours[name]}, not {theirs[name]}" for name in ours if ours[name] != theirs[name]]

    def _named(self) -> dict[str, object]:
        recipe = self.recipe
        return {
            "network": f"{self.network} (description {self.architecture[:8]})",
            "data": f"{self.data} ({self.images} images, checksum {self.checksum:08x})",
            "epochs": self.epochs,
            "batch_size": recipe.batch_size,
            "loss": recipe.objective,
            "loss_weights": recipe.loss_weights,
            "optimizer": recipe.optimizer,
            "schedule": recipe.schedule,
            "augment": ", ".join(map(str, recipe.augmentations)) or "none",
            "seed": self.seed,
            "algorithms": ", ".join(f"{node}={algorithm}" for node, algorithm in self.algorithms) or "none",
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return {
            "network": self.network,
            "architecture": self.architecture,
            "data": self.data,
            "images": self.images,
            "checksum": self.checksum,
            "epochs": self.epochs,
            "seed": self.seed,
            "recipe": describe(self.recipe),
            "algorithms": [list(pair) for pair in self.algorithms],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Settings:
        """The settings that `to_json` described.

        Raises:
            FormatError: a value is missing or unknown.
        """
        try:
            return cls(
                network=str(values["network"]),
                architecture=str(values["architecture"]),
                data=str(values["data"]),
                images=int(values["images"]),
                checksum=int(values["checksum"]),
                epochs=int(values["epochs"]),
                seed=int(values["seed"]),
                recipe=restore_recipe(values["recipe"]),
                algorithms=tuple((str(node), str(name)) for node, name in values.get("algorithms", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"training settings: not as Pellucid writes them: {error}") from None


def choose_recipe(
    base: Recipe,
    *,
    batch_size: int | None = None,
    loss: str | Objective | None = None,
    loss_weights: Sequence[float] | None = None,
    rule: str | Optimizer | None = None,
    rates: str | Schedule | None = None,
    learning_rate: float | None = None,
    augment: str | Augmentation | Sequence[Augmentation] | None = None,
) -> Recipe:
    """A recipe with what is not None replaced.

    Args:
        base: a model's own.
        batch_size: images a step.
        loss: a name or an Objective.
        loss_weights: one an output.
        rule: a name or an Optimizer.
        rates: a name or a Schedule; a name keeps the base's learning rate.
        learning_rate: of the schedule.
        augment: augmentations, or words for them, see `pellucid.augmentation.augmentations`.
    """
    chosen = base.schedule if rates is None else schedule(rates, base.schedule.learning_rate)
    if learning_rate is not None:
        chosen = replace(chosen, learning_rate=learning_rate)
    return Recipe(
        objective=base.objective if loss is None else objective(loss),
        optimizer=base.optimizer if rule is None else optimizer(rule),
        schedule=chosen,
        batch_size=base.batch_size if batch_size is None else batch_size,
        loss_weights=base.loss_weights if loss_weights is None else tuple(loss_weights),
        augmentations=base.augmentations if augment is None else augmentations(augment),
    )


def settings_of(
    model: Model,
    data: TrainingData,
    recipe: Recipe,
    epochs: int,
    seed: int,
    algorithms: tuple[tuple[str, str], ...] = (),
) -> Settings:
    """The settings of a run.

    Raises:
        DataError: a number of epochs or a seed that cannot be, or images that cannot be augmented as asked.
    """
    if epochs < 1:
        raise DataError(f"training takes at least 1 epoch, received {epochs}")
    if not 0 <= seed < 2**64:
        raise DataError(f"a seed is at least 0 and less than 2^64, received {seed}")
    require_pictures(recipe.augmentations, data.picture_shape)
    return Settings(
        network=model.name,
        architecture=_digest(model.graph),
        data=data.name,
        images=len(data.examples.images),
        checksum=data.checksum,
        epochs=epochs,
        seed=seed,
        recipe=recipe,
        algorithms=algorithms,
    )


def _digest(graph: Graph) -> str:
    nodes = [[node.name, describe(node.layer), list(node.inputs)] for node in graph.nodes]
    return hashlib.sha256(json.dumps([nodes, graph.outputs], sort_keys=True).encode()).hexdigest()
