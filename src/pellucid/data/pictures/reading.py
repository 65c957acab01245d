"""Decoding many pictures into one array, on every core, with little else in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

from pellucid.data.decoding import decode, without_warnings
from pellucid.data.pictures.blocks import (
    Block,
    Broken,
    ColorsError,
    Pixels,
    Wanted,
    decode_block,
    decode_block_alone,
    fatal,
)
from pellucid.data.pictures.listing import Entry, Source
from pellucid.data.wishes import Shape
from pellucid.errors import DataError, FormatError

BLOCK = 128
"""Pictures that are decoded as one piece of work."""

BYTES_A_THREAD = 1024
"""Mean size of the files for each thread: small pictures in many threads mostly wait for the interpreter."""

SMALL, MANY = 8192, 16_384
"""Files of fewer bytes than this, and at least so many of them, are worth starting processes for."""

Work = tuple[Pixels, list[Broken]]


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
        start = 0
        for decoded, unreadable in self._decoded(entries, wanted):
            pixels[start : start + len(decoded)] = decoded
            start += len(decoded)
            broken += unreadable
        if len(broken) == len(entries):
            raise FormatError(f"{self.source.path}: none of its {len(entries)} pictures can be read")
        return broken

    def _decoded(self, entries: Sequence[Entry], wanted: Wanted) -> Iterator[Work]:
        """Block after block in order; only a few are ever under way, so that memory stays flat."""
        cores = len(os.sched_getaffinity(0))
        mean_size = sum(entry.size for entry in entries) // len(entries)
        threads = max(1, min(cores, mean_size // BYTES_A_THREAD))
        processes = cores > 1 and mean_size < SMALL and len(entries) >= MANY
        with _processes(cores) if processes else ThreadPoolExecutor(threads) as workers:
            waiting: deque[Future[Work]] = deque()
            for start in range(0, len(entries), BLOCK):
                if len(waiting) == 2 * cores:
                    yield waiting.popleft().result()
                block = entries[start : start + BLOCK]
                if processes:
                    waiting.append(workers.submit(decode_block_alone, self._load(start, block), wanted))
                else:
                    waiting.append(workers.submit(self._load_and_decode, start, block, wanted))
            while waiting:
                yield waiting.popleft().result()

    def _load_and_decode(self, start: int, entries: Sequence[Entry], wanted: Wanted) -> Work:
        return decode_block(self._load(start, entries), wanted)

    def _load(self, start: int, entries: Sequence[Entry]) -> Block:
        return Block(
            start, [self.source.label(entry) for entry in entries], list(map(self._content, entries))
        )

    def _content(self, entry: Entry) -> bytes | DataError:
        try:
            return self.source.read(entry)
        except DataError as error:
            return error


def _processes(count: int) -> Executor:
    """Worker processes that, unlike the standard library's, do not run the user's script once more."""
    from loky import ProcessPoolExecutor

    workers: Executor = ProcessPoolExecutor(count)
    return workers
