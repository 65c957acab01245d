"""Decoding a block of picture files into an array: a function of its arguments, for any thread or process."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data.decoding import decode, decode_same_size, without_warnings
from pellucid.data.fit import fit_pixels
from pellucid.data.pictures.listing import Contents, Entry
from pellucid.data.wishes import Shape
from pellucid.errors import DataError, FormatError
from pellucid.storage import reason

READ_AHEAD = 16
"""Files to read before the first of them is decoded; in turn, each would find the processor's caches cold."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Wanted:
    """What pictures become.

    Attributes:
        shape: (C, H, W) of all of them.
        exact: whether it is the first picture's, which the others must have too; else they are fitted to it.
        skip: go on without a broken one.
    """

    shape: Shape
    exact: bool
    skip: bool


@dataclass(frozen=True)
class Broken:
    """A picture that cannot be read.

    Attributes:
        number: among those asked for.
        reason: one line that begins with its path.
    """

    number: int
    reason: str


@dataclass(frozen=True)
class Block:
    """Neighbouring files of a collection.

    Attributes:
        contents: gives their bytes.
        entries: the files.
        first: number of the first of them.
    """

    contents: Contents
    entries: Sequence[Entry]
    first: int


Work = tuple[Pixels | None, list[Broken]]
"""Of one block: its pixels, unless they have gone to their file, and the broken pictures."""


class ColorsError(Exception):
    """A picture has colours, and the array was made for grey ones."""


def get_ready() -> None:
    """Load what decodes, into a process that has nothing to do yet."""
    import_module("simplejpeg")


def decode_block(block: Block, wanted: Wanted) -> tuple[Pixels, list[Broken]]:
    """Pixels (N, C, H, W), where the rows of broken pictures hold nothing of use, and which those are.

    Raises:
        FormatError: a picture is broken, and it is not to be skipped.
        DataError: a picture of another size than the first.
        ColorsError: a picture in colours where the first one was grey.
    """
    channels, height, width = wanted.shape
    smallest = (0, 0) if wanted.exact else (height, width)
    pixels = np.empty((len(block.entries), height, width, channels), np.uint8)
    broken = []
    for row, content in enumerate(_contents(block)):
        if channels == 3 and isinstance(content, bytes) and decode_same_size(content, pixels[row]):
            continue
        label = block.contents.label(block.entries[row])
        try:
            picture = _decoded(label, content, smallest)
        except DataError as error:
            if not wanted.skip:
                raise fatal(error) from None
            broken.append(Broken(block.first + row, str(error)))
            continue
        if picture.shape != wanted.shape:
            if wanted.exact:
                _require_size(label, picture, wanted.shape)
            picture = fit_pixels(picture[None], wanted.shape)[0]
        pixels[row] = picture.transpose(1, 2, 0)
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), broken


def _contents(block: Block) -> Iterator[bytes | DataError]:
    """Bytes of one file after the other, or why there are none."""
    for start in range(0, len(block.entries), READ_AHEAD):
        contents: list[bytes | DataError] = []
        for entry in block.entries[start : start + READ_AHEAD]:
            try:
                contents.append(block.contents.read(entry))
            except DataError as error:
                contents.append(error)
        yield from contents


def _decoded(label: str, content: bytes | DataError, smallest: tuple[int, int]) -> Pixels:
    if isinstance(content, DataError):
        raise content
    return decode(label, content, smallest)


def decode_block_alone(block: Block, wanted: Wanted, target: str | None) -> Work:
    """`decode_block` in a process of its own, which has warnings of its own.

    Args:
        block: of a collection.
        wanted: of its pictures.
        target: the file of all pixels, if there is one: they go there, and no other process handles them.

    Raises:
        DataError: as `decode_block`; and the file cannot be written.
    """
    with without_warnings():
        pixels, broken = decode_block(block, wanted)
    if target is None:
        return pixels, broken
    try:
        with Path(target).open("r+b") as file:
            file.seek(block.first * math.prod(wanted.shape))
            file.write(pixels.data)
    except OSError as error:
        raise DataError(f"{target}: {reason(error)}") from None
    return None, broken


def fatal(error: DataError) -> FormatError:
    """A broken picture that ends the reading, and how to go on without it."""
    return FormatError(f'{error}; on_broken="skip" (--skip-broken) leaves it out')


def _require_size(label: str, picture: Pixels, shape: Shape) -> None:
    """Only the channels may differ from those of the array, and grey may become colours."""
    (height, width), (rows, columns) = picture.shape[1:], shape[1:]
    if (height, width) != (rows, columns):
        raise DataError(
            f"{label}: is {width} x {height}, the first picture {columns} x {rows}; "
            "pictures of different sizes need input_shape=(C, H, W), which all of them get"
        )
    if shape[0] == 1:
        raise ColorsError
