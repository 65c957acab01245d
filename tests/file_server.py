"""A web server on this machine that serves one file, well or badly, and remembers what it was asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Behaviour:
    """What the server does.

    Attributes:
        files: content by path.
        ranges: whether it answers parts of a file.
        break_after: bytes after which each answer's connection breaks.
        shift: answers from this many bytes later than asked for.
        status: what it answers instead of anything else.
        redirect: where it sends every request.
        requested: the Range header of every request it has had.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    break_after: int | None = None
    shift: int = 0
    status: int | None = None
    redirect: str | None = None
    requested: list[str | None] = field(default_factory=list)


@contextmanager
def serve(behaviour: Behaviour) -> Iterator[str]:
    """The server's address, "http://127.0.0.1:port/", while it runs."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            answer(self, behaviour)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(request: BaseHTTPRequestHandler, behaviour: Behaviour) -> None:
    asked = request.headers.get("Range")
    behaviour.requested.append(asked)
    content = behaviour.files.get(request.path.lstrip("/"))
    if behaviour.redirect is not None:
        request.send_response(302)
        request.send_header("Location", behaviour.redirect)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    if behaviour.status is not None or content is None:
        request.send_error(behaviour.status or 404)
        return
    match = re.fullmatch(r"bytes=(\d+)-", asked or "") if behaviour.ranges else None
    start = int(match[1]) + behaviour.shift if match else 0
    if match and start >= len(content):
        request.send_error(416)
        return
    request.send_response(206 if match else 200)
    if match:
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    request.send_header("Content-Length", str(len(content) - start))
    request.end_headers()
    request.wfile.write(content[start:][: behaviour.break_after])
