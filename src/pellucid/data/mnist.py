"""MNIST, Fashion-MNIST, and any folder with files of their layout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset, Split
from pellucid.data.idx import read_idx
from pellucid.download import Progress, fetch
from pellucid.errors import DataError, DownloadError, FormatError
from pellucid.storage import cache_folder

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
FILES = {TRAIN_IMAGES: 3, TRAIN_LABELS: 1, TEST_IMAGES: 3, TEST_LABELS: 1}
"""The four files by name (gzipped: with .gz), and how many dimensions each has."""


@dataclass(frozen=True)
class Source:
    """Where a data set of this layout comes from.

    Attributes:
        name: of the data set, and of its folder in PELLUCID_DATA and in the cache.
        mirrors: addresses of folders that hold the gzipped files, tried in order.
        sha256: of each file, uncompressed.
        class_names: what the labels mean.
    """

    name: str
    mirrors: tuple[str, ...]
    sha256: Mapping[str, str]
    class_names: tuple[str, ...]


MNIST = Source(
    "mnist",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    {
        TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    tuple(str(digit) for digit in range(10)),
)
"""LeCun, Cortes & Burges 1998: 70,000 digits of 28x28, 10,000 of them to test on."""

FASHION_MNIST = Source(
    "fashion-mnist",
    (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
        "b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    {
        TRAIN_IMAGES: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        TRAIN_LABELS: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        TEST_IMAGES: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        TEST_LABELS: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
)
"""Xiao, Rasul & Vollgraf 2017: pictures of clothing in MNIST's layout; its authors' repository over https,
because their own host speaks plain http."""

SOURCES = {source.name: source for source in (MNIST, FASHION_MNIST)}


def load_published(source: Source, progress: Progress | None = None) -> Dataset:
    """A published data set, every file checked against its sha256 (0.03 s for MNIST).

    Each file is looked for in PELLUCID_DATA, then in the cache, and downloaded to the cache otherwise. A
    wrong file in PELLUCID_DATA is an error; a wrong file in the cache is downloaded again.
    """
    arrays = {file: _read_published(source, file, dimensions, progress) for file, dimensions in FILES.items()}
    return _dataset(source.name, arrays, source.class_names)


def has_files(folder: Path) -> bool:
    """Whether a folder holds one of the four files."""
    return any(_find(folder, file) for file in FILES)


def load_folder(folder: Path) -> Dataset:
    """The four files of MNIST's layout in a folder of the user's, whatever they show.

    Classes are numbered 0 to the largest label, and named by their numbers.
    """
    paths = {file: _find(folder, file) for file in FILES}
    missing = [file for file, path in paths.items() if path is None]
    if missing:
        raise DataError(f"{folder}: expects the IDX files {', '.join(FILES)}, plain or .gz; no {missing[0]}")
    arrays = {file: read_idx(path, FILES[file]) for file, path in paths.items() if path is not None}
    classes = 1 + int(max(arrays[TRAIN_LABELS].max(), arrays[TEST_LABELS].max()))
    return _dataset(str(folder), arrays, tuple(str(number) for number in range(classes)))


def locate(source: Source) -> Path | None:
    """The first folder, in the order in which they are searched, that holds all of a data set's files."""
    folders = (_chosen_folder(source), _cache(source))
    return next((f for f in folders if f is not None and all(_find(f, file) for file in FILES)), None)


def _chosen_folder(source: Source) -> Path | None:
    chosen = os.environ.get("PELLUCID_DATA")
    return Path(chosen).expanduser() / source.name if chosen else None


def _cache(source: Source) -> Path:
    return cache_folder() / "data" / source.name


def _find(folder: Path, file: str) -> Path | None:
    return next((path for name in (file, f"{file}.gz") if (path := folder / name).exists()), None)


def _read_published(
    source: Source, file: str, dimensions: int, progress: Progress | None
) -> NDArray[np.uint8]:
    sha256 = source.sha256[file]
    chosen = _chosen_folder(source)
    found = _find(chosen, file) if chosen else None
    if found is not None:
        return read_idx(found, dimensions, sha256=sha256)
    folder = _cache(source)
    cached = _find(folder, file)
    if cached is not None:
        try:
            return read_idx(cached, dimensions, sha256=sha256)
        except FormatError:
            pass
    return read_idx(_download(source, file, folder, progress), dimensions, sha256=sha256)


def _download(source: Source, file: str, folder: Path, progress: Progress | None) -> Path:
    failure = ""
    for mirror in source.mirrors:
        try:
            return fetch(
                f"{mirror}{file}.gz",
                source.sha256[file],
                folder / f"{file}.gz",
                uncompressed=True,
                progress=progress,
            )
        except DownloadError as error:
            failure = str(error)
    raise DownloadError(f"{failure}; or set PELLUCID_DATA to a folder that holds {source.name}/{file}.gz")


def _dataset(name: str, arrays: Mapping[str, NDArray[np.uint8]], class_names: tuple[str, ...]) -> Dataset:
    try:
        return Dataset(
            name,
            Split(arrays[TRAIN_IMAGES][:, None], arrays[TRAIN_LABELS].astype(np.int64)),
            Split(arrays[TEST_IMAGES][:, None], arrays[TEST_LABELS].astype(np.int64)),
            class_names,
        )
    except DataError as error:
        raise FormatError(f"{name}: the four files do not belong together: {error}") from None
