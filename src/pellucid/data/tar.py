"""Walking through a tar archive, plain or gzipped: the names and places of its files. Nothing is unpacked.

Python's own tarfile takes a damaged header for the end of the archive, reads extended headers of any length
into memory, keeps every member that it has seen, and needs longer for a header than a small picture takes to
be decoded. Here are the parts of the format (POSIX.1-2001 and GNU tar) that say where files lie.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from pellucid.errors import FormatError
from pellucid.storage import reason

BLOCK = 512
CHUNK = 1 << 18
LONGEST_HEADER = 1 << 16
"""Bytes of an extended header; a name is the longest thing wanted from it."""

WITH_BYTES = (b"0", b"\0", b"7")
"""Regular files."""
LINK, SYMBOLIC_LINK, SPARSE_FILE = b"1", b"2", b"S"
WITHOUT_BYTES = (LINK, SYMBOLIC_LINK, b"3", b"4", b"5", b"6")
"""Links, devices, folders and pipes: whatever their size says, nothing follows."""
LONG_NAME, LONG_LINK, RECORDS, SOLARIS_RECORDS, GLOBAL_RECORDS = b"L", b"K", b"x", b"X", b"g"

GZIP_MAGIC = b"\x1f\x8b"
LEAST_LARGEST, LARGEST_RATIO = 1 << 28, 100
"""A gzipped archive may unpack to 256 MiB, or to a hundred times its size where that is more."""


class TarMember(NamedTuple):
    """A regular file in a tar archive.

    Attributes:
        name: as the archive spells it; bytes that are not UTF-8 as backslash escapes.
        offset: of its first byte, in the archive without compression.
        size: in bytes.
        stored: whether its bytes are there; those of links and sparse files are not.
    """

    name: str
    offset: int
    size: int
    stored: bool


def is_tar(path: Path) -> bool:
    """Whether a file begins as a tar archive does, gzipped or not."""
    try:
        with open_tar(path) as file:
            return _Header.read(file.read(BLOCK)) is not None
    except FormatError:
        return False


def is_gzipped(path: Path) -> bool:
    """Whether a file's content begins as gzip's does.

    Raises:
        FormatError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(2) == GZIP_MAGIC
    except OSError as error:
        raise FormatError(f"{path}: {reason(error)}") from None


@contextmanager
def open_tar(path: Path) -> Iterator[BinaryIO]:
    """The archive's bytes without compression, which is recognised by its content.

    Raises:
        FormatError: the file cannot be read, or (while it is open) its gzip data are truncated or corrupt.
    """
    try:
        if is_gzipped(path):
            # A buffer of its own, as that of GzipFile is reached through several calls.
            with BufferedReader(cast(RawIOBase, gzip.open(path)), CHUNK) as file:
                yield file
        else:
            with path.open("rb") as plain:
                yield plain
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: the gzip data are truncated or corrupt ({error})") from None
    except OSError as error:
        raise FormatError(f"{path}: {reason(error)}") from None


def walk(path: Path, file: BinaryIO) -> Iterator[TarMember]:
    """The archive's files in order; links and sparse files too, everything else is passed over.

    Between two of them, `file` may be read up to the end of the first.

    Args:
        path: of the archive, for messages and its size.
        file: from `open_tar`.

    Raises:
        FormatError: a damaged or truncated archive, or one that unpacks to far more than its size.
    """
    largest = max(LEAST_LARGEST, LARGEST_RATIO * path.stat().st_size)
    position, known = 0, _Known()
    while (header := _next_header(path, file, position)) is not None:
        position += BLOCK
        size = 0 if header.kind in WITHOUT_BYTES else header.size if known.size is None else known.size
        if size > largest - position:
            raise FormatError(f"{path}: {shown(header.name)} claims {size} bytes, which its size cannot hold")
        if header.kind == LONG_NAME:
            known.name = _text(_extension(path, file, size))
        elif header.kind in (RECORDS, SOLARIS_RECORDS):
            known.read_records(path, _extension(path, file, size))
        elif header.kind not in (LONG_LINK, GLOBAL_RECORDS):
            name = known.name or header.name
            if header.kind in WITH_BYTES and not known.sparse and not name.endswith("/"):
                yield TarMember(name, position, size, stored=True)
            elif known.sparse or header.kind in (LINK, SYMBOLIC_LINK, SPARSE_FILE):
                yield TarMember(name, position, size, stored=False)
            known = _Known()
        position += size + -size % BLOCK
    while position <= largest and (rest := file.read(CHUNK)):  # so that gzip's own checksum is looked at
        position += len(rest)


def _next_header(path: Path, file: BinaryIO, position: int) -> _Header | None:
    """The header at a position; None at the end of the archive."""
    file.seek(position)
    block = file.read(BLOCK)
    if len(block) < BLOCK:
        raise FormatError(f"{path}: truncated, the archive has no end")
    if not any(block):
        return None
    header = _Header.read(block)
    if header is None:
        raise FormatError(f"{path}: not a tar archive, or damaged: a header's checksum or size is wrong")
    return header


class _Header(NamedTuple):
    """A block of 512 bytes before each member: its name, its size and what kind it is."""

    name: str
    size: int
    kind: bytes

    @classmethod
    def read(cls, block: bytes) -> _Header | None:
        """None where the block is no header: its checksum, the sum of its bytes, does not hold."""
        total = _number(block[148:156])
        if len(block) < BLOCK or total is None:
            return None
        unsigned = sum(block) - sum(block[148:156]) + 8 * ord(" ")  # the checksum itself counts as blanks
        signed = unsigned if total == unsigned else unsigned - 256 * sum(byte > 127 for byte in block)
        if total not in (unsigned, signed):
            return None
        size = _number(block[124:136])
        if size is None:
            return None
        name = _text(block[:100])
        prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
        return cls(f"{prefix}/{name}" if prefix else name, size, block[156:157])


def _number(field: bytes) -> int | None:
    """A number in octal digits, or in base 256 after a byte of 128; None for anything else."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    return int(digits or b"0", 8) if not digits.translate(None, b"01234567") else None


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "backslashreplace")


class _Known:
    """What extended headers say about the next member."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.size: int | None = None
        self.sparse = False

    def read_records(self, path: Path, data: bytes) -> None:
        """Records "LENGTH KEY=VALUE\\n" of a pax header."""
        start = 0
        while start < len(data) and data[start]:
            blank = data.find(b" ", start, start + 20)
            digits = data[start:blank] if blank > start else b""
            stop = start + int(digits) if digits.isdigit() else 0
            if not blank < stop <= len(data) or data[stop - 1 : stop] != b"\n":
                raise FormatError(f"{path}: an extended header is damaged")
            key, _, value = data[blank + 1 : stop - 1].partition(b"=")
            if key == b"path":
                self.name = value.decode("utf-8", "backslashreplace")
            elif key == b"size" and value.isdigit() and len(value) < 20:
                self.size = int(value)
            elif key.startswith(b"GNU.sparse."):
                self.sparse = True
            start = stop


def _extension(path: Path, file: BinaryIO, size: int) -> bytes:
    if size > LONGEST_HEADER:
        raise FormatError(f"{path}: an extended header of {size} bytes; {LONGEST_HEADER} are read at most")
    data = file.read(size)
    if len(data) < size:
        raise FormatError(f"{path}: truncated in an extended header")
    return data


def shown(name: str) -> str:
    """A name from a file on one line: what cannot be printed becomes an escape."""
    return name if name.isprintable() else name.encode("unicode_escape", "backslashreplace").decode()
