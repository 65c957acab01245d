"""How long from starting a process to a LeNet-5 that reads 99% of MNIST's test digits, beside PyTorch?

Both sides run one recipe for a fixed number of epochs, in a fresh process each time, and the clock stops
after the last step; only then is the test set read. The recipe was chosen on the last 10,000 training images,
with the other 50,000 to train on. The number of epochs is the smallest with which at least 9 of 10 seeds
reach 99%: `python -m benchmarks.mnist_to_99 count pellucid --seeds 10` counts them, and
`python -m benchmarks.mnist_to_99 run pellucid --seed 3` is one measured process.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measurement import DisagreementError, NotMeasured, Outcome, Row, interleaved

EPOCHS = 4
BATCH_SIZE = 64
LEARNING_RATE = 0.05
MOMENTUM = 0.9
TARGET = 0.99
LEAST_ACCURACY = 0.98
"""What any seed reaches; a run below has not trained."""

TRAINED = "trained"
"""The line that stops the clock."""


def data_folder() -> Path | None:
    """Where MNIST's four files lie, gzipped or not, if PELLUCID_DATA says where."""
    folder = Path(os.environ.get("PELLUCID_DATA", "")) / "mnist"
    return folder if any(folder.glob("train-images-idx3-ubyte*")) else None


def run_pellucid(seed: int) -> float:
    """Train as a user does, then return the accuracy on the test set."""
    from pellucid import data, zoo
    from pellucid.optimizers import SGD, OneCycle
    from pellucid.training import train

    digits = data.load("mnist")
    net = zoo.create("lenet5", seed=seed)
    train(
        net,
        (digits.train.pixels, digits.train.labels),
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        optimizer=SGD(momentum=MOMENTUM),
        schedule=OneCycle(LEARNING_RATE),
        seed=seed,
        progress=False,
    )
    print(TRAINED, flush=True)
    logits = net.predict(digits.test.images)
    assert isinstance(logits, np.ndarray)
    return float((logits.argmax(axis=1) == digits.test.labels).mean())


def run_pytorch(seed: int) -> float:
    """The same in the usual loop, with He's first weights, in channels-last, which suits this network."""
    import torch
    from torch import nn

    from benchmarks.torch_networks import lenet5

    torch.manual_seed(seed)
    images, labels = (torch.from_numpy(array) for array in read_mnist("train"))
    images = (images.float() * (1 / 255)).to(memory_format=torch.channels_last)
    model = lenet5(400, 10).to(memory_format=torch.channels_last)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
    steps = EPOCHS * -(-len(images) // BATCH_SIZE)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=steps, cycle_momentum=False
    )
    criterion = nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(images)), BATCH_SIZE):
            loss = criterion(model(images[batch]), labels[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    print(TRAINED, flush=True)
    images, labels = (torch.from_numpy(array) for array in read_mnist("t10k"))
    with torch.inference_mode():
        return float((model(images.float() * (1 / 255)).argmax(1) == labels).float().mean())


def read_mnist(split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 1, 28, 28) and labels of "train" or "t10k", by NumPy alone: PyTorch's side needs no more."""
    images = _bytes_of(f"{split}-images-idx3-ubyte")[16:].reshape(-1, 1, 28, 28)
    return images, _bytes_of(f"{split}-labels-idx1-ubyte")[8:].astype(np.int64)


def _bytes_of(name: str) -> NDArray[np.uint8]:
    path = Path(os.environ["PELLUCID_DATA"]) / "mnist" / name
    content = (
        path.read_bytes() if path.exists() else gzip.decompress(path.with_name(f"{name}.gz").read_bytes())
    )
    return np.frombuffer(bytearray(content), np.uint8)


SIDES: dict[str, Callable[[int], float]] = {"pellucid": run_pellucid, "pytorch": run_pytorch}


@dataclass(frozen=True)
class Result:
    """What one process did: seconds until it was trained, and then its accuracy."""

    seconds: float
    accuracy: float


def run_process(side: str, seed: int) -> Result:
    """One run in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.mnist_to_99", "run", side, "--seed", str(seed)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline().strip()
        seconds = time.perf_counter() - started
        rest = process.stdout.read()
    if process.returncode != 0 or first != TRAINED:
        raise DisagreementError(f"{side} failed with seed {seed}")
    return Result(seconds, float(rest))


def seconds_of(side: str, seeds: Iterator[int]) -> float:
    """Time of a run with the next seed, which must have learnt something."""
    seed = next(seeds)
    result = run_process(side, seed)
    if result.accuracy < LEAST_ACCURACY:
        raise DisagreementError(f"{side} reaches only {result.accuracy:.2%} with seed {seed}")
    return result.seconds


def mnist_to_99(case: str, repeats: int) -> list[Outcome]:
    """One row: seconds from process start to the end of the last epoch."""
    if data_folder() is None:
        return [NotMeasured(case, "set PELLUCID_DATA to a folder in which mnist/ holds the four IDX files")]
    ours, theirs = count(), count()
    measured = interleaved(
        {"ours": lambda: seconds_of("pellucid", ours), "theirs": lambda: seconds_of("pytorch", theirs)},
        repeats,
    )
    return [Row(case, measured["ours"], measured["theirs"], f"PyTorch {version('torch')}", "s")]


def main(arguments: Sequence[str] | None = None) -> None:
    """One measured run, or a count of the seeds that reach the target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mnist_to_99", description=__doc__)
    parser.add_argument("action", choices=["run", "count"])
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the run")
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="count seeds 0 to N - 1")
    options = parser.parse_args(arguments)
    if options.action == "run":
        print(SIDES[options.side](options.seed))
        return
    reached = 0
    for seed in range(options.seeds):
        result = run_process(options.side, seed)
        reached += result.accuracy >= TARGET
        print(f"seed {seed}: {result.accuracy:.2%} after {result.seconds:.1f} s", flush=True)
    print(f"{reached} of {options.seeds} seeds reach {TARGET:.0%}")


if __name__ == "__main__":
    main()
