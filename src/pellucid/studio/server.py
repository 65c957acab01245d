"""Running the Studio on this machine."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from pellucid.errors import DataError
from pellucid.storage import reason
from pellucid.studio.app import application
from pellucid.studio.studio import Studio

HOST = "127.0.0.1"
"""Nothing outside this machine can connect."""

PORT = 8765
"""Tried first; any free one where it is taken."""

TOKEN_BYTES = 32


@dataclass(frozen=True)
class Address:
    """Where a Studio is reached.

    Attributes:
        port: on the loopback interface.
        token: of this start.
    """

    port: int
    token: str

    @property
    def url(self) -> str:
        """What the browser opens."""
        return f"http://{HOST}:{self.port}/?token={self.token}"


def serve(studio: Studio, *, port: int | None = None, ready: Callable[[Address], None]) -> None:
    """Answer until Ctrl-C.

    Args:
        studio: what is open.
        port: to listen on; PORT or a free one when left out.
        ready: told the address before the first answer.

    Raises:
        DataError: the port is taken.
    """
    with _listening(port) as listener:
        address = Address(listener.getsockname()[1], secrets.token_urlsafe(TOKEN_BYTES))
        app = application(studio, token=address.token, port=address.port)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,  # it would write the token down
            server_header=False,
            timeout_graceful_shutdown=1,
            ws_max_size=studio.limits.json,
        )
        ready(address)
        threading.Thread(target=studio.warm, name="studio-warm", daemon=True).start()
        uvicorn.Server(config).run(sockets=[listener])


def _listening(port: int | None) -> socket.socket:
    tried = (PORT, 0) if port is None else (port,)
    for number in tried:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
            listener.listen()  # so that whoever hears the address first waits, and is not refused
        except OSError as error:
            listener.close()
            if number == tried[-1]:
                raise DataError(f"--port {number}: {reason(error)}") from None
            continue
        return listener
    raise DataError("no port is free")
