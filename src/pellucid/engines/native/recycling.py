"""Memory for results, used again once nobody holds them."""

from __future__ import annotations

import math
import threading
import weakref
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

SMALL = 1 << 16
"""Bytes below which an array is simply made: the system has such memory at hand."""

MOST = 1 << 30
"""Bytes that wait to be used again, at most."""


class Recycler:
    """Hands out arrays, and takes their memory back when the last view of them has gone.

    The system gives a process new memory page by page, each cleared, which takes longer than to write what an
    engine has computed. Several threads may ask.
    """

    def __init__(self) -> None:
        self._free: defaultdict[int, list[Float32]] = defaultdict(list)
        self._waiting = 0
        # A thread may come back to give_back in the middle of it, when collecting garbage.
        self._lock = threading.RLock()

    def empty(self, shape: tuple[int, ...]) -> Float32:
        """An array that holds anything."""
        count = math.prod(shape)
        if 4 * count < SMALL:
            return np.empty(shape, np.float32)
        with self._lock:
            found = self._free[count].pop() if self._free[count] else None
            self._waiting -= found.nbytes if found is not None else 0
        memory = np.empty(count, np.float32) if found is None else found
        # Views of `lent` keep it alive, and not `memory` itself, as a memoryview lies between them.
        lent = np.frombuffer(memory.data, np.float32)
        weakref.finalize(lent, self._give_back, memory).atexit = False
        return lent.reshape(shape)

    def _give_back(self, memory: Float32) -> None:
        with self._lock:
            if self._waiting + memory.nbytes <= MOST:
                self._free[memory.size].append(memory)
                self._waiting += memory.nbytes
