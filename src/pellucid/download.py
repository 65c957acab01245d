"""The one place that fetches files: over https, resumable, and trusted only by checksum."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO
from urllib.parse import urlsplit

from pellucid.errors import DownloadError
from pellucid.storage import reason, synchronize_folder

Progress = Callable[[Path, int, int | None], None]
"""Told as bytes arrive: where the file goes, bytes so far, bytes in all if the server says."""

CHUNK = 1 << 18
CONNECTIONS = 10
"""How often one call goes on after the connection broke, as long as each time brings something."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def fetch(
    url: str,
    sha256: str,
    destination: str | os.PathLike[str],
    *,
    uncompressed: bool = False,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> Path:
    """Download a file unless it is already there and right.

    The bytes collect in `destination` + ".part", from which a later call goes on where this one stopped. The
    file gets its name only when it is complete and its checksum holds. Two processes that fetch the same
    file wait for each other.

    Args:
        url: https; plain http only from this machine itself (loopback).
        sha256: of the whole file, in hexadecimal; its first digits where no more are known.
        destination: its full name; missing folders are made.
        uncompressed: the file is gzipped, and `sha256` is that of its content.
        progress: see Progress.
        timeout: seconds without an answer or a byte.

    Returns:
        The destination.

    Raises:
        DownloadError: the file cannot be had or is not the right one; the message says what to do.
    """
    target = Path(destination)
    _require_safe(url)
    advice = f"run again to go on, or put the file at {target}"
    try:
        if _matches(target, sha256, uncompressed):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_name(f"{target.name}.part")) as part:
            if _matches(target, sha256, uncompressed):  # another process finished while this one waited
                part.truncate(0)
            else:
                _complete(part, url, sha256, uncompressed, target, progress, timeout)
                os.fsync(part.fileno())
                Path(part.name).replace(target)
                synchronize_folder(target.parent)
    except _TransferError as error:
        raise DownloadError(f"cannot download {url}: {error}; {advice}") from None
    except OSError as error:
        raise DownloadError(f"cannot download {url} to {target}: {reason(error)}; {advice}") from None
    return target


class _TransferError(Exception):
    """The transfer stopped; the text says why."""


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only where `fetch` itself would go."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _require_safe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_safe(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise DownloadError(f"downloads need a valid address, received {url!r}") from None
    local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not (local or (parts.scheme == "https" and parts.hostname)):
        raise DownloadError(f"downloads go over https, received {url!r}")


def _complete(
    part: BinaryIO,
    url: str,
    sha256: str,
    uncompressed: bool,
    target: Path,
    progress: Progress | None,
    timeout: float,
) -> None:
    """Bring the .part file to its full length and check it; start over once if what was there was wrong."""
    resumed = _size(part) > 0
    _receive(part, url, target, progress, timeout)
    if _matches(Path(part.name), sha256, uncompressed):
        return
    part.truncate(0)
    if resumed:
        _receive(part, url, target, progress, timeout)
        if _matches(Path(part.name), sha256, uncompressed):
            return
        part.truncate(0)
    raise DownloadError(
        f"{url} is not the expected file: its sha256 differs from {sha256}; "
        f"get the file elsewhere and put it at {target}"
    )


def _receive(part: BinaryIO, url: str, target: Path, progress: Progress | None, timeout: float) -> None:
    """Append to the .part file until the server has no more, reconnecting where the line breaks."""
    for _ in range(CONNECTIONS):
        before = _size(part)
        try:
            if _transfer(part, url, target, progress, timeout):
                return
        except urllib.error.HTTPError as error:
            error.close()
            raise _TransferError(f"the server answered {error.code} {error.reason}".rstrip()) from None
        except urllib.error.URLError as error:
            cause = error.reason
            raise _TransferError(reason(cause) if isinstance(cause, OSError) else str(cause)) from None
        except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
            if _size(part) <= before:
                raise _TransferError(str(error) or type(error).__name__) from None
        if _size(part) <= before:
            break
    raise _TransferError(f"the connection broke after {_size(part)} bytes")


def _transfer(part: BinaryIO, url: str, target: Path, progress: Progress | None, timeout: float) -> bool:
    """One request. True: the file is complete as far as the server says. False: the line broke."""
    start = _size(part)
    headers = {"User-Agent": "pellucid", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response = _opener(url).open(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and start:  # nothing after `start`: complete, or not this file's beginning
            error.close()
            return True
        raise
    with response:
        if response.status != 206:  # the whole file, asked for or not
            start = 0
            part.truncate(0)
        elif _first_byte(response.headers.get("Content-Range", "")) != start:
            raise _TransferError("the server answered with another part than asked for")
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        received = start
        while chunk := response.read(CHUNK):
            part.write(chunk)
            part.flush()
            received += len(chunk)
            if progress is not None:
                progress(target, received, total)
    return total is None or received >= total


def _opener(url: str) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = [_SafeRedirects()]
    if urlsplit(url).hostname in LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))  # a proxy's loopback is another machine
    return urllib.request.build_opener(*handlers)


def _first_byte(content_range: str) -> int | None:
    match = re.match(r"bytes (\d+)-", content_range)
    return int(match[1]) if match else None


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The .part file, opened for appending and held by this process alone; removed if nothing is in it."""
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                current = os.path.samestat(os.fstat(file.fileno()), path.stat())
            except FileNotFoundError:
                current = False
            if not current:  # its last holder renamed or removed it while this process waited
                continue
            try:
                yield file
            finally:
                if _size(file) == 0:
                    path.unlink(missing_ok=True)
            return


def _matches(path: Path, sha256: str, uncompressed: bool) -> bool:
    """Whether the file exists and its checksum begins like this."""
    digest = hashlib.sha256()
    try:
        with gzip.open(path) if uncompressed else path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except (FileNotFoundError, gzip.BadGzipFile, EOFError, zlib.error):
        return False
    return digest.hexdigest().startswith(sha256.lower())
