"""The training loop."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter

from numpy.typing import ArrayLike

from pellucid.augmentation import Augmentation
from pellucid.data import Dataset
from pellucid.engines.engine import CompileOptions, Purpose
from pellucid.errors import DataError
from pellucid.model import Model
from pellucid.objectives import Objective
from pellucid.optimizers import Optimizer, Schedule
from pellucid.training.batches import Feed
from pellucid.training.callbacks import Callback, Callbacks
from pellucid.training.checkpoint import Checkpoints
from pellucid.training.diagnose import non_finite_error
from pellucid.training.history import History
from pellucid.training.inputs import TrainingData, training_data
from pellucid.training.interrupt import InterruptNotice, TrainingInterruptedError
from pellucid.training.run import Run
from pellucid.training.settings import Settings, choose_recipe, settings_of
from pellucid.tuning import ALGORITHMS

CALL_SECONDS = 0.15
"""Work that one call of the engine is given: long enough to cost nothing, short enough for Ctrl-C."""


def train(
    model: Model,
    data: Dataset | tuple[ArrayLike, ArrayLike],
    *,
    epochs: int = 10,
    batch_size: int | None = None,
    loss: str | Objective | None = None,
    loss_weights: Sequence[float] | None = None,
    optimizer: str | Optimizer | None = None,
    schedule: str | Schedule | None = None,
    learning_rate: float | None = None,
    augment: str | Augmentation | Sequence[Augmentation] | None = None,
    algorithms: Mapping[str, str] | None = None,
    tune: bool = False,
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
    resume: bool = False,
    checkpoint_every: int | None = None,
    progress: bool = True,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Train a model by mini-batches, in place.

    Same settings, engine, instruction set, threads and tuning: same bits, interrupted or not. A resumed run
    goes on with the tunings that it began with.

    Args:
        model: with one input; of several outputs the first counts, and those that loss_weights names. What is
            None below comes from its recipe, and the recipe used stays with it.
        data: a data set, fitted to the model's input, whose held-out part is evaluated after each epoch; or a
            pair (images, targets): (N, *shape) float32 or uint8 (read as value / 255), and (N,) classes or
            (N, *output shape) numbers.
        epochs: passes over the data.
        batch_size: images a step.
        loss: a name in OBJECTIVES, or an Objective.
        loss_weights: one an output, of its loss in J; empty for the first output's alone.
        optimizer: a name in OPTIMIZERS, or an Optimizer.
        schedule: a name in SCHEDULES, or a Schedule.
        learning_rate: of the schedule.
        augment: random changes to the images trained on, in order: augmentations such as PadCrop(4), or words
            for them such as "pad-crop:4,flip"; () for none. See pellucid/augmentation.py.
        algorithms: forced on convolutions, by node; the others' are what the model was tuned to, or chosen.
        tune: time layouts and algorithms for this workload first, see `Model.tune`; the model keeps them.
        seed: of the order of the images, of augmentation and of dropout.
        output: folder for checkpoints, the model and the history; see training/checkpoint.py.
        resume: go on from the checkpoint in `output`, with the same settings.
        checkpoint_every: steps between checkpoints; one an epoch when left out.
        progress: show a bar, or lines where the output is not a terminal.
        callbacks: told of events, see Callback.

    Raises:
        DataError: data, settings or a folder that cannot be used as asked.
        NonFiniteError: a NaN or an infinity arose; weights are as they were before that step.
        TrainingInterruptedError: Ctrl-C, after a checkpoint.
    """
    if resume and tune:
        raise DataError("a run is tuned (--tune) when it begins; a resumed one goes on as it was tuned then")
    inputs = training_data(model, data)
    recipe = choose_recipe(
        model.recipe,
        batch_size=batch_size,
        loss=loss,
        loss_weights=loss_weights,
        rule=optimizer,
        rates=schedule,
        learning_rate=learning_rate,
        augment=augment,
    )
    settings = settings_of(model, inputs, recipe, epochs, seed, tuple(sorted((algorithms or {}).items())))
    checkpoints = Checkpoints(output, settings, checkpoint_every, resume=resume) if output else None
    if checkpoints and resume:
        checkpoints.restore_tunings(model)
    notes = [_tuned(model, settings)] if tune else []
    run = _new_run(model, inputs, settings, None if output is None else os.fspath(output))
    run.notes.extend(notes)
    if checkpoints and resume:
        checkpoints.restore(run)
    _train(run, checkpoints, Callbacks((*_display(progress), *callbacks)))
    return run.history


