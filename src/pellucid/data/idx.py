"""The IDX format of MNIST, plain or gzipped.

Two zero bytes, the type of the values (8: unsigned bytes, the only one read here), the number of dimensions;
each dimension as a big-endian uint32; the values, last dimension fastest. Nothing may follow.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import stat
import struct
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import FormatError
from pellucid.storage import reason

UNSIGNED_BYTE = 8
LARGEST = 1 << 30
"""Values that a file may hold; no data set in this format comes near."""

CHUNK = 1 << 18
DEFLATE_RATIO = 1032
"""Deflate cannot shrink further (zlib's technical notes), which bounds what a gzipped header may claim."""


def read_idx(
    path: str | os.PathLike[str], dimensions: int, *, sha256: str | None = None
) -> NDArray[np.uint8]:
    """An IDX file of unsigned bytes.

    Memory is taken only after the header's claim has been held against the size of the file.

    Args:
        path: the file; gzip is recognised by its content.
        dimensions: how many the file has.
        sha256: of the uncompressed file, to be checked.

    Raises:
        FormatError: missing, truncated, too long, corrupt, of another type or number of dimensions, without
            values, or with another checksum.
    """
    try:
        with Path(path).open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FormatError(f"{path}: expects a regular file")
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            available = status.st_size * DEFLATE_RATIO if zipped else status.st_size
            content = gzip.GzipFile(fileobj=file) if zipped else file
            return _read(path, content, dimensions, available, sha256)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: the gzip data are truncated or corrupt ({error})") from None
    except OSError as error:
        raise FormatError(f"{path}: {reason(error)}") from None


def _read(
    path: str | os.PathLike[str], file: BufferedIOBase, dimensions: int, available: int, sha256: str | None
) -> NDArray[np.uint8]:
    header = file.read(4 + 4 * dimensions)
    if header[:4] != bytes((0, 0, UNSIGNED_BYTE, dimensions)):
        raise FormatError(
            f"{path}: an IDX file of unsigned bytes in {dimensions} dimension(s) begins with "
            f"0000{UNSIGNED_BYTE:02x}{dimensions:02x}, received {header[:4].hex() or 'nothing'}"
        )
    if len(header) < 4 + 4 * dimensions:
        raise FormatError(f"{path}: truncated in its header")
    shape = struct.unpack(f">{dimensions}I", header[4:])
    count = math.prod(shape)
    if not 1 <= count <= min(LARGEST, available):
        raise FormatError(f"{path}: its header claims {shape}, which its size cannot hold")
    values = np.empty(count, np.uint8)
    # A gzipped file gives what it has piece by piece, so short reads are not yet its end.
    view, filled = values.data, 0
    while filled < count and (received := file.readinto(view[filled : filled + CHUNK])):
        filled += received
    if filled < count:
        raise FormatError(f"{path}: truncated, {count} values of {shape} expected and {filled} there")
    if file.read(1):
        raise FormatError(f"{path}: goes on after the {count} values of {shape}")
    if sha256 is not None:
        digest = hashlib.sha256(header)
        digest.update(view)
        if digest.hexdigest() != sha256:
            raise FormatError(f"{path}: not the published file, its sha256 differs; delete or replace it")
    return values.reshape(shape)
