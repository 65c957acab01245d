"""CIFAR-10 in its binary version (Krizhevsky 2009).

Each of the six files is a row of records of 3,073 bytes: the class, then 32x32 values of red, of green and of
blue. They are read from a folder or straight from the published archive.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset, Split
from pellucid.data.tar import open_tar, walk
from pellucid.download import Progress, fetch
from pellucid.errors import DownloadError, FormatError
from pellucid.storage import cache_folder, reason

NAME = "cifar10"
ARCHIVE = "cifar-10-binary.tar.gz"


@dataclass(frozen=True)
class Source:
    """Where the archive comes from, and its sha256."""

    url: str
    sha256: str


PUBLISHED = Source(
    f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
"""The author's own page, which gives the md5 c32a1d4ab5d03f1284b67883e8d87530."""

FOLDER = "cifar-10-batches-bin"
"""What the archive holds."""

TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)
META = "batches.meta.txt"

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")
"""Of the data set in any form, in PELLUCID_DATA."""

SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32
LARGEST = 100_000 * RECORD
"""Bytes of a file; the published ones hold 10,000 records."""

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

Files = dict[str, bytes]


def load_published(source: Source = PUBLISHED, progress: Progress | None = None) -> Dataset:
    """CIFAR-10 from its archive: PELLUCID_DATA's, or the one in the user's cache, downloaded if need be.

    Raises:
        DownloadError: the archive cannot be had.
        FormatError: it is not the published one.
    """
    chosen = chosen_folder()
    if chosen is not None and (chosen / ARCHIVE).exists():
        path = chosen / ARCHIVE
        if _sha256(path) != source.sha256:
            raise FormatError(f"{path}: not the published file, its sha256 differs; delete or replace it")
        return load_archive(path, NAME)
    target = cache_folder() / "data" / NAME / ARCHIVE
    try:
        return load_archive(fetch(source.url, source.sha256, target, progress=progress), NAME)
    except DownloadError as error:
        raise DownloadError(
            f"{error}; or set PELLUCID_DATA to a folder whose {NAME}/ holds that archive, its files, or the "
            "pictures in folders"
        ) from None


def find_other_form(folder: Path) -> Path | None:
    """What else PELLUCID_DATA's folder holds of CIFAR-10: its only archive of pictures, or the folder itself.

    None where there is no such folder, or the published archive lies in it.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FormatError(f"{folder}: {reason(error)}") from None
    if ARCHIVE in names:
        return None
    archives = [name for name in names if name.endswith(ARCHIVES)]
    return folder / archives[0] if len(archives) == 1 else folder


def find_batches(folder: Path) -> Path | None:
    """The folder itself or the archive's folder in it, whichever holds one of the six files."""
    names = (*TRAIN, *TEST)
    places = (folder, folder / FOLDER)
    return next((place for place in places if any((place / name).is_file() for name in names)), None)


def load_folder(folder: Path, name: str) -> Dataset:
    """The six files in a folder.

    Raises:
        FormatError: one is missing or not as it should be.
    """
    files: Files = {}
    for file in (*TRAIN, *TEST, META):
        path = folder / file
        try:
            if path.is_file() and path.stat().st_size <= LARGEST:
                files[file] = path.read_bytes()
        except OSError as error:
            raise FormatError(f"{path}: {reason(error)}") from None
    return _dataset(folder, name, files)


def load_archive(path: Path, name: str) -> Dataset:
    """The six files in a tar archive, plain or gzipped.

    Raises:
        FormatError: the archive or one of its files is not as it should be.
    """
    files: Files = {}
    with open_tar(path) as file:
        for member in walk(path, file):
            base = PurePosixPath(member.name).name
            if base in (*TRAIN, *TEST, META) and member.stored and member.size <= LARGEST:
                files[base] = file.read(member.size)
    return _dataset(path, name, files)


def _dataset(source: Path, name: str, files: Files) -> Dataset:
    for file in (*TRAIN, *TEST):
        if file not in files:
            raise FormatError(f"{source}: CIFAR-10 consists of {', '.join((*TRAIN, *TEST))}; no {file}")
    classes = _class_names(source, files.get(META))
    train, test = (_split(source, part, files, len(classes)) for part in (TRAIN, TEST))
    return Dataset(name, train, test, classes)


def _class_names(source: Path, meta: bytes | None) -> tuple[str, ...]:
    """The lines of batches.meta.txt; the published names where it is missing."""
    if meta is None:
        return CLASSES
    names = tuple(meta.decode("utf-8", "backslashreplace").split())
    if not 2 <= len(names) <= 256 or len(set(names)) < len(names):
        raise FormatError(f"{source}: {META} names 2 to 256 different classes, received {len(names)}")
    return names


def _split(source: Path, names: tuple[str, ...], files: Files, classes: int) -> Split:
    records = [_records(source / name, files[name], classes) for name in names]
    pixels = np.empty((sum(map(len, records)), *SHAPE), np.uint8)
    start = 0
    for part in records:
        pixels[start : start + len(part)] = part[:, 1:].reshape(-1, *SHAPE)
        start += len(part)
    return Split(pixels, np.concatenate([part[:, 0] for part in records]).astype(np.int64))


def _records(path: Path, content: bytes, classes: int) -> NDArray[np.uint8]:
    count, rest = divmod(len(content), RECORD)
    if count == 0 or rest:
        raise FormatError(
            f"{path}: CIFAR-10 consists of records of {RECORD} bytes, received {len(content)} bytes"
        )
    records = np.frombuffer(content, np.uint8).reshape(count, RECORD)
    largest = int(records[:, 0].max())
    if largest >= classes:
        raise FormatError(f"{path}: classes are 0 to {classes - 1}, received {largest}")
    return records


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FormatError(f"{path}: {reason(error)}") from None


def chosen_folder() -> Path | None:
    """PELLUCID_DATA's folder for this data set, if that is set."""
    chosen = os.environ.get("PELLUCID_DATA")
    return Path(chosen).expanduser() / NAME if chosen else None
