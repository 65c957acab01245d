"""Threads or processes that decode pictures, whichever suits the files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from pellucid.data.pictures.blocks import get_ready
from pellucid.data.pictures.listing import Entry

BYTES_A_THREAD = 1024
"""Mean size of the files for each thread: small pictures in many threads mostly wait for the interpreter."""

SMALL, MANY = 8192, 16_384
"""Files of fewer bytes than this, and at least so many of them, are worth starting processes for."""


@dataclass(frozen=True)
class Crew:
    """Who works on a collection.

    Attributes:
        pool: takes the work.
        most: pieces of it to have under way.
        alone: whether they share no memory with this process.
    """

    pool: Executor
    most: int
    alone: bool


class Workers(AbstractContextManager["Workers"]):
    """Those of one collection, until it is left."""

    def __init__(self) -> None:
        self._cores = len(os.sched_getaffinity(0))
        self._processes: Executor | None = None
        self._held = ExitStack()

    def expect(self, count: int) -> None:
        """Have processes start while the pictures are still looked at, if so many may be worth it."""
        if self._cores > 1 and count >= MANY:
            processes = self._started_processes()
            for _ in range(self._cores):
                processes.submit(get_ready)

    def chosen(self, entries: Sequence[Entry]) -> Crew:
        """Processes, if these pictures are worth them; else as many threads as their size keeps busy."""
        mean_size = sum(entry.size for entry in entries) // len(entries)
        if self._cores > 1 and mean_size < SMALL and len(entries) >= MANY:
            return Crew(self._started_processes(), 2 * self._cores, alone=True)
        threads = max(1, min(self._cores, mean_size // BYTES_A_THREAD))
        pool = self._held.enter_context(ThreadPoolExecutor(threads))
        return Crew(pool, 2 * self._cores, alone=False)

    def _started_processes(self) -> Executor:
        """Unlike the standard library's, they do not run the user's script once more."""
        from loky import ProcessPoolExecutor

        if self._processes is None:
            self._processes = self._held.enter_context(ProcessPoolExecutor(self._cores))
        return self._processes

    def __exit__(self, *error: object) -> None:
        self._held.close()
