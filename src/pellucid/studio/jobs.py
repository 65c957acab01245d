"""Work off the event loop, so that the server goes on answering.

Two groups of threads: what is quick never waits behind what is slow. A request whose client has gone does not
begin its work, and work that goes on in parts stops between two of them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np
from starlette.requests import Request

QUICK_THREADS, SLOW_THREADS = 4, 2

T = TypeVar("T")


class AbandonedError(Exception):
    """Nobody waits for the answer any more."""


class Attention:
    """Whether somebody still waits for an answer; long work asks between its parts."""

    def __init__(self) -> None:
        self._gone = threading.Event()

    def check(self) -> None:
        """Raise AbandonedError when nobody waits."""
        if self._gone.is_set():
            raise AbandonedError

    def end(self) -> None:
        """Nobody waits."""
        self._gone.set()


class Jobs:
    """The threads that work."""

    def __init__(self) -> None:
        self._quick = ThreadPoolExecutor(QUICK_THREADS, "studio-quick")
        self._slow = ThreadPoolExecutor(SLOW_THREADS, "studio-slow")
        self._underway: set[Future[Any]] = set()

    def close(self) -> None:
        """Begin nothing more."""
        self._quick.shutdown(wait=False, cancel_futures=True)
        self._slow.shutdown(wait=False, cancel_futures=True)

    def have_ended(self, within: float) -> bool:
        """Whether nothing is being worked on, or no longer after so many seconds."""
        return not wait(tuple(self._underway), within).not_done

    async def run(self, request: Request, work: Callable[[Attention], T], *, slow: bool = False) -> T:
        """What the work returns.

        Raises:
            AbandonedError: the client went, or the server ended, before it was done.
        """
        attention = Attention()

        def begun() -> T:
            attention.check()
            with np.errstate(all="ignore"):  # what is not finite is shown, and no news for the terminal
                return work(attention)

        underway = (self._slow if slow else self._quick).submit(begun)
        self._underway.add(underway)
        underway.add_done_callback(self._underway.discard)
        done = asyncio.wrap_future(underway)
        gone = asyncio.create_task(_disconnected(request))
        try:
            await asyncio.wait((done, gone), return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                raise AbandonedError
            return done.result()
        except asyncio.CancelledError:
            raise AbandonedError from None
        finally:
            attention.end()
            done.cancel()
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone
            if not done.cancelled():
                done.add_done_callback(_look_at)


async def _disconnected(request: Request) -> None:
    """Returns when the client goes; the body has been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _look_at(done: asyncio.Future[T]) -> None:
    """Take note of an error that came too late for anyone to hear of."""
    if not done.cancelled():
        done.exception()
