"""The named events of a training run, and what listens to them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pellucid.engines.engine import StepReport
    from pellucid.training.history import EpochRecord
    from pellucid.training.run import Run


class Callback:
    """Base of everything that listens; each method is one event and does nothing here.

    Order: start; then for each epoch steps (several times) and epoch, with checkpoint after the steps or the
    epoch that it saved; interrupted after Ctrl-C; end, always last. `run` is for reading.

    Example:
        >>> from pellucid.training import Callback
        >>> class PrintLoss(Callback):
        ...     def epoch(self, run, record):
        ...         print(record.epoch, record.loss)
    """

    def start(self, run: Run) -> None:
        """Everything is ready; a resumed run already stands at its step."""

    def next_step(self, run: Run) -> int | None:
        """A step after which `steps` must be called; None where any will do, and those that are past too."""
        return None

    def steps(self, run: Run, report: StepReport) -> None:
        """Some training steps are done; how many a call does depends on the machine, and on `next_step`."""

    def epoch(self, run: Run, record: EpochRecord) -> None:
        """An epoch is trained and evaluated; the model holds its parameters."""

    def checkpoint(self, run: Run, folder: Path) -> None:
        """The run is on the disk up to this step."""

    def interrupted(self, run: Run) -> None:
        """Ctrl-C stopped the run, after its checkpoint."""

    def end(self, run: Run) -> None:
        """Nothing follows; `run.finished` says whether every epoch is done, or an error ended it before."""


class Callbacks(Callback):
    """Several listeners as one, told in order."""

    def __init__(self, listeners: Iterable[Callback]) -> None:
        self.listeners = tuple(listeners)

    def start(self, run: Run) -> None:
        """Pass it on."""
        for listener in self.listeners:
            listener.start(run)

    def next_step(self, run: Run) -> int | None:
        """The first one ahead that any of them asks for."""
        asked = (listener.next_step(run) for listener in self.listeners)
        return min((step for step in asked if step is not None and step > run.step), default=None)

    def steps(self, run: Run, report: StepReport) -> None:
        """Pass it on."""
        for listener in self.listeners:
            listener.steps(run, report)

    def epoch(self, run: Run, record: EpochRecord) -> None:
        """Pass it on."""
        for listener in self.listeners:
            listener.epoch(run, record)

    def checkpoint(self, run: Run, folder: Path) -> None:
        """Pass it on."""
        for listener in self.listeners:
            listener.checkpoint(run, folder)

    def interrupted(self, run: Run) -> None:
        """Pass it on."""
        for listener in self.listeners:
            listener.interrupted(run)

    def end(self, run: Run) -> None:
        """Pass it on."""
        for listener in self.listeners:
            listener.end(run)
