"""A training run that goes on only as far as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

from pellucid.training.callbacks import Callback

if TYPE_CHECKING:
    from pellucid.engines.engine import StepReport
    from pellucid.training.history import EpochRecord
    from pellucid.training.run import Run

REPORT_SECONDS = 0.25
"""Between two reports of a run that goes on by itself."""


class StoppedError(Exception):
    """The run was ended from outside."""


class Conductor(Callback):
    """Holds a run until it may go on; told of by whoever watches, obeyed between two steps.

    Args:
        report: told that the run stands still or has moved: called in the run's own thread.
    """

    def __init__(self, report: Callable[[Run, bool], None]) -> None:
        self._report = report
        self._changed = threading.Condition()
        self._until: int | None = 0
        self._stopped = False
        self._last = 0.0
        self.losses: list[tuple[int, float]] = []
        self.accuracies: list[tuple[int, float]] = []

    # ---- commands, from any thread

    def allow(self, step: int | None) -> None:
        """Go on until so many steps are done; None for the end."""
        with self._changed:
            self._until = step
            self._changed.notify_all()

    def pause(self) -> None:
        """Go no further than the steps under way."""
        self.allow(0)

    def stop(self) -> None:
        """End the run."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wait_for_stop(self) -> None:
        """Return when the run is ended from outside."""
        with self._changed:
            while not self._stopped:
                self._changed.wait()

    # ---- events, in the run's thread

    def start(self, run: Run) -> None:
        """Wait for the first command."""
        self._wait(run)

    def next_step(self, run: Run) -> int | None:
        """The step up to which it may go."""
        with self._changed:
            return self._until

    def steps(self, run: Run, report: StepReport) -> None:
        """Take note of the losses, and wait where it may not go on."""
        first = run.step - len(report.losses)
        self.losses += [(first + k + 1, float(loss)) for k, loss in enumerate(report.losses)]
        # The end of an epoch waits until the epoch is counted and evaluated.
        if run.step % run.settings.steps_per_epoch:
            self._wait(run)

    def epoch(self, run: Run, record: EpochRecord) -> None:
        """Take note of the accuracy."""
        if record.test_accuracy is not None:
            self.accuracies.append((run.step, record.test_accuracy))
        if not run.finished:
            self._wait(run)

    def _wait(self, run: Run) -> None:
        """Say where the run stands, and return when it may go on."""
        if not self._holds(run) and perf_counter() - self._last >= REPORT_SECONDS:
            self._tell(run, held=False)
        # A command may come while something is told: what stands still then has been told of, too.
        while self._holds(run):
            self._tell(run, held=True)
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._goes_on(run))

    def _holds(self, run: Run) -> bool:
        with self._changed:
            if self._stopped:
                raise StoppedError
            return not self._goes_on(run)

    def _goes_on(self, run: Run) -> bool:
        return self._until is None or run.step < self._until

    def _tell(self, run: Run, *, held: bool) -> None:
        self._report(run, held)
        self._last = perf_counter()
