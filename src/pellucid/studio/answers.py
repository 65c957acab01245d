"""From a question of the page to an answer: the part that every route shares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pellucid.errors import PellucidError
from pellucid.studio.bodies import read_json
from pellucid.studio.jobs import AbandonedError, Attention
from pellucid.studio.messages import Problem
from pellucid.studio.refusals import status_of
from pellucid.studio.studio import Studio
from pellucid.studio.wire import encode

Body = Mapping[str, Any]

Question = Callable[[Studio, Body, Attention], object]
"""Answers a JSON question, off the event loop: bytes as they are, anything else as JSON."""

BINARY = "application/octet-stream"

CLIENT_CLOSED = 499
"""What nobody receives."""


def studio_of(request: Request) -> Studio:
    """The Studio that a request is for."""
    studio: Studio = request.app.state.studio
    return studio


def question(path: str, ask: Question, *, slow: bool = False) -> Route:
    """A route whose question and answer are messages."""

    async def endpoint(request: Request) -> Response:
        studio = studio_of(request)
        body = await read_json(request, studio.limits.json)
        return answer(await studio.jobs.run(request, lambda job: ask(studio, body, job), slow=slow))

    return Route(path, answering(endpoint), methods=["POST"])


def answering(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint whose refusals become Problems with a status."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except AbandonedError:
            return Response(status_code=CLIENT_CLOSED)
        except PellucidError as error:
            return problem(status_of(error), str(error))
        except MemoryError:
            return problem(413, "this takes more memory than there is")

    return guarded


def answer(found: object) -> Response:
    """Bytes as they are, anything else as JSON."""
    headers = {"cache-control": "no-store"}
    if isinstance(found, bytes):
        return Response(found, media_type=BINARY, headers=headers)
    return Response(encode(found), media_type="application/json", headers=headers)


def problem(status: int, text: str) -> Response:
    """Why a request was refused."""
    message: Problem = {"error": " ".join(text.split())}
    return Response(
        encode(message), status, media_type="application/json", headers={"cache-control": "no-store"}
    )
