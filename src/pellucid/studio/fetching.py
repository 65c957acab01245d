"""Fetching an image from the internet, and from nowhere else: never from this machine or its network.

A name is resolved once, every address that it has must be a public one, and the connection goes to an address
that was looked at, so that a second answer of the name server changes nothing. Redirections are looked at
likewise.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from time import monotonic
from urllib.parse import SplitResult, urljoin, urlsplit

from pellucid.studio.refusals import FORBIDDEN, TOO_LARGE, UNUSABLE, RefusedError

PORTS = {"http": 80, "https": 443}
REDIRECTIONS = 3
SECONDS = 10.0
"""Of a connection or of waiting for more."""

LONGEST_SECONDS = 30.0
"""Of the whole."""

PIECE = 1 << 16

Resolve = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise RefusedError(UNUSABLE, f"{host}: no such host") from None
    return [str(entry[4][0]) for entry in found]


def fetch(url: str, limit: int, *, resolving: Resolve = resolve) -> bytes:
    """What an address holds.

    Args:
        url: http or https, on the usual port.
        limit: bytes that it may be.
        resolving: a host's addresses.

    Raises:
        RefusedError: another kind of address, one that is not public, or more than the limit.
    """
    ends = monotonic() + LONGEST_SECONDS
    for _ in range(REDIRECTIONS + 1):
        parts = _checked(url)
        host = parts.hostname or ""
        addresses = resolving(host, PORTS[parts.scheme])
        if not addresses or not all(is_public(address) for address in addresses):
            raise RefusedError(FORBIDDEN, f"{host}: lies within a private network, or on this machine")
        try:
            with _Connection(host, parts.scheme, addresses[0]) as connection:
                moved, content = _read(connection.get(parts), limit, ends)
        except (OSError, HTTPException) as error:
            raise RefusedError(UNUSABLE, f"{host}: {type(error).__name__} while fetching") from None
        if moved is None:
            return content
        url = urljoin(url, moved)
    raise RefusedError(UNUSABLE, f"{url}: redirected more than {REDIRECTIONS} times")


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet at large."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None or found in NAT64:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses in the dress of IPv6, private ones among them."""


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RefusedError(UNUSABLE, "this is no address") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise RefusedError(UNUSABLE, "images are fetched by http or https")
    if port not in (None, PORTS[parts.scheme]) or parts.username is not None:
        raise RefusedError(FORBIDDEN, "images are fetched from the usual port, without a user's name")
    return parts


@dataclass
class _Connection:
    """A connection to one address of a host, under the host's name."""

    host: str
    scheme: str
    address: str

    def __enter__(self) -> _Connection:
        self._http = HTTPConnection(self.host, PORTS[self.scheme], timeout=SECONDS)
        plain = socket.create_connection((self.address, PORTS[self.scheme]), SECONDS)
        try:
            if self.scheme == "https":
                context = ssl.create_default_context()
                self._http.sock = context.wrap_socket(plain, server_hostname=self.host)
            else:
                self._http.sock = plain
        except BaseException:
            plain.close()
            raise
        return self

    def __exit__(self, *ended: object) -> None:
        self._http.close()

    def get(self, parts: SplitResult) -> HTTPResponse:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._http.request("GET", path, headers={"User-Agent": "pellucid", "Accept": "image/*"})
        return self._http.getresponse()


def _read(response: HTTPResponse, limit: int, ends: float) -> tuple[str | None, bytes]:
    """Where it has moved to, or what it holds."""
    if response.status in (301, 302, 303, 307, 308):
        return response.headers.get("Location", ""), b""
    if response.status != 200:
        raise RefusedError(UNUSABLE, f"the host answers {response.status}")
    pieces, received = [], 0
    while piece := response.read(PIECE):
        received += len(piece)
        if received > limit:
            raise RefusedError(TOO_LARGE, f"at most {limit:,} bytes are fetched, and there are more")
        if monotonic() > ends:
            raise RefusedError(UNUSABLE, f"fetching took longer than {LONGEST_SECONDS:g} s")
        pieces.append(piece)
    return None, b"".join(pieces)
