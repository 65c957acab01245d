"""How many images a second does a training step of LeNet-5 take in, beside PyTorch?

Both start from the same weights and see the same batches, drawn from 60,000 images in memory, with SGD and
momentum on every core. Pellucid gathers its batches from bytes. PyTorch indexes a float tensor that is made
beforehand, in channels-last and in the usual layout; its better one counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.machine import available_cores
from benchmarks.measurement import DisagreementError, Row, interleaved
from pellucid import data, zoo
from pellucid.engines import select
from pellucid.engines.engine import CompileOptions, Examples, Program, Purpose
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

IMAGES = 60_000
IMAGES_A_REPEAT = 12_800
COMPARED_STEPS = 20
TOLERANCE = 1e-3
"""Largest relative difference of the losses of one step."""

LEARNING_RATE = 0.01
MOMENTUM = 0.9

Float32 = NDArray[np.float32]


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
    pixels = np.resize(train.pixels, (IMAGES, *train.pixels.shape[1:]))
    return Examples(pixels, np.resize(train.labels, IMAGES))


class Ours:
    """Pellucid: all steps in one call."""

    def __init__(self, parameters: Mapping[str, Float32], batches: Batches, threads: int) -> None:
        net = zoo.create("lenet5", engine=select("native", threads=threads))
        options = CompileOptions(
            capacity=batches.batch_size,
            purpose=Purpose.TRAINING,
            objective=CrossEntropy(),
            optimizer=SGD(momentum=MOMENTUM),
        )
        self.program: Program = net.engine.compile(net.graph, options)
        self.program.write_parameters(parameters)
        self.batches = batches

    def losses(self, steps: int) -> list[float]:
        """J of the first so many steps."""
        return self._train(self.batches.first(steps))

    def images_per_second(self) -> float:
        """Over all batches."""
        started = time.perf_counter()
        self._train(self.batches)
        return len(self.batches.indices) / (time.perf_counter() - started)

    def _train(self, batches: Batches) -> list[float]:
        report = self.program.train_steps(
            batches.examples,
            batches.indices,
            batch_size=batches.batch_size,
            learning_rates=[LEARNING_RATE] * batches.steps,
        )
        return [float(loss) for loss in report.losses]


class Theirs:
    """PyTorch: the usual loop."""

    def __init__(
        self, parameters: Mapping[str, Float32], batches: Batches, layout: torch.memory_format
    ) -> None:
        self.model = torch_lenet5(parameters).to(memory_format=layout)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
        images = torch.from_numpy(batches.examples.images).float() * (1 / 255)
        self.images = images.to(memory_format=layout)
        self.labels = torch.from_numpy(batches.examples.targets)
        self.batches = batches
        self.indices = torch.from_numpy(batches.indices)

    def losses(self, steps: int) -> list[float]:
        """J of the first so many steps."""
        return [loss.item() for loss in self._train(steps)]

    def images_per_second(self) -> float:
        """Over all batches."""
        started = time.perf_counter()
        self._train(self.batches.steps)
        return len(self.indices) / (time.perf_counter() - started)

    def _train(self, steps: int) -> list[torch.Tensor]:
        losses, criterion = [], nn.CrossEntropyLoss()
        for batch in torch.split(self.indices, self.batches.batch_size)[:steps]:
            loss = criterion(self.model(self.images[batch]), self.labels[batch])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
        return losses


def torch_lenet5(parameters: Mapping[str, Float32]) -> nn.Sequential:
    """The zoo's lenet5 in PyTorch, with these weights."""
    layers = {
        "conv1": nn.Conv2d(1, 6, 5, padding=2),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(6, 16, 5),
        "relu2": nn.ReLU(),
        "pool2": nn.MaxPool2d(2),
        "flatten1": nn.Flatten(),
        "fc1": nn.Linear(400, 120),
        "relu3": nn.ReLU(),
        "fc2": nn.Linear(120, 84),
        "relu4": nn.ReLU(),
        "fc3": nn.Linear(84, 10),
    }
    model = nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
    model.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in parameters.items()})
    return model


def require_agreement(ours: list[float], theirs: list[float], peer: str) -> None:
    """Raise unless both report the same losses, step by step."""
    for step, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if not abs(a - b) <= TOLERANCE * abs(b):
            raise DisagreementError(f"step {step}: Pellucid's loss is {a:.6f}, {peer}'s {b:.6f}")


def lenet5_train(case: str, batch_size: int, repeats: int) -> Row:
    """One row: images a second at this batch size."""
    threads = available_cores()
    torch.set_num_threads(threads)
    order = np.random.default_rng(0).permutation(IMAGES)[: IMAGES_A_REPEAT // batch_size * batch_size]
    batches = Batches(digit_examples(), order, batch_size)
    parameters = zoo.create("lenet5", seed=0).parameters
    ours = Ours(parameters, batches, threads)
    peers = {
        f"PyTorch {torch.__version__} {name}": Theirs(parameters, batches, layout)
        for name, layout in (("", torch.contiguous_format), ("channels-last", torch.channels_last))
    }
    losses = ours.losses(COMPARED_STEPS)
    for name, peer in peers.items():
        require_agreement(losses, peer.losses(COMPARED_STEPS), name)
    contestants: dict[str, Callable[[], float]] = {"ours": ours.images_per_second}
    contestants.update({name: peer.images_per_second for name, peer in peers.items()})
    measured = interleaved(contestants, repeats)
    best = max(peers, key=lambda name: measured[name].median)
    return Row(case, measured["ours"], measured[best], best.strip(), "images/s", larger_is_better=True)
