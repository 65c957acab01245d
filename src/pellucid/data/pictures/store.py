"""Decoded pictures, kept in the user's cache so that they are decoded once.

    PLACE-KEY.pixels   the pixels (N, C, H, W), uint8, nothing else
    PLACE-KEY.json     what they are

PLACE stands for where the pictures came from and the shape that they got, KEY for everything that the pixels
follow from. When the pictures or their split have changed, what was kept for the same place goes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.data.wishes import Shape
from pellucid.errors import DataError
from pellucid.storage import cache_folder, synchronize_folder, write_bytes

VERSION = 1
"""Of the files, and of how pictures are decoded."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Index:
    """What a file of pixels holds.

    Attributes:
        rows: pictures that the file has room for.
        shape: of one, (C, H, W).
        train: labels of those to train on, which come first.
        test: labels of those held out, which follow.
        class_names: what labels mean.
        skipped: a line for every broken picture that was left out.
    """

    rows: int
    shape: Shape
    train: list[int]
    test: list[int]
    class_names: list[str]
    skipped: list[str]


def kept_before(path: Path, shape: Shape | None) -> bool:
    """Whether anything was kept for a collection, though it may have changed since."""
    return any(_folder().glob(f"{_prefix(path, shape)}*.json"))


class Store(AbstractContextManager["Store"]):
    """The place of one collection's pixels in the cache.

    Args:
        path: of the collection.
        shape: that was asked for; None for the pictures' own.
        facts: everything else that the pixels follow from.
    """

    def __init__(self, path: Path, shape: Shape | None, *facts: object) -> None:
        key = repr((VERSION, _place(path, shape), facts))
        self._folder = _folder()
        self._prefix = _prefix(path, shape)
        name = self._prefix + _digest(key)
        self._pixels, self._index = self._folder / f"{name}.pixels", self._folder / f"{name}.json"
        self._temporary: Path | None = None

    def find(self) -> tuple[Pixels, Index] | None:
        """What was kept, its pixels read from the disk as they are needed; None where there is nothing."""
        try:
            index = Index(**json.loads(self._index.read_bytes()))
            channels, height, width = index.shape
            room = self._pixels.stat().st_size // (channels * height * width)
            if not len(index.train) + len(index.test) <= index.rows == room:
                return None
            return _mapped(self._pixels, index.rows, (channels, height, width), "r"), index
        except (OSError, ValueError, TypeError, ArithmeticError, RecursionError):
            return None

    def make(self, rows: int, shape: Shape) -> Pixels | None:
        """An array in a new file, to be filled; None where the disk has no room for it."""
        self._remove_temporary()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._temporary = self._folder / f".{secrets.token_hex(8)}.tmp"
            with self._temporary.open("xb") as file:
                os.posix_fallocate(file.fileno(), 0, rows * math.prod(shape))
            return _mapped(self._temporary, rows, shape, "r+")
        except OSError:
            self._remove_temporary()
            return None

    def keep(self, index: Index) -> None:
        """Put what was filled in its place for the next time; older ones of the same collection go."""
        if self._temporary is None:
            return
        try:
            with self._temporary.open("rb") as file:
                os.fsync(file.fileno())
            self._temporary.replace(self._pixels)
            self._temporary = None
            synchronize_folder(self._folder)
            write_bytes(self._index, json.dumps(vars(index)).encode())
            for path in self._folder.glob(f"{self._prefix}*"):
                if path not in (self._pixels, self._index):
                    path.unlink(missing_ok=True)
        except (OSError, DataError):
            self._index.unlink(missing_ok=True)

    def _remove_temporary(self) -> None:
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None

    def __exit__(self, *error: object) -> None:
        self._remove_temporary()


def _folder() -> Path:
    return cache_folder() / "data" / "pictures"


def _place(path: Path, shape: Shape | None) -> str:
    return repr((str(path.absolute()), shape))


def _prefix(path: Path, shape: Shape | None) -> str:
    return f"{_digest(_place(path, shape))}-"


def _mapped(path: Path, rows: int, shape: Shape, mode: Literal["r", "r+"]) -> Pixels:
    return np.memmap(path, np.uint8, mode, shape=(rows, *shape))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
