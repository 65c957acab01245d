"""Images with labels: data sets by name, and fitting them to a network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.data.dataset import Dataset, Split
from pellucid.data.wishes import OnBroken, Wishes
from pellucid.errors import DataError, UnknownNameError
from pellucid.storage import reason

if TYPE_CHECKING:
    from pellucid.download import Progress

__all__ = ["Dataset", "OnBroken", "Split", "load", "names"]

_NAMES = ("cifar10", "digits", "fashion-mnist", "mnist")

ACCEPTED = (
    "a folder of pictures (a folder for each class), a tar or zip archive of them, a .npz file, or a folder "
    "of the IDX files of MNIST or the binary files of CIFAR-10"
)


def names() -> tuple[str, ...]:
    """Names that `load` knows."""
    return _NAMES


def load(
    source: str | os.PathLike[str],
    *,
    seed: int = 0,
    test_fraction: float = 0.2,
    input_shape: Sequence[int] | None = None,
    on_broken: OnBroken = "error",
    progress: Progress | None = None,
) -> Dataset:
    """A data set.

    Pictures in folders are decoded once; a large set of them is kept in the user's cache. Pictures of
    different sizes need `input_shape`.

    Args:
        source: one of `names()`; or a folder of pictures with a folder for each class (see
            `pellucid.data.pictures.classes`), a tar (plain or gzipped) or zip archive of them, a .npz file, a
            folder of the four IDX files of MNIST's layout, or one of the binary files of CIFAR-10. A name is
            looked for as a folder of PELLUCID_DATA, then in the user's cache, and downloaded otherwise;
            "digits" comes with scikit-learn.
        seed: of the split, where the data set has none of its own.
        test_fraction: of every class that is held out, where the data set does not say.
        input_shape: that the images get, by the rules of `pellucid.data.fit`; their own when left out.
        on_broken: a broken picture is an "error"; "skip" leaves it out and lists it in `Dataset.skipped`.
        progress: told of downloads, see `pellucid.download.Progress`.

    Raises:
        UnknownNameError: neither a name nor a path.
        DataError: a folder or a file that holds no data set, or images that cannot be made to fit.
        FormatError: a file that is truncated, corrupt, hostile or not the published one.
        DownloadError: a file that cannot be had.
    """
    shape = None if input_shape is None else tuple(input_shape)
    dataset = _load(source, Wishes(seed, test_fraction, shape, on_broken), progress)
    return dataset if shape is None else dataset.fit(shape)


def _load(source: str | os.PathLike[str], wishes: Wishes, progress: Progress | None) -> Dataset:
    if source == "digits":
        from pellucid.data.digits import load_digits

        return load_digits(wishes.seed, wishes.test_fraction)
    if source == "cifar10":
        return _cifar10(wishes, progress)
    from pellucid.data.mnist import SOURCES, load_published

    if isinstance(source, str) and source in SOURCES:
        return load_published(SOURCES[source], progress)
    path = Path(source).expanduser()
    try:
        exists = path.exists()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {reason(error) if isinstance(error, OSError) else error}") from None
    if exists:
        return _load_path(path, str(path), wishes)
    if isinstance(source, str) and os.sep not in source:
        raise UnknownNameError("data set", source, _NAMES)
    raise DataError(f"{path}: no such file or folder")


def _load_path(path: Path, name: str, wishes: Wishes) -> Dataset:
    """The data set in a file or a folder, told by what is there."""
    from pellucid.data import arrays, cifar, mnist, pictures

    if not path.is_dir():
        if path.suffix == ".npz":
            return arrays.load_npz(path, name, wishes)
        if path.name == cifar.ARCHIVE:
            return cifar.load_archive(path, name)
        if path.is_file() and pictures.is_archive(path):
            return pictures.load_pictures(path, name, wishes)
        raise DataError(f"{path}: a data set is a name or {ACCEPTED}; received another file")
    if mnist.has_files(path):
        return mnist.load_folder(path)
    batches = cifar.find_batches(path)
    if batches is not None:
        return cifar.load_folder(batches, name)
    return pictures.load_pictures(path, name, wishes)


def _cifar10(wishes: Wishes, progress: Progress | None) -> Dataset:
    """CIFAR-10 in whatever form the user has it, else as published."""
    from pellucid.data import cifar

    folder = cifar.chosen_folder()
    found = None if folder is None else cifar.find_other_form(folder)
    return cifar.load_published(progress=progress) if found is None else _load_path(found, cifar.NAME, wishes)
