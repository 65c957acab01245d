"""How much memory does it take to train VGG-16 on batches of 16, beside PyTorch?

Each side trains two steps in a fresh process and reports the most it ever held: `python -m
benchmarks.training_memory pellucid|pytorch`. Both keep the weights once, Pellucid in its program (a Model
would keep its own copy) and PyTorch in its module. That they compute the same is what train-vgg16 checks.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measurement import Outcome, Row, interleaved
from benchmarks.networks import without_dropout

BATCH_SIZE = 16
STEPS = 2
LEARNING_RATE = 0.001
MOMENTUM = 0.9
MEGABYTE = 1e6


def train_with_pellucid(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """Two steps in one call."""
    from pellucid import zoo
    from pellucid.engines.engine import CompileOptions, Examples, Purpose
    from pellucid.objectives import CrossEntropy
    from pellucid.optimizers import SGD

    net = zoo.create("vgg16")
    options = CompileOptions(BATCH_SIZE, Purpose.TRAINING, (), CrossEntropy(), SGD(momentum=MOMENTUM))
    program = net.engine.compile(without_dropout(net.graph), options)
    program.write_parameters(net.parameters)
    del net
    program.train_steps(
        Examples(images, labels),
        np.arange(len(images)),
        batch_size=BATCH_SIZE,
        learning_rates=[LEARNING_RATE] * STEPS,
    )


def train_with_pytorch(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """Two turns of the usual loop."""
    import torch

    from benchmarks.torch_networks import vgg16

    model = vgg16(25_088, 1_000)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, fused=True)
    criterion = torch.nn.CrossEntropyLoss()
    for first in range(0, len(images), BATCH_SIZE):
        batch = slice(first, first + BATCH_SIZE)
        scores = model(torch.from_numpy(images[batch]).float() * (1 / 255))
        loss = criterion(scores, torch.from_numpy(labels[batch]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


SIDES = {"pellucid": train_with_pellucid, "pytorch": train_with_pytorch}


def peak_bytes() -> int:
    """The most memory that this process has held; getrusage would count what its parent held before it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise OSError("/proc/self/status has no VmHWM")


def peak_of(side: str) -> float:
    """Megabytes at the peak of a fresh process."""
    command = [sys.executable, "-m", "benchmarks.training_memory", side]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(run.stdout) / MEGABYTE


def training_memory(case: str, repeats: int) -> list[Outcome]:
    """One row, in megabytes."""
    measured = interleaved({side: partial(peak_of, side) for side in SIDES}, repeats)
    name = f"PyTorch {version('torch')}"
    return [Row(case, measured["pellucid"], measured["pytorch"], name, "MB")]


def main(side: str) -> None:
    """Train on one side and print the peak in bytes."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (STEPS * BATCH_SIZE, 3, 224, 224), np.uint8)
    SIDES[side](images, random.integers(0, 1_000, len(images)))
    print(peak_bytes())


if __name__ == "__main__":
    main(sys.argv[1])
