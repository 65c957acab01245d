"""Small networks and data for the tests of training, and for the scripts that those run and kill."""

from __future__ import annotations

import numpy as np

from pellucid.data import Dataset, Split
from pellucid.engines.engine import CompileOptions, Examples, Purpose, StepReport
from pellucid.layers import BatchNorm2d, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU
from pellucid.model import Model, Sequential
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, Cosine, Optimizer, Schedule
from pellucid.recipe import Recipe
from pellucid.training import Callback, EpochRecord, History, Run

ENGINES = ("reference", "native")

MLP: tuple[Layer, ...] = (Flatten(), Linear(8), ReLU(), Linear(3))
CONVOLUTIONAL: tuple[Layer, ...] = (
    Conv2d(4, kernel_size=3),
    BatchNorm2d(),
    ReLU(),
    MaxPool2d(2),
    Flatten(),
    Dropout(0.3),
    Linear(3),
)
EPOCH_STEPS = 7
"""Steps of an epoch: 52 images by 8."""
RECIPE = Recipe(CrossEntropy(), SGD(momentum=0.9), Cosine(0.05), batch_size=8)


def blobs(images: int = 52, test: int = 20, seed: int = 3) -> Dataset:
    """1x6x6 images of three classes: noise, brighter in the rows of the class."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, images + test)
    pixels = generator.integers(0, 120, (images + test, 1, 6, 6))
    for image, label in enumerate(labels):
        pixels[image, 0, 2 * label : 2 * label + 2] += 100
    pixels = pixels.astype(np.uint8)
    return Dataset(
        "blobs",
        Split(pixels[:images], labels[:images]),
        Split(pixels[images:], labels[images:]),
        ("a", "b", "c"),
    )


def network(layers: tuple[Layer, ...] = MLP, engine: str = "reference", recipe: Recipe = RECIPE) -> Model:
    return Sequential(*layers, input_shape=(1, 6, 6), seed=1, engine=engine, name="tiny", recipe=recipe)


class Recorder(Callback):
    """Notes the events with the step at which they came."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []
        self.reports: list[StepReport] = []

    def start(self, run: Run) -> None:
        self.events.append(("start", run.step))

    def steps(self, run: Run, report: StepReport) -> None:
        self.events.append(("steps", run.step))
        self.reports.append(report)

    def epoch(self, run: Run, record: EpochRecord) -> None:
        self.events.append(("epoch", run.step))

    def checkpoint(self, run: Run, folder: object) -> None:
        self.events.append(("checkpoint", run.step))

    def interrupted(self, run: Run) -> None:
        self.events.append(("interrupted", run.step))

    def end(self, run: Run) -> None:
        self.events.append(("end", run.step))

    def steps_of(self, name: str) -> list[int]:
        return [step for event, step in self.events if event == name]


class StopAt(Callback):
    """Fails once a step is reached, as a crash would."""

    def __init__(self, step: int) -> None:
        self.step = step

    def steps(self, run: Run, report: StepReport) -> None:
        if run.step >= self.step:
            raise CrashError


class CrashError(Exception):
    """What StopAt raises."""


def step_by_step(net: Model, steps: int, rates: Schedule, rule: Optimizer, *, epochs: int, seed: int) -> None:
    """What `train` on blobs by 8 images is defined to do: one step after the other, as far as asked."""
    data = blobs()
    options = CompileOptions(8, Purpose.TRAINING, objective=CrossEntropy(), optimizer=rule, seed=seed)
    program = net.program(options)
    for step in range(steps):
        order = np.random.default_rng([seed, step // EPOCH_STEPS]).permutation(52)
        start = step % EPOCH_STEPS * 8
        program.train_steps(
            Examples(data.train.pixels, data.train.labels),
            order[start : start + 8],
            batch_size=8,
            learning_rates=[rates.at(step, epochs * EPOCH_STEPS)],
            first_step=step,
        )
    net.set_parameters(program.read_parameters())


def same_parameters(a: Model, b: Model) -> bool:
    """Bit for bit."""
    return all(a.parameters[name].tobytes() == b.parameters[name].tobytes() for name in a.parameters)


def without_times(history: History) -> list[tuple[object, ...]]:
    """The records as far as they follow from the settings."""
    return [(r.epoch, r.loss, r.accuracy, r.test_loss, r.test_accuracy) for r in history.epochs]
