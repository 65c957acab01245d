"""What a training run leaves behind for people: one record an epoch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pellucid.errors import FormatError
from pellucid.storage import write_bytes


@dataclass(frozen=True)
class EpochRecord:
    """One epoch.

    Attributes:
        epoch: number, from 1.
        loss: mean over the epoch's images, each by the weights before its own step.
        accuracy: share of those images whose largest output was their class; None where targets are arrays.
        test_loss: mean over the held-out images after the epoch; None where there are none.
        test_accuracy: likewise.
        seconds: spent on the training steps, evaluation and checkpoints apart.
        images_per_second: images trained on in each of those seconds.
    """

    epoch: int
    loss: float
    accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    seconds: float
    images_per_second: float


@dataclass(frozen=True)
class History:
    """A run, epoch by epoch.

    Attributes:
        network: name of the model.
        data: name of the data set.
        epochs: the finished ones, in order.
    """

    network: str
    data: str
    epochs: tuple[EpochRecord, ...] = ()

    @property
    def seconds(self) -> float:
        """Spent on training steps in all."""
        return sum(record.seconds for record in self.epochs)

    @property
    def images_per_second(self) -> float:
        """Mean over the whole run; 0 before the first epoch is finished."""
        images = sum(record.images_per_second * record.seconds for record in self.epochs)
        return images / self.seconds if self.seconds > 0 else 0.0

    def show(self) -> Any:
        """The run's curves in a notebook's cell: a Jupyter widget.

        Raises:
            DataError: the extra [notebook] is not installed.
        """
        from pellucid.notebook import show

        return show(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return {"network": self.network, "data": self.data, "epochs": [asdict(e) for e in self.epochs]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> History:
        """The history that `to_json` described.

        Raises:
            FormatError: a value is missing or unknown.
        """
        try:
            epochs = tuple(EpochRecord(**record) for record in values["epochs"])
            return cls(str(values["network"]), str(values["data"]), epochs)
        except (KeyError, TypeError) as error:
            raise FormatError(f"history: not as Pellucid writes it: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON."""
        write_bytes(path, (json.dumps(self.to_json(), indent=2) + "\n").encode())
