"""How many images a second does a training step take in, beside PyTorch?

Both start from the same weights and see the same batches, drawn from images in memory, with SGD and momentum
on every core. Pellucid gathers its batches from bytes. PyTorch indexes a float tensor that is made
beforehand, in channels-last or in the usual layout, whichever turns out better, and updates by its fused
kernel. The losses of the first steps are compared before anything is measured.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.machine import available_cores
from benchmarks.measurement import SECONDS_A_MEASUREMENT, DisagreementError, Outcome, Row, interleaved
from benchmarks.networks import without_dropout
from benchmarks.torch_networks import torch_network
from pellucid import data, zoo
from pellucid.engines import select
from pellucid.engines.engine import CompileOptions, Examples, Program, Purpose
from pellucid.graph import Graph
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

TOLERANCE = 1e-3
"""Largest relative difference of the losses of one step."""

MOMENTUM = 0.9

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Task:
    """What is trained, and how.

    Attributes:
        network: a name of the zoo.
        batch_size: images a step.
        steps: a pass over the images takes.
        compared_steps: whose losses must agree; few where differences of rounding grow fast.
        learning_rate: small enough that no contestant diverges, however often the pass is repeated, and
            that rounding stays within TOLERANCE in the first steps (at 0.01 that of ResNet-50 does not:
            not between PyTorch's own two layouts either).
    """

    network: str
    batch_size: int
    steps: int
    compared_steps: int = 2
    learning_rate: float = 0.001


TASKS = {
    "lenet5-train/b64": Task("lenet5", 64, 200, compared_steps=20, learning_rate=0.01),
    "lenet5-train/b256": Task("lenet5", 256, 50, compared_steps=20, learning_rate=0.01),
    "train-tiny-vgg": Task("tiny-vgg", 64, 16, compared_steps=5, learning_rate=0.01),
    "train-resnet20": Task("resnet20", 128, 8, learning_rate=0.01),
    "train-alexnet": Task("alexnet", 16, 4),
    "train-resnet18": Task("resnet18", 16, 4, compared_steps=3, learning_rate=0.01),
    "train-resnet50": Task("resnet50", 16, 4, learning_rate=0.0001),
    "train-vgg16": Task("vgg16", 16, 4, learning_rate=0.0003),
}


@dataclass(frozen=True)
class Batches:
    """What both contestants train on: images, and the numbers of those in each batch, in order."""

    examples: Examples
    indices: NDArray[np.int64]
    batch_size: int

    @property
    def steps(self) -> int:
        """Batches."""
        return len(self.indices) // self.batch_size

    def first(self, steps: int) -> Batches:
        """Only so many."""
        return Batches(self.examples, self.indices[: steps * self.batch_size], self.batch_size)


def digit_examples() -> Examples:
    """The digits at 28 x 28, repeated until there are as many as in MNIST."""
    train = data.load("digits").fit((1, 28, 28)).train
    pixels = np.resize(train.pixels, (60_000, *train.pixels.shape[1:]))
    return Examples(pixels, np.resize(train.labels, len(pixels)))


def random_examples(shape: Sequence[int], classes: int, images: int) -> Examples:
    """Noise with random classes: time does not depend on what is seen."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (images, *shape), np.uint8)
    return Examples(pixels, random.integers(0, classes, images))


class Ours:
    """Pellucid: all steps in one call."""

    def __init__(
        self, graph: Graph, parameters: Mapping[str, Float32], batches: Batches, task: Task, threads: int
    ) -> None:
        options = CompileOptions(
            capacity=task.batch_size,
            purpose=Purpose.TRAINING,
            objective=CrossEntropy(),
            optimizer=SGD(momentum=MOMENTUM),
        )
        self.program: Program = select("native", threads=threads).compile(graph, options)
        self.program.write_parameters(parameters)
        self.batches = batches
        self.task = task

    def losses(self, steps: int) -> list[float]:
        """J of the first so many steps."""
        batches = self.batches.first(steps)
        report = self.program.train_steps(
            batches.examples,
            batches.indices,
            batch_size=batches.batch_size,
            learning_rates=[self.task.learning_rate] * batches.steps,
        )
        if report.non_finite is not None:
            raise DisagreementError(f"Pellucid's step {report.non_finite} met a NaN or an infinity")
        return [float(loss) for loss in report.losses]


class Theirs:
    """PyTorch: the usual loop."""

    def __init__(self, model: nn.Module, batches: Batches, task: Task, layout: torch.memory_format) -> None:
        self.model = model.to(memory_format=layout)
        rate = task.learning_rate
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=rate, momentum=MOMENTUM, fused=True)
        images = torch.from_numpy(batches.examples.images).float() * (1 / 255)
        self.images = images.to(memory_format=layout)
        self.labels = torch.from_numpy(batches.examples.targets)
        self.batches = batches
        self.indices = torch.from_numpy(batches.indices)

    def losses(self, steps: int) -> list[float]:
        """J of the first so many steps."""
        losses, criterion = [], nn.CrossEntropyLoss()
        for batch in torch.split(self.indices, self.batches.batch_size)[:steps]:
            loss = criterion(self.model(self.images[batch]), self.labels[batch])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
        return [loss.item() for loss in losses]


