"""States of a training run as messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pellucid.studio.messages import TrainState

Status = Literal["ready", "running", "paused", "finished", "failed", "scrubbed"]

Points = Sequence[tuple[int, float]]
"""(step, number)."""

MOST_POINTS = 1000
"""Of a curve that is sent."""


def state_of(status: Status, model: str = "", *, epochs: int = 0, problem: str | None = None) -> TrainState:
    """A state in which nothing has been trained."""
    return {
        "status": status,
        "model": model,
        "step": 0,
        "epoch": 1,
        "epochs": epochs,
        "steps_per_epoch": 0,
        "images_per_second": 0.0,
        "loss": None,
        "accuracy": None,
        "losses": [],
        "accuracies": [],
        "moments": [],
        "problem": problem,
    }


def thinned(points: Points) -> list[tuple[int, float]]:
    """At most MOST_POINTS of them, evenly, the last included."""
    stride = -(-len(points) // MOST_POINTS) or 1
    return list(points[(len(points) - 1) % stride :: stride]) if points else []


def latest(points: Points, step: int) -> float | None:
    """The last number up to a step."""
    return next((value for place, value in reversed(points) if place <= step), None)
