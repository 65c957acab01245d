"""Picture files in a zip archive."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from pellucid.data.pictures.listing import Entry, Listing, Source, archive_fingerprint
from pellucid.data.tar import LARGEST_RATIO, LEAST_LARGEST
from pellucid.errors import DataError, FormatError
from pellucid.storage import reason

END, END_SIZE, END_REACH = b"PK\5\6", 22, 22 + 65_535
"""The record at the end of the archive, before a comment."""
LOCATOR, LOCATOR_SIZE, END64_SIZE = b"PK\6\7", 20, 56
"""Of archives that are larger than the record has room for."""

LARGEST_DIRECTORY = 1 << 26
"""Bytes of the archive's table of files, which zipfile reads as a whole."""

ENCRYPTED = 1

_DAMAGED = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error),
    *(ValueError, LookupError, RuntimeError, OverflowError),
)
"""What zipfile raises, besides OSError, over an archive that breaks its format."""


def is_zip(path: Path) -> bool:
    """Whether a file is a zip archive, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\3\4", END)
    except OSError:
        return False


class ZipSource(Source):
    """A zip archive."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._archive: zipfile.ZipFile | None = None
        self._members: list[zipfile.ZipInfo] = []

    def fingerprint(self) -> str:
        """Of the archive's own size and time of change."""
        return archive_fingerprint(self.path)

    def entries(self) -> list[Entry]:
        """All pictures; from now on they can be read."""
        try:
            size = self.path.stat().st_size
            if _directory_size(self.path) > LARGEST_DIRECTORY:
                raise FormatError(f"{self.path}: its table of files is larger than {LARGEST_DIRECTORY} bytes")
            self._archive = zipfile.ZipFile(self.path)
            self._members = self._archive.infolist()
        except _DAMAGED as error:
            raise FormatError(f"{self.path}: not a zip archive, or damaged ({error})") from None
        except OSError as error:
            raise FormatError(f"{self.path}: {reason(error)}") from None
        listing = Listing(self.path)
        unpacked = 0
        for place, member in enumerate(self._members):
            name = member.filename.replace("\\", "/")
            link = stat.S_ISLNK(member.external_attr >> 16)
            if not member.is_dir() and listing.wants(name, stored=not link):
                listing.add(name, member.file_size, place)
                unpacked += member.file_size
        if unpacked > max(LEAST_LARGEST, LARGEST_RATIO * size):
            raise FormatError(f"{self.path}: claims {unpacked} bytes of pictures, which its size cannot hold")
        return listing.sorted()

    def content(self, entry: Entry) -> bytes:
        """The member's bytes, whose checksum holds."""
        member = self._members[entry.place]
        if self._archive is None or member.flag_bits & ENCRYPTED:
            raise DataError(f"{self.label(entry)}: is encrypted")
        try:
            with self._archive.open(member) as file:
                return file.read()
        except _DAMAGED as error:
            raise DataError(f"{self.label(entry)}: the archive is damaged there ({error})") from None
        except OSError as error:
            raise DataError(f"{self.label(entry)}: {reason(error)}") from None

    def __exit__(self, *error: object) -> None:
        if self._archive is not None:
            self._archive.close()


def _directory_size(path: Path) -> int:
    """Bytes of the table of files, as the end of the archive gives them; 0 where there is no end."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - END_REACH - LOCATOR_SIZE - END64_SIZE))
        tail = file.read()
    end = tail.rfind(END)
    if end < 0 or end + END_SIZE > len(tail):
        return 0
    size = int.from_bytes(tail[end + 12 : end + 16], "little")
    before = end - LOCATOR_SIZE - END64_SIZE
    if before >= 0 and tail[end - LOCATOR_SIZE :].startswith(LOCATOR):
        size = max(size, int.from_bytes(tail[before + 40 : before + 48], "little"))
    return size
