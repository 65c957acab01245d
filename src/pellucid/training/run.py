"""A training run: what was asked for, and where it stands."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pellucid.engines.engine import Program, StepReport
from pellucid.model import Model
from pellucid.training.batches import Feed
from pellucid.training.history import EpochRecord, History
from pellucid.training.inputs import TrainingData
from pellucid.training.metrics import evaluate
from pellucid.training.settings import Settings


@dataclass
class EpochTotals:
    """Sums over the steps of the epoch under way.

    Attributes:
        loss: loss of each step times its images; added up step by step, so that it does not matter how many
            steps a call does.
        correct: images whose largest output was their class.
        images: trained on.
        seconds: spent.
    """

    loss: float = 0.0
    correct: int = 0
    images: int = 0
    seconds: float = 0.0

    def add(self, report: StepReport, seconds: float) -> None:
        """Count some steps."""
        for loss, correct, images in zip(
            report.losses.tolist(), report.correct.tolist(), report.images.tolist(), strict=True
        ):
            self.loss += loss * images
            self.correct += correct
            self.images += images
        self.seconds += seconds

    @property
    def mean_loss(self) -> float:
        """Mean over the images so far; 0 before the first."""
        return self.loss / max(1, self.images)

    @property
    def accuracy(self) -> float:
        """Share of correct images so far; 0 before the first."""
        return self.correct / max(1, self.images)

    @property
    def images_per_second(self) -> float:
        """Images trained on in a second; 0 before the first."""
        return self.images / self.seconds if self.seconds > 0 else 0.0


@dataclass
class Run:
    """Where a run stands; callbacks read it.

    Attributes:
        model: receives the program's parameters after each epoch, before each checkpoint and at the end.
        program: trains.
        settings: what was asked for.
        data: what is read.
        feed: hands it out, step by step.
        output: folder of the checkpoints as it was named, or None.
        step: steps done since training began.
        totals: of the epoch under way.
        records: of the finished epochs.
        notes: what a person should know before it goes on, one sentence each.
    """

    model: Model
    program: Program
    settings: Settings
    data: TrainingData
    feed: Feed
    output: str | None = None
    step: int = 0
    totals: EpochTotals = field(default_factory=EpochTotals)
    records: list[EpochRecord] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Number of the epoch under way, from 1; of the last one when all are done."""
        return min(len(self.records) + 1, self.settings.epochs)

    @property
    def finished(self) -> bool:
        """Whether every epoch is done."""
        return len(self.records) == self.settings.epochs

    @property
    def history(self) -> History:
        """The finished epochs."""
        return History(self.model.name, self.data.name, tuple(self.records))

    @property
    def classified(self) -> bool:
        """Whether targets are classes, so that there is an accuracy."""
        return self.data.examples.targets.dtype.kind in "iu"

    def advance(self, most: int) -> StepReport:
        """Do some steps of the epoch under way, at most so many."""
        settings = self.settings
        started = time.perf_counter()
        batches = self.feed.take(self.step, most)
        report = self.program.train_steps(
            batches.examples,
            batches.indices,
            batch_size=settings.batch_size,
            learning_rates=[settings.learning_rate_at(self.step + k) for k in range(batches.steps)],
            first_step=self.step,
        )
        self.totals.add(report, time.perf_counter() - started)
        self.step += len(report.losses)
        return report

    def read_back(self) -> None:
        """Put the program's parameters into the model."""
        self.model.set_parameters(self.program.read_parameters())

    def close_epoch(self) -> EpochRecord:
        """Read the parameters back, evaluate on the held-out images and record the epoch."""
        self.read_back()
        test = self.data.test
        held_out = evaluate(self.model, test, self.settings.objective) if test is not None else None
        record = EpochRecord(
            epoch=self.epoch,
            loss=self.totals.mean_loss,
            accuracy=self.totals.accuracy if self.classified else None,
            test_loss=held_out.loss if held_out else None,
            test_accuracy=held_out.accuracy if held_out else None,
            seconds=self.totals.seconds,
            images_per_second=self.totals.images_per_second,
        )
        self.records.append(record)
        self.totals = EpochTotals()
        return record
