"""Picture files in one place, a folder or an archive: their names, and what reads them.

Nothing is ever unpacked to the names that an archive gives; they sort the pictures into classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from pellucid.data.tar import shown
from pellucid.errors import DataError, FormatError
from pellucid.storage import reason

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff", ".webp"),
)
"""Of files that are taken for pictures; others are passed over."""

MOST_FILES = 2_000_000
"""Files in one place, pictures or not; ImageNet has 1.4 million."""

LARGEST_FILE = 1 << 27
"""Bytes of a picture file."""

DEEPEST = 32
"""Folders within folders."""


class Entry(NamedTuple):
    """A picture file.

    Attributes:
        name: its path within the folder or archive, "/" between the parts.
        size: in bytes, as far as the place says.
        place: where a source finds it again.
    """

    name: str
    size: int
    place: int = 0


class Contents(ABC):
    """What gives the bytes of picture files; several threads may ask for them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def content(self, entry: Entry) -> bytes:
        """The bytes of one file, whose size is bounded already; errors as in `read`."""

    def read(self, entry: Entry) -> bytes:
        """The bytes of one file.

        Raises:
            DataError: it cannot be read, or is too large for a picture.
        """
        if entry.size > LARGEST_FILE:
            raise DataError(
                f"{self.label(entry)}: a picture file has at most {LARGEST_FILE} bytes, received {entry.size}"
            )
        return self.content(entry)

    def label(self, entry: Entry) -> str:
        """How messages name a file: by its path, inside the archive too."""
        return f"{self.path}/{shown(entry.name)}"


class HeldContents(Contents):
    """Files that have been read already, or why they could not be; any process can take them along."""

    def __init__(self, source: Contents, entries: Sequence[Entry]) -> None:
        super().__init__(source.path)
        self._contents: dict[Entry, bytes | DataError] = {}
        for entry in entries:
            try:
                self._contents[entry] = source.read(entry)
            except DataError as error:
                self._contents[entry] = error

    def content(self, entry: Entry) -> bytes:
        """What was read, or the error met then."""
        held = self._contents[entry]
        if isinstance(held, DataError):
            raise held
        return held


class Source(Contents, AbstractContextManager["Source"]):
    """A folder or an archive of picture files."""

    def count(self) -> int:
        """Of its files, as far as that is known before they are looked at."""
        return 0

    @abstractmethod
    def fingerprint(self) -> str:
        """Changes when the files do: made of names, sizes and times, without reading them."""

    @abstractmethod
    def entries(self) -> list[Entry]:
        """All picture files, in order of their names.

        Raises:
            DataError: the folder cannot be read.
            FormatError: the archive is damaged or hostile.
        """

    def portable(self, entries: Sequence[Entry]) -> Contents:
        """What gives these files' bytes in another process."""
        return HeldContents(self, entries)

    def __exit__(self, *error: object) -> None:
        """Nothing is held open, unless a source says otherwise."""


class Listing:
    """Collects a source's picture files, and refuses what no honest one holds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = 0
        self._entries: dict[str, Entry] = {}

    def wants(self, name: str, *, stored: bool = True) -> bool:
        """Count one file of the source; whether it is a picture to be added.

        Args:
            name: as the source spells it.
            stored: whether its bytes are there; those of a link are not.
        """
        self._files += 1
        if self._files > MOST_FILES:
            raise FormatError(f"{self._path}: more than {MOST_FILES} files; a data set has fewer")
        if not name.lower().endswith(SUFFIXES):
            return False
        if not stored:
            raise FormatError(f"{self._path}: {shown(name)} is a link or sparse; pictures lie in the archive")
        return True

    def add(self, name: str, size: int, place: int) -> None:
        """Take a picture, unless it is hidden; a later one of the same name takes its place."""
        slashed = f"/{name}"
        if "/." in slashed or "//" in slashed or "__MACOSX" in name:
            parts = [part for part in name.split("/") if part not in ("", ".")]
            if name.startswith("/") or ".." in parts:
                raise FormatError(f"{self._path}: {shown(name)} leads out of the archive")
            if any(part == "__MACOSX" or part.startswith(".") for part in parts):
                return  # thumbnails, and what Apple's archives hold beside the files themselves
            name = "/".join(parts)
        if name.count("/") >= DEEPEST:
            raise FormatError(f"{self._path}: {shown(name)} lies more than {DEEPEST} folders deep")
        self._entries[name] = Entry(name, size, place)

    def sorted(self) -> list[Entry]:
        """What was taken, in order of names."""
        return [self._entries[name] for name in sorted(self._entries)]


def archive_fingerprint(path: Path) -> str:
    """Of a file as a whole: its size and time of change.

    Raises:
        DataError: it cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path}: {reason(error)}") from None
    return f"{status.st_size} {status.st_mtime_ns}"
