"""Who may talk to the server: this machine's browser, on the page that was opened, and nobody else.

A page of another site can make a browser send requests here, and can have its own name resolve to this
machine (DNS rebinding). So Host and Origin must be this server's own, and every request for data carries a
token that only the opened page knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pellucid.studio.messages import Problem
from pellucid.studio.refusals import FORBIDDEN, UNAUTHORIZED
from pellucid.studio.wire import encode

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

API = "/api/"

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)
"""Sent with every answer: the page runs its own scripts, talks to this server, and is in no frame."""

POLICY_VIOLATION = 1008
"""Why a WebSocket is closed before it opens."""


@dataclass(frozen=True)
class Doorkeeper:
    """Lets requests through that come from the page this server gave out.

    Args:
        app: what is behind it.
        token: of this start.
        port: that the server listens on.
    """

    app: ASGIApp
    token: str
    port: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal, or hand the request on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refused[1]})
        else:
            await _refuse(_with_headers(send), *refused)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        own = {f"{name}:{self.port}" for name in LOOPBACK}
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in own:
            return FORBIDDEN, "requests name this machine as their host: 127.0.0.1 or localhost, and the port"
        if any(origin.lower() not in {f"http://{name}" for name in own} for origin in origins):
            return FORBIDDEN, "requests come from the Studio's own page, not from another site"
        if scope["type"] == "websocket" and not origins:
            return FORBIDDEN, "a WebSocket is opened by the Studio's own page"
        if scope["path"].startswith(API) and not self._knows(scope, headers):
            return (
                UNAUTHORIZED,
                "the token is missing or wrong: open the address that the terminal shows",
            )
        return None

    def _knows(self, scope: Scope, headers: Headers) -> bool:
        given = headers.get("x-token")
        # Images and WebSockets cannot carry a header of their own.
        if given is None and (scope["type"] == "websocket" or scope["method"] == "GET"):
            query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=32)
            given = query.get("token", [""])[0]
        return compare_digest((given or "").encode(), self.token.encode())


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, text: str) -> None:
    problem: Problem = {"error": text}
    body = encode(problem)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # whatever else was sent is not read
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
