"""Training, over the WebSocket."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class TrainWish(TypedDict):
    """What the page sends over the WebSocket.

    "open": load data, begin a run of a model; "step", "epoch", "run": go on by so much; "pause"; "scrub":
    show the model as it was at a step; "close".
    """

    action: Literal["open", "step", "epoch", "run", "pause", "scrub", "close"]
    model: NotRequired[str]
    data: NotRequired[str]
    epochs: NotRequired[int]
    step: NotRequired[int]


class TrainState(TypedDict):
    """What the server answers and reports on the way.

    model: id of the model at `step`, to be traced like any other. moments: steps that can be scrubbed to.
    losses, accuracies: (step, number) pairs; accuracies are of held-out images.
    """

    status: Literal["ready", "running", "paused", "finished", "failed", "scrubbed"]
    model: str
    step: int
    epoch: int
    epochs: int
    steps_per_epoch: int
    images_per_second: float
    loss: float | None
    accuracy: float | None
    losses: list[tuple[int, float]]
    accuracies: list[tuple[int, float]]
    moments: list[int]
    problem: str | None