def _tuned(model: Model, settings: Settings) -> str:
    """Tune the model for the run; says what came of it."""
    model.recipe = settings.recipe
    tuning = model.tune(batch_size=settings.batch_size, training=True)
    algorithms = [algorithm for _, algorithm in tuning.algorithms]
    counts = [f", {algorithms.count(name)} x {name}" for name in ALGORITHMS if name in algorithms]
    return f"tuned for {tuning}: {tuning.layout}{''.join(counts)}"


def _new_run(model: Model, data: TrainingData, settings: Settings, output: str | None) -> Run:
    recipe = settings.recipe
    options = CompileOptions(
        capacity=settings.batch_size,
        purpose=Purpose.TRAINING,
        objective=recipe.objective,
        loss_weights=recipe.loss_weights,
        optimizer=recipe.optimizer,
        seed=settings.seed,
        algorithms=settings.algorithms,
        tunings=model.tunings,
    )
    # Not model.program(): a program of an earlier run would bring its momentum along.
    program = model.engine.compile(model.graph, options)
    program.write_parameters(model.parameters)
    model.recipe = recipe
    model.class_names = model.class_names or data.class_names
    return Run(model, program, settings, data, Feed(data, settings), output)


def _display(progress: bool) -> tuple[Callback, ...]:
    if not progress:
        return ()
    from pellucid.training.progress import progress_display

    return (progress_display(),)


def _train(run: Run, checkpoints: Checkpoints | None, events: Callbacks) -> None:
    pace = Pace()
    try:
        events.start(run)
        with run.feed, InterruptNotice() as interrupt:
            if run.step == 0:
                _save(run, checkpoints, events)
            while not run.finished:
                _train_epoch(run, checkpoints, events, interrupt, pace)
    finally:
        run.read_back()
        events.end(run)


def _train_epoch(
    run: Run, checkpoints: Checkpoints | None, events: Callbacks, interrupt: InterruptNotice, pace: Pace
) -> None:
    end = run.epoch * run.settings.steps_per_epoch
    while run.step < end:
        count = min(pace.steps, end - run.step)
        if (asked := events.next_step(run)) is not None:
            count = min(count, asked - run.step)
        if checkpoints:
            count = checkpoints.steps_until_due(run.step, count)
        started = perf_counter()
        report = run.advance(count)
        pace.measured(len(report.losses), perf_counter() - started)
        events.steps(run, report)
        if report.non_finite is not None:
            _save(run, checkpoints, events)
            raise non_finite_error(run)
        if interrupt.requested:
            _stop(run, checkpoints, events)
        if checkpoints and checkpoints.due(run.step):
            _save(run, checkpoints, events)
    events.epoch(run, run.close_epoch())
    if checkpoints and (run.finished or checkpoints.every is None):
        _save(run, checkpoints, events)


def _save(run: Run, checkpoints: Checkpoints | None, events: Callbacks) -> None:
    if checkpoints:
        run.read_back()
        events.checkpoint(run, checkpoints.save(run))


def _stop(run: Run, checkpoints: Checkpoints | None, events: Callbacks) -> None:
    _save(run, checkpoints, events)
    events.interrupted(run)
    where = (
        f"interrupted after step {run.step:,} of {run.settings.total_steps:,} "
        f"(epoch {run.epoch} of {run.settings.epochs})"
    )
    how = (
        f"saved in {run.output}; resume=True (on the command line --resume) goes on to the same bits"
        if run.output
        else "nothing was saved, as there is no output folder; the model holds the weights so far"
    )
    raise TrainingInterruptedError(f"{where}; {how}", where=where, step=run.step, output=run.output)


class Pace:
    """How many steps a call of the engine does: CALL_SECONDS' worth, by the speed of the last call.

    It shapes only when Python has its turn, never the numbers.
    """

    def __init__(self) -> None:
        self.steps = 1

    def measured(self, steps: int, seconds: float) -> None:
        """A call did so many steps in so many seconds."""
        affordable = int(CALL_SECONDS * steps / max(seconds, 1e-9))
        self.steps = max(1, min(affordable, 8 * self.steps))
