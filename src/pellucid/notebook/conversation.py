"""The server's answers without a server: requests come as messages of a notebook's page.

A thread of its own runs the event loop, so that the page is answered while the kernel waits for its user, and
the kernel is never held by a slow answer.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message, Scope

from pellucid.studio.messages import Asking, Telling

Send = Callable[[Telling, Sequence[bytes]], None]
"""Tells the page something; bytes come with it."""

LOG = logging.getLogger(__name__)


class Conversation:
    """One page and its kernel.

    Args:
        app: that answers requests.
        page: shown to whoever asks for it.
        height: of the page in pixels.
        send: called on the conversation's own thread.
    """

    def __init__(self, app: ASGIApp, page: bytes, height: int, send: Send) -> None:
        self._app, self._page, self._height, self._send = app, page, height, send
        self._left: dict[str, asyncio.Event] = {}
        self._lines: dict[str, asyncio.Queue[Message]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pellucid-notebook", daemon=True)
        self._thread.start()

    def hear(self, message: Asking, buffers: Sequence[Any]) -> None:
        """Take a message of the page; the answer comes later."""
        content = bytes(buffers[0]) if buffers else b""
        self._loop.call_soon_threadsafe(self._take, message, content)

    def close(self) -> None:
        """Answer nothing more."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()
        self._loop.close()

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        asyncio.gather(*self._tasks, return_exceptions=True).add_done_callback(lambda _: self._loop.stop())

    def _take(self, message: Asking, content: bytes) -> None:
        name, kind = message["id"], message["kind"]
        if kind == "page":
            self._send({"kind": "page", "id": name, "height": self._height}, [self._page])
        elif kind == "ask":
            self._left[name] = asyncio.Event()
            self._begin(self._answer(message, content))
        elif kind == "leave" and name in self._left:
            self._left[name].set()
        elif kind == "open":
            self._lines[name] = asyncio.Queue()
            self._lines[name].put_nowait({"type": "websocket.connect"})
            self._begin(self._line(name, message.get("path", "")))
        elif kind == "say" and name in self._lines:
            self._lines[name].put_nowait({"type": "websocket.receive", "text": message.get("text", "")})
        elif kind == "hang-up" and name in self._lines:
            self._lines[name].put_nowait({"type": "websocket.disconnect", "code": 1000})

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # the page has been told already that the answer failed
            LOG.error("the Studio could not answer", exc_info=error)

    async def _answer(self, message: Asking, content: bytes) -> None:
        """One request."""
        name, text = message["id"], message.get("text")
        body = content if text is None else text.encode()
        left, status, parts = self._left[name], 0, bytearray()
        incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if incoming:
                return incoming.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(told: Message) -> None:
            nonlocal status
            status = told.get("status", status)
            parts.extend(told.get("body", b""))

        headers = [(b"content-length", str(len(body)).encode())]
        if text is not None:
            headers.append((b"content-type", b"application/json"))
        scope = _scope("http", message.get("path", ""), headers)
        scope["method"], scope["http_version"] = message.get("method", "GET"), "1.1"
        try:
            await self._app(scope, receive, send)
        finally:
            del self._left[name]
            if status and not left.is_set():
                self._send({"kind": "answer", "id": name, "status": status}, [bytes(parts)])

    async def _line(self, name: str, path: str) -> None:
        """One WebSocket."""

        async def send(told: Message) -> None:
            if told["type"] == "websocket.send":
                self._send({"kind": "said", "id": name, "text": told["text"]}, [])

        try:
            await self._app(_scope("websocket", path, []), self._lines[name].get, send)
        finally:
            del self._lines[name]
            self._send({"kind": "closed", "id": name}, [])


def _scope(kind: str, path: str, headers: list[tuple[bytes, bytes]]) -> Scope:
    """A request as ASGI describes it."""
    parts = urlsplit(path)
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "scheme": "http" if kind == "http" else "ws",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": headers,
        "client": None,
        "server": None,
        "subprotocols": [],
    }
