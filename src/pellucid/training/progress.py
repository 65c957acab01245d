"""What a person sees of a training run: a bar, or lines where the output is not a terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from pellucid.engines.engine import StepReport
from pellucid.training.callbacks import Callback
from pellucid.training.history import EpochRecord
from pellucid.training.run import Run

LINE_SECONDS = 5.0
"""Least time between two lines within an epoch, where there is no bar."""


def progress_display(console: Console | None = None) -> Callback:
    """The display that suits the output; standard output when no console is given."""
    console = console or Console(highlight=False)
    return Bar(console) if console.is_terminal else Lines(console)


def epoch_line(run: Run, record: EpochRecord) -> str:
    """One finished epoch."""
    parts = [f"loss {record.loss:.4f}"]
    if record.accuracy is not None:
        parts.append(f"accuracy {record.accuracy:.2%}")
    if record.test_loss is not None and record.test_accuracy is not None:
        parts.append(f"held out: loss {record.test_loss:.4f}, accuracy {record.test_accuracy:.2%}")
    parts.append(f"{record.images_per_second:,.0f} images/s")
    width = len(str(run.settings.epochs))
    return f"epoch {record.epoch:{width}}/{run.settings.epochs}  {'  '.join(parts)}"


def running_text(run: Run, seconds_left: float | None) -> str:
    """The epoch under way, in numbers."""
    totals = run.totals
    parts = [f"loss {totals.mean_loss:.4f}"]
    if run.classified:
        parts.append(f"accuracy {totals.accuracy:.2%}")
    parts.append(f"{totals.images_per_second:,.0f} images/s")
    if seconds_left is not None:
        parts.append(f"{duration(seconds_left)} left")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """For people: "8 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Clock:
    """Time left of a run, by the steps done since it was started here, evaluations included."""

    def __init__(self, run: Run) -> None:
        self._started = time.monotonic()
        self._first = run.step

    def seconds_left(self, run: Run) -> float | None:
        """None before the first step."""
        done = run.step - self._first
        left = run.settings.total_steps - run.step
        return (time.monotonic() - self._started) * left / done if done else None


class Lines(Callback):
    """One line an epoch, and within long epochs one every LINE_SECONDS."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._clock: Clock | None = None
        self._last = 0.0

    def start(self, run: Run) -> None:
        """Print what a person should know first."""
        self._clock, self._last = Clock(run), time.monotonic()
        for note in run.notes:
            self._print(note)

    def steps(self, run: Run, report: StepReport) -> None:
        """Print a line if the last one is old."""
        if time.monotonic() - self._last >= LINE_SECONDS and self._clock is not None:
            text = running_text(run, self._clock.seconds_left(run))
            epoch = f"epoch {run.epoch}/{run.settings.epochs}"
            self._print(f"{epoch}  step {run.step:,} of {run.settings.total_steps:,}  {text}")

    def epoch(self, run: Run, record: EpochRecord) -> None:
        """Print the epoch's line."""
        self._print(epoch_line(run, record))

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)
        self._last = time.monotonic()


class Bar(Callback):
    """A bar for the whole run, with the finished epochs above it."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[numbers]}"),
            console=console,
            transient=True,
            expand=True,
        )
        self._task: TaskID | None = None
        self._clock: Clock | None = None

    def start(self, run: Run) -> None:
        """Draw the bar under what a person should know first."""
        self._clock = Clock(run)
        for note in run.notes:
            self._print(note)
        if not run.finished:
            self._task = self._progress.add_task(
                self._label(run), total=run.settings.total_steps, completed=run.step, numbers=""
            )
            self._progress.start()

    def steps(self, run: Run, report: StepReport) -> None:
        """Move the bar."""
        if self._task is not None and self._clock is not None:
            numbers = running_text(run, self._clock.seconds_left(run))
            self._progress.update(
                self._task, completed=run.step, description=self._label(run), numbers=numbers
            )

    def epoch(self, run: Run, record: EpochRecord) -> None:
        """Print the epoch's line above the bar."""
        self._print(epoch_line(run, record))

    def end(self, run: Run) -> None:
        """Take the bar away."""
        self._progress.stop()

    def _label(self, run: Run) -> str:
        return f"epoch {run.epoch}/{run.settings.epochs}"

    def _print(self, text: str) -> None:
        self._progress.console.print(text, soft_wrap=True, markup=False, highlight=False)
