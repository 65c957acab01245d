"""Data sets in NumPy's .npz files: arrays by name, in a zip archive."""

from __future__ import annotations

import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset, Split
from pellucid.data.tar import LARGEST_RATIO, LEAST_LARGEST
from pellucid.data.wishes import Wishes
from pellucid.errors import DataError, FormatError
from pellucid.storage import reason

Array = NDArray[Any]

HALVES = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
"""Images and classes to train on and to test on; the first is the form of Keras's mnist.npz."""

WHOLES = (("images", "labels"), ("x", "y"))
"""Images and classes, a part of which is held out."""

CLASS_NAMES = "class_names"
"""An array of strings that says what the classes mean; it may be missing."""

MOST_ARRAYS = 1_000
MOST_CLASSES = 100_000
COLORS = (1, 3)

_DAMAGED = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error),
    *(ValueError, LookupError, RuntimeError, TypeError, OverflowError, MemoryError),
    *(SyntaxError, tokenize.TokenError),
)
"""What NumPy and zipfile raise, besides OSError, over a file that breaks its format."""


def load_npz(path: Path, name: str, wishes: Wishes) -> Dataset:
    """The data set in a .npz file.

    Images are uint8, or floats in [0, 1], which become the nearest of 256 levels: (N, H, W) grey, (N, H, W,
    C), (N, C, H, W) with 1 or 3 channels, or (N, features). Classes are whole numbers (N,) or (N, 1).

    Args:
        path: of the file.
        name: of the data set.
        wishes: how to split it, where it is whole.

    Raises:
        FormatError: a damaged or hostile file, or arrays that are not these.
        DataError: too few images of a class to hold some out.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.namelist()) > MOST_ARRAYS:
                raise FormatError(f"{path}: more than {MOST_ARRAYS} arrays; a data set has fewer")
            file = _File(path, archive)
            half = next((names for names in HALVES if set(names) <= file.names), None)
            whole = next((names for names in WHOLES if set(names) <= file.names), None)
            if half:
                train, test = file.split(*half[:2]), file.split(*half[2:])
            elif whole:
                train, test = file.split(*whole).stratified(wishes.test_fraction, wishes.seed)
            else:
                forms = " or ".join(", ".join(names) for names in (*HALVES, *WHOLES))
                raise FormatError(
                    f"{path}: expects arrays named {forms}, received {', '.join(sorted(file.names)[:20])}"
                )
            return _dataset(path, name, train, test, file.class_names())
    except FormatError:
        raise
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except OSError as error:
        raise FormatError(f"{path}: {reason(error)}") from None
    except _DAMAGED as error:
        raise FormatError(f"{path}: not a .npz file, or damaged ({error or type(error).__name__})") from None


class _File:
    """An open .npz file."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path, self._archive = path, archive
        self._room = max(LEAST_LARGEST, LARGEST_RATIO * path.stat().st_size)
        self.names = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}

    def split(self, images: str, labels: str) -> Split:
        """The split in two arrays."""
        pixels, classes = self._array(images), self._array(labels)
        if classes.ndim == 2 and classes.shape[1] == 1:
            classes = classes[:, 0]
        if classes.ndim != 1 or classes.dtype.kind not in "iu":
            raise self._wrong(labels, "classes are whole numbers (N,) or (N, 1)", classes)
        if len(classes) and not 0 <= int(classes.min()) <= int(classes.max()) < MOST_CLASSES:
            raise FormatError(
                f"{self._path}: {labels}: classes are 0 to {MOST_CLASSES - 1}, "
                f"received {classes.min()} to {classes.max()}"
            )
        try:
            return Split(self._channels_first(images, self._bytes(images, pixels)), classes.astype(np.int64))
        except DataError as error:
            raise FormatError(f"{self._path}: {images} and {labels}: {error}") from None

    def class_names(self) -> tuple[str, ...] | None:
        """What the classes mean, where the file says so."""
        if CLASS_NAMES not in self.names:
            return None
        names = self._array(CLASS_NAMES)
        if names.ndim != 1 or names.dtype.kind != "U":
            raise self._wrong(CLASS_NAMES, "names are strings (classes,)", names)
        return tuple(map(str, names))

    def _array(self, name: str) -> Array:
        """An array; its memory is taken only after its claim has been held against the size of the file."""
        member = self._archive.getinfo(f"{name}.npy")
        with self._archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            shape, _, dtype = read[version](file)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject:
            raise FormatError(f"{self._path}: {name} holds Python objects, which are never read")
        self._room -= size
        if min(shape, default=1) < 0 or size > member.file_size or self._room < 0:
            raise FormatError(f"{self._path}: {name} claims {dtype} {shape}, which its size cannot hold")
        with self._archive.open(member) as file:
            array: Array = np.lib.format.read_array(file, allow_pickle=False)
        return array

    def _bytes(self, name: str, images: Array) -> NDArray[np.uint8]:
        if images.dtype == np.uint8:
            return images
        if images.dtype.kind != "f":
            raise self._wrong(name, "images are uint8, or floats in [0, 1]", images)
        low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
        if not 0 <= low <= high <= 1:
            raise FormatError(f"{self._path}: {name}: floats lie in [0, 1], received {low:g} to {high:g}")
        pixels = np.empty(images.shape, np.uint8)
        for image, row in zip(images, pixels, strict=True):
            row[...] = np.rint(image.astype(np.float64) * 255)
        return pixels

    def _channels_first(self, name: str, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if pixels.ndim == 2:
            return pixels
        if pixels.ndim == 3:
            return pixels[:, None]
        if pixels.ndim != 4:
            raise self._wrong(
                name, "images are (N, H, W), (N, H, W, C), (N, C, H, W) or (N, features)", pixels
            )
        first, last = pixels.shape[1] in COLORS, pixels.shape[3] in COLORS
        if first == last:
            what = "two readings are possible" if first else "neither is 1 or 3"
            raise self._wrong(name, f"channels come second or last; {what}", pixels)
        return pixels if first else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))

    def _wrong(self, name: str, rule: str, array: Array) -> FormatError:
        return FormatError(f"{self._path}: {name}: {rule}, received {array.dtype} {array.shape}")


def _dataset(path: Path, name: str, train: Split, test: Split, names: tuple[str, ...] | None) -> Dataset:
    if names is None:
        largest = max((int(split.labels.max()) for split in (train, test) if len(split)), default=0)
        names = tuple(str(number) for number in range(largest + 1))
    try:
        return Dataset(name, train, test, names)
    except DataError as error:
        raise FormatError(f"{path}: the arrays do not belong together: {error}") from None
