"""What requests bring: read piece by piece, and no more than is allowed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import Request

from pellucid.studio.refusals import BAD_REQUEST, TOO_LARGE, UNUSABLE, WRONG_KIND, RefusedError

DEEPEST = 12
"""Of the nesting of a message."""


async def read_json(request: Request, limit: int) -> Mapping[str, Any]:
    """The body as a JSON object."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusedError(WRONG_KIND, f"expects JSON (application/json), received {kind or 'nothing'!r}")
    return parse_json(await read_bytes(request, limit))


def parse_json(content: bytes | str) -> Mapping[str, Any]:
    """A JSON object."""
    try:
        found = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise RefusedError(BAD_REQUEST, "the request is not JSON") from None
    if not isinstance(found, dict) or _depth(found, DEEPEST) > DEEPEST:
        raise RefusedError(UNUSABLE, "the request is one JSON object, not deeply nested")
    return found


async def read_bytes(request: Request, limit: int) -> bytes:
    """The whole body."""
    return b"".join([chunk async for chunk in _chunks(request, limit)])


async def read_to(request: Request, path: Path, limit: int) -> None:
    """The whole body, into a file."""
    async with await anyio.open_file(path, "wb") as file:
        async for chunk in _chunks(request, limit):
            await file.write(chunk)


async def _chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """Pieces of the body; what it claims is checked first, and what comes as it comes."""
    claimed = request.headers.get("content-length", "0")
    if claimed.isdecimal() and int(claimed) > limit:
        raise RefusedError(TOO_LARGE, f"at most {limit:,} bytes are taken here, received {int(claimed):,}")
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise RefusedError(TOO_LARGE, f"at most {limit:,} bytes are taken here, received more")
        yield chunk


def _depth(value: object, left: int) -> int:
    inner: list[object] = []
    if isinstance(value, dict):
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    if not inner or left < 0:
        return 1
    return 1 + max(_depth(item, left - 1) for item in inner)


def _refuse_constant(constant: str) -> float:
    raise ValueError(constant)
