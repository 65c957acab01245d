"""How fast is a folder of small JPEG files read, and does memory grow from epoch to epoch? Beside PyTorch.

The pictures are those of CIFAR-10, 60,000 files of 32x32. Each side runs in a fresh process, `python -m
benchmarks.pictures pellucid|pytorch FOLDER`: it reads every picture once, shuffled, then twice more. Pellucid
decodes all of them into one array before training begins; PyTorch's DataLoader decodes in every epoch, with
Pillow, on a process for each core. The files lie in the system's cache for both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from os import environ
from pathlib import Path

import numpy as np

from benchmarks.machine import available_cores
from benchmarks.measurement import NotMeasured, Outcome, Row, Samples, interleaved
from pellucid.data.cifar import chosen_folder, find_other_form

EPOCHS = 3
BATCH_SIZE = 256
MEGABYTE = 1e6
LEAST_GROWTH = 0.1
"""Megabytes: what is below is not told apart."""


def read_with_pellucid(folder: Path) -> tuple[float, list[float]]:
    """Images a second up to the first batch of training, and megabytes held after each epoch of one layer."""
    from pellucid import data
    from pellucid.layers import Flatten, Linear
    from pellucid.model import Sequential
    from pellucid.training import Callback, EpochRecord, Run, train

    held = []

    class Watch(Callback):
        def epoch(self, run: Run, record: EpochRecord) -> None:
            held.append(resident_megabytes())

    started = time.perf_counter()
    pictures = data.load(folder)
    seconds = time.perf_counter() - started
    net = Sequential(Flatten(), Linear(10), input_shape=pictures.shape)
    train(net, pictures, epochs=EPOCHS, batch_size=BATCH_SIZE, progress=False, callbacks=[Watch()])
    return (len(pictures.train) + len(pictures.test)) / seconds, held


def read_with_pytorch(folder: Path) -> tuple[float, list[float]]:
    """Images a second in the first epoch, and megabytes held by all its processes after each."""
    from PIL import Image
    from torch import Tensor, from_numpy
    from torch.utils.data import DataLoader

    class Pictures:
        def __init__(self) -> None:
            self.paths = sorted(map(str, folder.rglob("*.jpg")))

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, number: int) -> Tensor:
            return from_numpy(np.array(Image.open(self.paths[number]).convert("RGB")).transpose(2, 0, 1))

    held = []
    started = time.perf_counter()
    pictures = Pictures()
    loader = DataLoader(
        pictures, BATCH_SIZE, shuffle=True, num_workers=available_cores(), persistent_workers=True
    )
    rate = 0.0
    for epoch in range(EPOCHS):
        for _ in loader:
            pass
        if epoch == 0:
            rate = len(pictures) / (time.perf_counter() - started)
        held.append(resident_megabytes())
    return rate, held


SIDES: dict[str, Callable[[Path], tuple[float, list[float]]]] = {
    "pellucid": read_with_pellucid,
    "pytorch": read_with_pytorch,
}


def resident_megabytes() -> float:
    """Memory of this process and of those that it began, mapped files included."""
    own = Path("/proc/self")
    children = (own / f"task/{own.resolve().name}/children").read_text(encoding="ascii").split()
    total = 0
    for process in (own, *(Path("/proc") / child for child in children)):
        for line in (process / "status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                total += 1024 * int(line.split()[1])
    return total / MEGABYTE


@contextmanager
def unpacked() -> Iterator[Path | None]:
    """CIFAR-10's pictures in a folder; None where PELLUCID_DATA has none."""
    chosen = chosen_folder()
    found = None if chosen is None else find_other_form(chosen)
    if found is None or (found.is_dir() and next(found.rglob("*.jpg"), None) is None):
        yield None
    elif found.is_dir():
        yield found
    else:
        with tempfile.TemporaryDirectory() as folder:
            with tarfile.open(found) as archive:
                archive.extractall(folder, filter="data")
            yield Path(folder)


def measured(side: str, folder: Path) -> tuple[float, float]:
    """Images a second, and megabytes from the end of the first epoch to that of the last."""
    with tempfile.TemporaryDirectory() as cache:  # so that nothing is decoded beforehand
        command = [sys.executable, "-m", "benchmarks.pictures", side, str(folder)]
        environment = {**environ, "PELLUCID_CACHE": cache}
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    rate, held = json.loads(run.stdout)
    return rate, max(LEAST_GROWTH, held[-1] - held[0])


def reading_pictures(case: str, repeats: int) -> list[Outcome]:
    """Two rows: images a second, and how memory grows."""
    with unpacked() as folder:
        if folder is None:
            return [NotMeasured(case, "set PELLUCID_DATA to a folder that has cifar10/ with its pictures")]
        growths: dict[str, list[float]] = {side: [] for side in SIDES}

        def rate_of(side: str, folder: Path) -> float:
            rate, growth = measured(side, folder)
            growths[side].append(growth)
            return rate

        rates = interleaved({side: partial(rate_of, side, folder) for side in SIDES}, repeats)
    peer = f"PyTorch {version('torch')}, DataLoader and Pillow"
    memory = {side: Samples(tuple(values)) for side, values in growths.items()}
    return [
        Row(case, rates["pellucid"], rates["pytorch"], peer, "images/s", larger_is_better=True),
        Row(f"{case}, growth in 2 epochs", memory["pellucid"], memory["pytorch"], peer, "MB"),
    ]


def main(side: str, folder: str) -> None:
    """Read on one side and print what was measured."""
    print(json.dumps(SIDES[side](Path(folder))))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
