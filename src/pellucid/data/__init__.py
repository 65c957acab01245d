"""Images with labels: data sets by name, and fitting them to a network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.data.dataset import Dataset, Split
from pellucid.errors import DataError, UnknownNameError
from pellucid.storage import reason

if TYPE_CHECKING:
    from pellucid.download import Progress

__all__ = ["Dataset", "Split", "load", "names"]

_NAMES = ("digits", "fashion-mnist", "mnist")


def names() -> tuple[str, ...]:
    """Names that `load` knows."""
    return _NAMES


def load(source: str | os.PathLike[str], *, seed: int = 0, progress: Progress | None = None) -> Dataset:
    """A data set.

    Args:
        source: one of `names()`, or a folder that holds the four IDX files of MNIST's layout. A name is
            looked for as a folder of PELLUCID_DATA, then in the user's cache, and downloaded otherwise;
            "digits" comes with scikit-learn.
        seed: of the split, where the data set has none of its own ("digits").
        progress: told of downloads, see `pellucid.download.Progress`.

    Raises:
        UnknownNameError: neither a name nor a folder.
        DataError: a folder without the files.
        FormatError: a file that is truncated, corrupt or not the published one.
        DownloadError: a file that cannot be had.
    """
    if source == "digits":
        from pellucid.data.digits import load_digits

        return load_digits(seed)
    from pellucid.data.mnist import SOURCES, load_folder, load_published

    if isinstance(source, str) and source in SOURCES:
        return load_published(SOURCES[source], progress)
    folder = Path(source).expanduser()
    try:
        is_folder, exists = folder.is_dir(), folder.exists()
    except OSError as error:
        raise DataError(f"{folder}: {reason(error)}") from None
    if is_folder:
        return load_folder(folder)
    if exists:
        raise DataError(f"{folder}: a data set is a folder of IDX files or a name, received a file")
    if isinstance(source, str) and os.sep not in source:
        raise UnknownNameError("data set", source, _NAMES)
    raise DataError(f"{folder}: no such folder")
