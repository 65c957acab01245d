"""The latest of what a thread has to say, for a coroutine that may be slower."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds one message: a newer one takes its place. Made within the event loop that reads it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._message: T | None = None

    def put(self, message: T) -> None:
        """Leave a message, from any thread; of no effect once the loop has ended."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._set, message)

    async def take(self) -> T:
        """The message, as soon as there is one."""
        await self._arrived.wait()
        self._arrived.clear()
        assert self._message is not None
        return self._message

    def _set(self, message: T) -> None:
        self._message = message
        self._arrived.set()
