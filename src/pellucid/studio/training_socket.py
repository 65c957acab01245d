"""The WebSocket over which the page conducts a training run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from pellucid.errors import PellucidError
from pellucid.studio import wishes
from pellucid.studio.bodies import parse_json
from pellucid.studio.mailbox import Mailbox
from pellucid.studio.messages import TrainState
from pellucid.studio.refusals import UNUSABLE, RefusedError
from pellucid.studio.replay import Replay
from pellucid.studio.studio import Studio
from pellucid.studio.train_state import state_of
from pellucid.studio.training_session import Report, TrainingSession
from pellucid.studio.wire import encode

Body = Mapping[str, Any]

MOST_EPOCHS = 1000

PATIENCE = 3.0
"""Seconds that a run has to end before another begins: longer than any one step of most."""


class Line:
    """One page that trains: at most one run at a time."""

    def __init__(self, studio: Studio, report: Report) -> None:
        self._studio, self._report = studio, report
        self._session: TrainingSession | Replay | None = None

    def obey(self, body: Body) -> bool:
        """Do what a message says; false when it ends the conversation."""
        action = wishes.text(body, "action")
        if action == "open":
            self._open(body)
        elif action == "close":
            return False
        elif self._session is None:
            raise RefusedError(UNUSABLE, "open a run first: choose a model and data")
        elif action == "scrub":
            self._session.scrub(wishes.whole(body, "step"))
        elif action in ("step", "epoch", "run", "pause"):
            self._session.go(action)
        else:
            raise RefusedError(
                UNUSABLE, f"action: open, step, epoch, run, pause, scrub or close; not {action!r}"
            )
        return True

    def refusing(self, problem: str) -> TrainState:
        """Where the run stands, and why it does not do what was asked."""
        if self._session is None:
            return state_of("failed", problem=problem)
        return {**self._session.state, "problem": problem}

    def hang_up(self) -> None:
        """End the run; it takes no time to say so."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self, body: Body) -> None:
        studio = self._studio
        model = studio.workspace.model(wishes.text(body, "model"))
        data = wishes.optional_text(body, "data")
        epochs = max(1, wishes.whole(body, "epochs", 10, most=MOST_EPOCHS))
        self.hang_up()
        if data is None:
            if model.recording is None:
                raise RefusedError(UNUSABLE, f"{model.model.name}: choose data, as it has no recording")
            self._session = Replay(model, model.recording, self._report)
            return
        if data not in studio.data_names:
            raise RefusedError(UNUSABLE, f"data: one of {', '.join(studio.data_names)}; not {data!r}")
        if not studio.training.acquire(timeout=PATIENCE):
            raise RefusedError(UNUSABLE, "a run is under way in another window: end it first")
        try:
            self._session = TrainingSession(
                studio.workspace, model, data, epochs, report=self._report, ended=studio.training.release
            )
        except BaseException:
            studio.training.release()
            raise


async def training(socket: WebSocket) -> None:
    """Commands in, states out, until the page goes."""
    studio: Studio = socket.app.state.studio
    await socket.accept()
    mailbox: Mailbox[TrainState] = Mailbox()
    line = Line(studio, mailbox.put)
    sending = asyncio.create_task(_send(socket, mailbox))
    try:
        while await _obeyed(line, await socket.receive_text(), mailbox):
            pass
        await socket.close()
    except (WebSocketDisconnect, KeyError):  # KeyError: bytes came where text was expected
        pass
    finally:
        line.hang_up()
        sending.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await sending


async def _obeyed(line: Line, message: str, mailbox: Mailbox[TrainState]) -> bool:
    try:
        return await asyncio.to_thread(lambda: line.obey(parse_json(message)))
    except PellucidError as error:
        mailbox.put(line.refusing(str(error)))
        return True


async def _send(socket: WebSocket, mailbox: Mailbox[TrainState]) -> None:
    while True:
        await socket.send_text(encode(await mailbox.take()).decode())


def routes() -> Sequence[WebSocketRoute]:
    """Where it is."""
    return (WebSocketRoute("/api/training", training),)
