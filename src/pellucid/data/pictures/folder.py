"""Picture files in a folder and the folders in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from pellucid.data.pictures.listing import DEEPEST, Contents, Entry, Listing, Source
from pellucid.errors import DataError
from pellucid.storage import reason

Identity = tuple[int, int]
"""Device and inode: which folder it is, whatever its name."""


class FileContents(Contents):
    """Files in a folder."""

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


class FolderSource(Source):
    """A folder. Links are followed, but not around in circles. An entry's `place` is its time of change."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._contents = FileContents(path)
        self._listing = Listing(path)
        self._files: list[tuple[str, os.DirEntry[str]]] = []
        with self._readable():
            self._find(path, "", ())

    def count(self) -> int:
        """Of the pictures that were there when the source was made."""
        return len(self._files)

    def fingerprint(self) -> str:
        """Of every picture's name, size and time of change."""
        lines = (f"{entry.name}\0{entry.size}\0{entry.place}\n" for entry in self._entries)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def entries(self) -> list[Entry]:
        """As they were when they were first asked for."""
        return self._entries

    def content(self, entry: Entry) -> bytes:
        """As `FileContents` reads it."""
        return self._contents.content(entry)

    def portable(self, entries: Sequence[Entry]) -> Contents:
        """Other processes can open the files themselves."""
        return self._contents

    @cached_property
    def _entries(self) -> list[Entry]:
        with self._readable():
            for name, file in self._files:
                status = file.stat()
                self._listing.add(name, status.st_size, status.st_mtime_ns)
        return self._listing.sorted()

    def _find(self, folder: Path, prefix: str, ancestors: tuple[Identity, ...]) -> None:
        """Note the pictures below a folder, with their names within the collection."""
        status = folder.stat()
        identity = status.st_dev, status.st_ino
        if identity in ancestors or len(ancestors) == DEEPEST:
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                name = prefix + entry.name
                if entry.is_dir():
                    self._find(Path(entry.path), f"{name}/", (*ancestors, identity))
                elif entry.is_file() and self._listing.wants(name):
                    self._files.append((name, entry))

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(f"{error.filename or self.path}: {reason(error)}") from None
