"""What the folders of a picture collection mean.

    train/cat/1.jpg  test/cat/2.jpg    two parts; the folders in them are classes
    cat/1.jpg  dog/2.jpg               classes; a part of each is held out

Folders that everything lies in are looked through: photos/cat/1.jpg is cat/1.jpg. Folders within a class
belong to it. "val", "valid" and "validation" are held out where there is no "test"; where there is, they are
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data.pictures.listing import Entry
from pellucid.data.stratified import stratified
from pellucid.data.tar import shown
from pellucid.errors import DataError

TRAIN = ("train", "training")
HELD_OUT = ("test", "testing", "val", "valid", "validation")
"""Names of the part to test on, the better ones first."""

MOST_CLASSES = 100_000


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures with their classes, in order."""

    entries: Sequence[Entry]
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Which pictures train, which are held out, and what their classes are called.

    Attributes:
        train: to train on.
        test: held out.
        class_names: what the labels mean.
        divided: whether the two were drawn by a seed, as the folders have no parts.
    """

    train: Part
    test: Part
    class_names: tuple[str, ...]
    divided: bool = False


def arrange(path: Path, entries: Sequence[Entry], test_fraction: float, seed: int) -> Arrangement:
    """Sort pictures by the folders that they lie in.

    Args:
        path: of the collection, for messages.
        entries: its pictures, in order.
        test_fraction: of every class to hold out, where there are no parts.
        seed: of that choice.

    Raises:
        DataError: no pictures, pictures outside of classes, fewer than two classes, or a class that the
            pictures to train on lack.
    """
    if not entries:
        raise DataError(
            f"{path}: holds no pictures (a folder for each class), nor the files of MNIST or CIFAR-10"
        )
    folders = [tuple(entry.name.split("/")[:-1]) for entry in entries]
    shared = _shared(folders)
    folders = [parts[shared:] for parts in folders]
    outermost = {names[0] for names in folders if names}
    parts = _parts(outermost)
    if parts is None and (nearly := _parts(_split_names(outermost))) and nearly[1] is not None:
        other = shown(min(outermost - _split_names(outermost)))
        raise DataError(f"{path}: {other}/ is no part of it, as {nearly[0]}/ and {nearly[1]}/ are")
    depth = 1 if parts else 0
    for entry, names in zip(entries, folders, strict=True):
        if len(names) <= depth:
            raise DataError(f"{path}: {shown(entry.name)} lies in no class; pictures lie in a folder a class")
    classes = _classes(path, folders if parts is None else [f for f in folders if f[0] == parts[0]], depth)

    def part(name: str | None) -> Part:
        numbers = [n for n, names in enumerate(folders) if name is None or names[0] == name]
        return _part(path, [entries[n] for n in numbers], [folders[n][depth] for n in numbers], classes)

    train_name, test_name = parts or (None, None)
    if test_name is None:
        return _divided(path, part(train_name), classes, test_fraction, seed)
    return Arrangement(part(train_name), part(test_name), tuple(map(shown, classes)))


def _shared(folders: Sequence[tuple[str, ...]]) -> int:
    """How many folders everything lies in, which are neither parts nor classes."""
    first, shared = folders[0], 0
    while all(len(parts) > shared + 1 and parts[shared] == first[shared] for parts in folders) and not _parts(
        {first[shared]}
    ):
        shared += 1
    return shared


def _parts(names: Iterable[str]) -> tuple[str, str | None] | None:
    """The folder to train on and, if there is one, the folder to hold out; None where folders are classes."""
    spelled = {name.lower(): name for name in sorted(names)}
    if not spelled.keys() <= {*TRAIN, *HELD_OUT}:
        return None
    train = next((spelled[name] for name in TRAIN if name in spelled), None)
    test = next((spelled[name] for name in HELD_OUT if name in spelled), None)
    return None if train is None else (train, test)


def _split_names(names: set[str]) -> set[str]:
    return {name for name in names if name.lower() in (*TRAIN, *HELD_OUT)}


def _classes(path: Path, folders: Iterable[tuple[str, ...]], depth: int) -> list[str]:
    classes = sorted({names[depth] for names in folders})
    if not 2 <= len(classes) <= MOST_CLASSES:
        found = f" ({shown(classes[0])})" if len(classes) == 1 else ""
        raise DataError(
            f"{path}: a data set has 2 classes at least, a folder each; received {len(classes)}{found}"
        )
    return classes


def _part(path: Path, entries: Sequence[Entry], names: Sequence[str], classes: Sequence[str]) -> Part:
    numbers = {name: number for number, name in enumerate(classes)}
    for entry, name in zip(entries, names, strict=True):
        if name not in numbers:
            raise DataError(f"{path}: {shown(entry.name)} is of a class that no picture to train on has")
    return Part(entries, np.array([numbers[name] for name in names], np.int64))


def _divided(path: Path, whole: Part, classes: Sequence[str], fraction: float, seed: int) -> Arrangement:
    try:
        stay, held = stratified(whole.labels, fraction, seed)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    train, test = (
        Part([whole.entries[number] for number in numbers], whole.labels[numbers]) for numbers in (stay, held)
    )
    return Arrangement(train, test, tuple(map(shown, classes)), divided=True)
