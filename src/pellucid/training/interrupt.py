"""Ctrl-C, taken note of between steps instead of in the middle of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

from pellucid.errors import PellucidError


class TrainingInterruptedError(PellucidError):
    """Ctrl-C stopped a training run; the text says where it stands and how to go on.

    Attributes:
        where: how far it came, in words.
        step: steps done.
        output: folder of the checkpoint, or None where nothing was saved.
    """

    def __init__(self, message: str, *, where: str, step: int, output: str | None) -> None:
        super().__init__(message)
        self.where = where
        self.step = step
        self.output = output


class InterruptNotice:
    """While entered, the first Ctrl-C only sets `requested`; a second one acts as it always does.

    A KeyboardInterrupt may come between a step and the line that counts it, and a checkpoint written then
    would be wrong by a step. Outside the main thread, or where Ctrl-C is ignored, nothing changes.
    """

    def __init__(self) -> None:
        self.requested = False
        self._taken = False
        self._previous = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> Self:
        self._previous = signal.getsignal(signal.SIGINT)
        usable = self._previous not in (None, signal.SIG_IGN)
        if usable and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._note)
            self._taken = True
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._give_back()

    def _give_back(self) -> None:
        if self._taken:
            signal.signal(signal.SIGINT, self._previous)
            self._taken = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._give_back()
        if self.requested and error is None:
            raise KeyboardInterrupt  # it came too late to stop the run, but it was meant for someone
