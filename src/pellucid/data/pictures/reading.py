"""Decoding many pictures into one array, on every core, with little else in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pellucid.data.decoding import decode, decode_same_size, without_warnings
from pellucid.data.fit import fit_pixels
from pellucid.data.pictures.listing import Entry, Source
from pellucid.data.wishes import Shape
from pellucid.errors import DataError, FormatError

Pixels = NDArray[np.uint8]
BLOCK = 128
"""Pictures that a thread takes at a time."""

BYTES_A_THREAD = 1024
"""Mean size of the files for each thread: small pictures in many threads mostly wait for the interpreter."""


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
class Reader:
    """Reads pictures of one source.

    Attributes:
        source: where they are.
        shape: that they get; None for the one of the first that can be read.
        skip: go on without a broken one.
    """

    source: Source
    shape: Shape | None
    skip: bool

    def read(self, entries: Sequence[Entry], make: Callable[[Shape], Pixels]) -> tuple[Pixels, list[Broken]]:
        """All pictures, in order; the rows of broken ones hold nothing of use.

        Args:
            entries: at least one.
            make: gives an array (N, C, H, W) for the shape of one picture; called again where a collection
                that begins with grey pictures turns out to have colours.

        Raises:
            FormatError: a picture is broken, and it is not to be skipped; or all are.
            DataError: pictures of several sizes, and no shape was given.
        """
        shape = self.shape or self._first_shape(entries)
        with without_warnings():
            try:
                pixels = make(shape)
                return pixels, self._fill(entries, pixels, exact=self.shape is None)
            except _ColorsError:
                pixels = make((3, *shape[1:]))
                return pixels, self._fill(entries, pixels, exact=True)

    def _first_shape(self, entries: Sequence[Entry]) -> Shape:
        with without_warnings():
            for entry in entries:
                try:
                    label, content = self.source.label(entry), self.source.read(entry)
                    channels, height, width = decode(label, content).shape
                except DataError as error:
                    if not self.skip:
                        raise _fatal(str(error)) from None
                else:
                    return channels, height, width
        raise FormatError(f"{self.source.path}: none of its {len(entries)} pictures can be read")

    def _fill(self, entries: Sequence[Entry], pixels: Pixels, *, exact: bool) -> list[Broken]:
        blocks = [slice(start, start + BLOCK) for start in range(0, len(entries), BLOCK)]
        fill = partial(self._fill_block, entries, pixels, exact)
        mean_size = sum(entry.size for entry in entries) // len(entries)
        count = max(1, min(len(os.sched_getaffinity(0)), mean_size // BYTES_A_THREAD))
        with ThreadPoolExecutor(count) as threads:
            try:
                broken = [one for block in threads.map(fill, blocks) for one in block]
            finally:
                threads.shutdown(cancel_futures=True)
        if len(broken) == len(entries):
            raise FormatError(f"{self.source.path}: none of its {len(entries)} pictures can be read")
        return broken

    def _fill_block(
        self, entries: Sequence[Entry], pixels: Pixels, exact: bool, block: slice
    ) -> list[Broken]:
        channels, height, width = pixels.shape[1:]
        smallest = (0, 0) if exact else (height, width)
        colors = np.empty((height, width, 3), np.uint8)
        broken = []
        for number, entry in enumerate(entries[block], block.start):
            try:
                content = self.source.read(entry)
                if channels == 3 and decode_same_size(content, colors):
                    pixels[number] = colors.transpose(2, 0, 1)
                    continue
                picture = decode(self.source.label(entry), content, smallest)
            except DataError as error:
                if not self.skip:
                    raise _fatal(str(error)) from None
                broken.append(Broken(number, str(error)))
                continue
            if picture.shape != pixels.shape[1:]:
                if exact:
                    self._require_size(entry, picture, pixels)
                picture = fit_pixels(picture[None], pixels.shape[1:])[0]
            pixels[number] = picture
        return broken

    def _require_size(self, entry: Entry, picture: Pixels, pixels: Pixels) -> None:
        """Only the channels may differ from those of the array, and grey may become colours."""
        (height, width), (rows, columns) = picture.shape[1:], pixels.shape[2:]
        if (height, width) != (rows, columns):
            raise DataError(
                f"{self.source.label(entry)}: is {width} x {height}, the first picture {columns} x {rows}; "
                "pictures of different sizes need input_shape=(C, H, W), which all of them get"
            )
        if pixels.shape[1] == 1:
            raise _ColorsError


class _ColorsError(Exception):
    """A picture has colours, and the array was made for grey ones."""


def _fatal(text: str) -> FormatError:
    return FormatError(f'{text}; on_broken="skip" (--skip-broken) leaves it out')