def images_a_second(contestant: Ours | Theirs) -> float:
    """Over as many steps as fill SECONDS_A_MEASUREMENT, or all of a pass."""
    steps = 1
    while True:
        started = time.perf_counter()
        contestant.losses(steps)
        spent = time.perf_counter() - started
        if spent >= SECONDS_A_MEASUREMENT or steps == contestant.batches.steps:
            return steps * contestant.batches.batch_size / spent
        steps = min(contestant.batches.steps, 1 + int(1.1 * steps * SECONDS_A_MEASUREMENT / spent))


def require_agreement(ours: Sequence[float], theirs: Sequence[float], peer: str) -> None:
    """Raise unless both report the same losses, step by step."""
    for step, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if not abs(a - b) <= TOLERANCE * abs(b):
            raise DisagreementError(f"step {step}: Pellucid's loss is {a:.6f}, {peer}'s {b:.6f}")


@dataclass(frozen=True)
class Contest:
    """A task made ready: what both contestants start from."""

    task: Task
    graph: Graph
    parameters: Mapping[str, Float32]
    batches: Batches

    @classmethod
    def prepare(cls, task: Task) -> Contest:
        """Draw weights, images and their order."""
        net = zoo.create(task.network)
        shapes, needed = net.graph.shapes, task.steps * task.batch_size
        if task.network == "lenet5":
            examples = digit_examples()
        else:
            examples = random_examples(shapes["input"], shapes[net.graph.outputs[0]][0], needed)
        order = np.random.default_rng(0).permutation(len(examples.images))[:needed]
        batches = Batches(examples, order, task.batch_size)
        return cls(task, without_dropout(net.graph), net.parameters, batches)

    def ours(self, threads: int) -> Ours:
        """Pellucid on so many threads."""
        return Ours(self.graph, self.parameters, self.batches, self.task, threads)

    def theirs(self, layout: torch.memory_format) -> Theirs:
        """PyTorch in this layout."""
        model = torch_network(self.task.network, self.parameters)
        return Theirs(model, self.batches, self.task, layout)

    def better_peer(self, losses: Sequence[float]) -> tuple[str, Theirs]:
        """PyTorch in its faster layout; both must compute these losses. The slower one's memory is freed."""
        best: tuple[float, str, Theirs] | None = None
        for suffix, layout in (("", torch.contiguous_format), (" channels-last", torch.channels_last)):
            name, peer = f"PyTorch {torch.__version__}{suffix}", self.theirs(layout)
            require_agreement(losses, peer.losses(len(losses)), name)
            rate = max(images_a_second(peer) for _ in range(2))
            if best is None or rate > best[0]:
                best = (rate, name, peer)
        assert best is not None
        return best[1:]


def training(case: str, repeats: int) -> list[Outcome]:
    """One row: images a second of this task."""
    threads = available_cores()
    torch.set_num_threads(threads)
    contest = Contest.prepare(TASKS[case])
    ours = contest.ours(threads)
    name, peer = contest.better_peer(ours.losses(contest.task.compared_steps))
    measured = interleaved(
        {"ours": lambda: images_a_second(ours), "theirs": lambda: images_a_second(peer)}, repeats
    )
    return [Row(case, measured["ours"], measured["theirs"], name, "images/s", larger_is_better=True)]


def threads_case(case: str, repeats: int) -> list[Outcome]:
    """One row: Pellucid on every core beside Pellucid on one, at the task that the case names."""
    contest = Contest.prepare(TASKS[case.partition("/")[2]])
    all_threads, one = contest.ours(available_cores()), contest.ours(1)
    measured = interleaved(
        {"all": lambda: images_a_second(all_threads), "one": lambda: images_a_second(one)}, repeats
    )
    peer_name = "Pellucid, 1 thread"
    return [Row(case, measured["all"], measured["one"], peer_name, "images/s", larger_is_better=True)]
