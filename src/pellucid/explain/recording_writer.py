"""Writing a recording, and keeping it within its bounds."""

from __future__ import annotations

import json
import os
from collections.abc import Set
from dataclasses import asdict, replace

from pellucid.errors import DataError
from pellucid.explain.recording import FORMAT, INDEX, MODEL, VERSION, Arrays, Moment, Recording, encode
from pellucid.model import Model
from pellucid.storage import make_folder, write_bytes


class RecordingWriter:
    """Adds moments to a recording and keeps it within its bounds.

    Args:
        folder: that it lies in.
        limit: bytes of all moments together.
        most: moments.
        group: moments of which one is the base of the others.
    """

    def __init__(self, folder: str | os.PathLike[str], limit: int, most: int, group: int = 8) -> None:
        self.folder = make_folder(folder)
        self.limit, self.most, self.group = limit, most, group
        self.moments: list[Moment] = []
        self._base: tuple[int, Arrays] | None = None

    def begin(self, model: Model) -> None:
        """Start an empty recording of a model.

        Raises:
            DataError: the folder holds one already.
        """
        if (self.folder / INDEX).exists():
            raise DataError(f"{self.folder}: holds a recording already; name another folder")
        model.save(self.folder / MODEL)
        self._write_index()

    def resume(self, step: int) -> None:
        """Go on with what the folder holds, as it was at a step; later moments go."""
        self.moments = list(Recording(self.folder).moments)
        self._drop({moment.step for moment in self.moments if moment.step > step})

    def add(self, moment: Moment, arrays: Arrays) -> None:
        """Write a moment; thin out the others when there are too many."""
        base = self._base if self._base is not None and not self._group_is_full() else None
        content = encode(arrays, None if base is None else base[1])
        if base is None:
            self._base = moment.step, {name: array.copy() for name, array in arrays.items()}
        write_bytes(self.folder / moment.file, content)
        added = replace(moment, base=None if base is None else base[0], nbytes=len(content))
        self.moments.append(added)
        self._write_index()
        while self._too_much() and self._thin():
            pass

    def _group_is_full(self) -> bool:
        assert self._base is not None
        return sum(self._base[0] in (moment.step, moment.base) for moment in self.moments) >= self.group

    def _too_much(self) -> bool:
        return len(self.moments) > self.most or sum(moment.nbytes for moment in self.moments) > self.limit

    def _thin(self) -> bool:
        """Every second moment goes, but for the last, and bases that others still need."""
        for parity in (1, 0):
            doomed = {moment.step for moment in self.moments[parity:-1:2]} - {self.moments[0].step}
            kept = {moment.base for moment in self.moments if moment.step not in doomed}
            current = {self._base[0]} if self._base is not None else set()
            if gone := doomed - kept - current:
                self._drop(gone)
                return True
        return False

    def _drop(self, steps: Set[int | None]) -> None:
        gone = [moment for moment in self.moments if moment.step in steps]
        self.moments = [moment for moment in self.moments if moment.step not in steps]
        self._write_index()
        for moment in gone:
            (self.folder / moment.file).unlink(missing_ok=True)

    def _write_index(self) -> None:
        index = {"format": FORMAT, "version": VERSION, "moments": [asdict(moment) for moment in self.moments]}
        write_bytes(self.folder / INDEX, (json.dumps(index) + "\n").encode())
