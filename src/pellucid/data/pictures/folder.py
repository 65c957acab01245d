"""Picture files in a folder and the folders in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from pellucid.data.pictures.listing import DEEPEST, Entry, Listing, Source
from pellucid.errors import DataError
from pellucid.storage import reason

Identity = tuple[int, int]
"""Device and inode: which folder it is, whatever its name."""


class FolderSource(Source):
    """A folder. Links are followed, but not around in circles. An entry's `place` is its time of change."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._entries = self._list()

    def fingerprint(self) -> str:
        """Of every picture's name, size and time of change."""
        return self._digest

    def entries(self) -> list[Entry]:
        """As they were when the source was made."""
        return self._entries

    def content(self, entry: Entry) -> bytes:
        """The file's bytes, at most as many as it had when it was listed."""
        try:
            descriptor = os.open(f"{self.path}/{entry.name}", os.O_RDONLY | os.O_NONBLOCK)
            try:
                return os.read(descriptor, entry.size)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise DataError(f"{self.label(entry)}: {reason(error)}") from None

    def _list(self) -> list[Entry]:
        listing = Listing(self.path)
        try:
            for name, status in _files(self.path, "", ()):
                if listing.wants(name):
                    listing.add(name, status.st_size, status.st_mtime_ns)
        except OSError as error:
            raise DataError(f"{error.filename or self.path}: {reason(error)}") from None
        entries = listing.sorted()
        lines = (f"{entry.name}\0{entry.size}\0{entry.place}\n" for entry in entries)
        self._digest = hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
        return entries


def _files(
    folder: Path, prefix: str, ancestors: tuple[Identity, ...]
) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files below a folder, by their names within it."""
    status = folder.stat()
    identity = status.st_dev, status.st_ino
    if identity in ancestors or len(ancestors) == DEEPEST:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(Path(entry.path), f"{prefix}{entry.name}/", (*ancestors, identity))
            elif entry.is_file():
                yield f"{prefix}{entry.name}", entry.stat()
