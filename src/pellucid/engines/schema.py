"""What a program says about itself: its steps, the choices behind them, and the memory that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class PlannedStep:
    """One thing a program does.

    Attributes:
        node: that it serves.
        operation: what it is, in the engine's words.
        layout: how its arrays lie, in the engine's words.
        prepared: whether it is done only when parameters have changed, not in every run.
    """

    node: str
    operation: str
    layout: str
    prepared: bool = False


class Origin(Enum):
    """Where a decision comes from."""

    CHOSEN = "chosen"
    """by a cost model, the same whenever and wherever it is asked."""
    TUNED = "tuned"
    """measured once and kept with the model."""
    FORCED = "forced"
    """asked for by the user."""


@dataclass(frozen=True)
class Decision:
    """One of the choices behind a plan.

    Attributes:
        node: the convolution whose algorithm it is; None for the layout of the network's arrays.
        choice: the algorithm or the layout, in the engine's words.
        origin: where it comes from.
    """

    node: str | None
    choice: str
    origin: Origin


@dataclass(frozen=True)
class Schema:
    """What a program does, and the memory that it takes.

    Attributes:
        steps: in order.
        state_bytes: parameters, statistics, the optimiser's arrays, and what is prepared from them.
        workspace_bytes: everything else that one run needs.
        decisions: the layout, then every convolution's algorithm; none where an engine has nothing to decide.
    """

    steps: tuple[PlannedStep, ...]
    state_bytes: int
    workspace_bytes: int
    decisions: tuple[Decision, ...] = ()

    @property
    def nbytes(self) -> int:
        """Memory in all, besides images and results."""
        return self.state_bytes + self.workspace_bytes
