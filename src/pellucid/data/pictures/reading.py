"""Decoding many pictures into one array, on every core, with little else in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from pellucid.data.decoding import decode, without_warnings
from pellucid.data.pictures.blocks import (
    Block,
    Broken,
    ColorsError,
    Pixels,
    Wanted,
    Work,
    decode_block,
    decode_block_alone,
    fatal,
)
from pellucid.data.pictures.listing import Entry, Source
from pellucid.data.pictures.workers import Workers
from pellucid.data.wishes import Shape
from pellucid.errors import DataError, FormatError

BLOCK = 128
"""Pictures that are decoded as one piece of work."""


@dataclass(frozen=True)
class Reader:
    """Reads pictures of one source.

    Attributes:
        source: where they are.
        shape: that they get; None for the one of the first that can be read.
        skip: go on without a broken one.
        workers: who decodes.
    """

    source: Source
    shape: Shape | None
    skip: bool
    workers: Workers

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
                return pixels, self._fill(entries, pixels, Wanted(shape, self.shape is None, self.skip))
            except ColorsError:
                colored = (3, *shape[1:])
                pixels = make(colored)
                return pixels, self._fill(entries, pixels, Wanted(colored, True, self.skip))

    def _first_shape(self, entries: Sequence[Entry]) -> Shape:
        with without_warnings():
            for entry in entries:
                try:
                    label, content = self.source.label(entry), self.source.read(entry)
                    channels, height, width = decode(label, content).shape
                except DataError as error:
                    if not self.skip:
                        raise fatal(error) from None
                else:
                    return channels, height, width
        raise FormatError(f"{self.source.path}: none of its {len(entries)} pictures can be read")

    def _fill(self, entries: Sequence[Entry], pixels: Pixels, wanted: Wanted) -> list[Broken]:
        broken: list[Broken] = []
        target = str(pixels.filename) if isinstance(pixels, np.memmap) else None
        starts = range(0, len(entries), BLOCK)
        for start, work in zip(starts, self._decoded(entries, wanted, target), strict=True):
            decoded, unreadable = work
            if decoded is not None:
                pixels[start : start + len(decoded)] = decoded
            broken += unreadable
        if len(broken) == len(entries):
            raise FormatError(f"{self.source.path}: none of its {len(entries)} pictures can be read")
        return broken

    def _decoded(self, entries: Sequence[Entry], wanted: Wanted, target: str | None) -> Iterator[Work]:
        """Block after block in order; only a few are ever under way, so that memory stays flat."""
        crew = self.workers.chosen(entries)
        waiting: deque[Future[Work]] = deque()
        for start in range(0, len(entries), BLOCK):
            if len(waiting) == crew.most:
                yield waiting.popleft().result()
            files = entries[start : start + BLOCK]
            if crew.alone:
                block = Block(self.source.portable(files), files, start)
                waiting.append(crew.pool.submit(decode_block_alone, block, wanted, target))
            else:
                waiting.append(crew.pool.submit(decode_block, Block(self.source, files, start), wanted))
        while waiting:
            yield waiting.popleft().result()
