"""Data sets of picture files, a folder a class: in a folder, or straight from a tar or zip archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pellucid.data.dataset import Dataset, Split
from pellucid.data.pictures.blocks import Broken, Pixels
from pellucid.data.pictures.classes import Arrangement, arrange
from pellucid.data.pictures.folder import FolderSource
from pellucid.data.pictures.listing import Source
from pellucid.data.pictures.reading import Reader
from pellucid.data.pictures.store import Index, Store, kept_before
from pellucid.data.pictures.tar import TarSource
from pellucid.data.pictures.workers import Workers
from pellucid.data.pictures.zip import ZipSource, is_zip
from pellucid.data.tar import is_tar
from pellucid.data.wishes import Shape, Wishes
from pellucid.errors import FormatError

__all__ = ["is_archive", "load_pictures"]

LARGE = 1 << 25
"""Bytes of the files, or of their pixels, from which on the pixels are kept on the disk."""


def is_archive(path: Path) -> bool:
    """Whether a file is a tar or zip archive, by its content."""
    return is_zip(path) or is_tar(path)


def load_pictures(path: Path, name: str, wishes: Wishes) -> Dataset:
    """A data set of pictures; what their folders mean is said in `pellucid.data.pictures.classes`.

    They are decoded once, on every core, into one array of bytes. A large one lies in the user's cache and is
    read from there as needed, now and the next time.

    Args:
        path: a folder, or a tar or zip archive.
        name: of the data set.
        wishes: see Wishes.

    Raises:
        DataError: a folder that cannot be read or arranged, or pictures that cannot become one shape.
        FormatError: a damaged or hostile archive, or a broken picture that is not to be skipped.
    """
    shape = wishes.picture_shape
    with _source(path) as source, Workers() as workers:
        if not kept_before(path, shape):
            workers.expect(source.count())
        facts = (shape, source.fingerprint(), wishes.on_broken)
        divided = (*facts, wishes.test_fraction, wishes.seed)
        for known in (facts, divided):
            found = Store(path, *known).find()
            if found is not None:
                return _dataset(name, *found)
        arrangement = arrange(path, source.entries(), wishes.test_fraction, wishes.seed)
        with Store(path, *(divided if arrangement.divided else facts)) as store:
            reader = Reader(source, shape, wishes.on_broken == "skip", workers)
            return _dataset(name, *_read(reader, arrangement, store))


def _source(path: Path) -> Source:
    if path.is_dir():
        return FolderSource(path)
    return ZipSource(path) if is_zip(path) else TarSource(path)


def _read(reader: Reader, arrangement: Arrangement, store: Store) -> tuple[Pixels, Index]:
    entries = [*arrangement.train.entries, *arrangement.test.entries]
    size = sum(entry.size for entry in entries)

    def make(shape: Shape) -> Pixels:
        large = max(size, len(entries) * int(np.prod(shape))) >= LARGE
        stored = store.make(len(entries), shape) if large else None
        return np.empty((len(entries), *shape), np.uint8) if stored is None else stored

    pixels, broken = reader.read(entries, make)
    labels = np.concatenate([arrangement.train.labels, arrangement.test.labels])
    kept = _close_gaps(pixels, broken)
    count = int((kept < len(arrangement.train.labels)).sum())
    if count == 0:
        raise FormatError(f"{reader.source.path}: none of the pictures to train on can be read")
    index = Index(
        rows=len(pixels),
        shape=(pixels.shape[1], pixels.shape[2], pixels.shape[3]),
        train=labels[kept[:count]].tolist(),
        test=labels[kept[count:]].tolist(),
        class_names=list(arrangement.class_names),
        skipped=[one.reason for one in broken],
    )
    store.keep(index)
    return pixels, index


def _close_gaps(pixels: Pixels, broken: Sequence[Broken]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Move rows up over those of broken pictures; the numbers of the rows that are left, in order."""
    gone = np.zeros(len(pixels), bool)
    gone[[one.number for one in broken]] = True
    kept = np.flatnonzero(~gone)
    if broken:
        for row, number in enumerate(kept[broken[0].number :], broken[0].number):
            pixels[row] = pixels[number]
    return kept


def _dataset(name: str, pixels: Pixels, index: Index) -> Dataset:
    train, end = len(index.train), len(index.train) + len(index.test)
    pixels = np.asarray(pixels)  # a part of a file is an array like any other from here on
    return Dataset(
        name,
        Split(pixels[:train], np.array(index.train, np.int64)),
        Split(pixels[train:end], np.array(index.test, np.int64)),
        tuple(index.class_names),
        tuple(index.skipped),
    )
