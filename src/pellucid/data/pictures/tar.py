"""Picture files in a tar archive, plain or gzipped."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from pellucid.data.pictures.listing import LARGEST_FILE, Entry, Listing, Source, archive_fingerprint
from pellucid.data.tar import is_gzipped, open_tar, shown, walk
from pellucid.errors import DataError, FormatError
from pellucid.storage import cache_folder, reason


class TarSource(Source):
    """A tar archive.

    Pictures are read where they lie. A gzipped archive is gone through once, and its pictures' bytes wait in
    a nameless file until the source is left, so that threads find them in any order.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._held = ExitStack()
        self._descriptor = -1

    def fingerprint(self) -> str:
        """Of the archive's own size and time of change."""
        return archive_fingerprint(self.path)

    def entries(self) -> list[Entry]:
        """All pictures; from now on they can be read."""
        listing = Listing(self.path)
        with open_tar(self.path) as archive:
            if is_gzipped(self.path):
                self._unpack(archive, self._hold(_nameless()), listing)
            else:
                self._hold(self.path.open("rb"))
                for member in walk(self.path, archive):
                    if listing.wants(member.name, stored=member.stored):
                        listing.add(member.name, member.size, member.offset)
        return listing.sorted()

    def content(self, entry: Entry) -> bytes:
        """The member's bytes."""
        try:
            content = os.pread(self._descriptor, entry.size, entry.place)
        except OSError as error:
            raise DataError(f"{self.label(entry)}: {reason(error)}") from None
        if len(content) < entry.size:
            raise DataError(f"{self.label(entry)}: the archive is truncated")
        return content

    def _hold(self, file: BinaryIO) -> BinaryIO:
        """Read pictures from this file from now on."""
        self._held.enter_context(file)
        self._descriptor = file.fileno()
        return file

    def _unpack(self, archive: BinaryIO, unpacked: BinaryIO, listing: Listing) -> None:
        end = 0
        for member in walk(self.path, archive):
            if not listing.wants(member.name, stored=member.stored):
                continue
            listing.add(member.name, member.size, end)
            if member.size <= LARGEST_FILE:
                content = archive.read(member.size)
                if len(content) < member.size:
                    raise FormatError(f"{self.path}: truncated in {shown(member.name)}")
                end += unpacked.write(content)
        unpacked.flush()

    def __exit__(self, *error: object) -> None:
        self._held.close()


def _nameless() -> BinaryIO:
    """A file that nobody else sees and that goes when it is closed; in the cache folder, if that can be."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)
    except OSError:
        return tempfile.TemporaryFile()
