"""Moments of a training run on the disk: the parameters and the optimiser's arrays, to the bit.

A recording's folder holds

    model.pellucid     the network as it was first: graph, names, recipe
    recording.json     the moments: step, epoch, file, base, bytes and statistics of each
    STEP.npz           arrays of one moment, float32 taken apart into its four bytes, uint8 (4, size)

A moment is a base, or holds what differs from one (exclusive or), which is mostly zeros in the bytes of sign
and exponent. It never takes more than two files to read a moment, and every moment that is no base can go
without any other being written anew. Names are "parameter:NAME" and "slot:NAME", as in a checkpoint.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, FormatError
from pellucid.formats import load
from pellucid.model import Model

INDEX, MODEL = "recording.json", "model.pellucid"
FORMAT, VERSION = "pellucid-recording", 1
PARAMETER, SLOT = "parameter:", "slot:"

QUICKEST = 1
"""Level of zlib: what is left to compress is mostly zeros, which any level finds."""

HEADER = 4096
"""Bytes that an array's own header in an .npz may take."""

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Moment:
    """One moment of a run.

    Attributes:
        step: steps done.
        epoch: number of the epoch under way, from 1.
        learning_rate: of the step before; of the first one at the beginning.
        loss: mean over the steps since the moment before; None at the beginning.
        base: step of the moment that its arrays differ from; None when it is one itself.
        nbytes: of its file.
        statistics: numbers by name, then by parameter or node: "rms", "mean", "change" of parameters, and
            with a probe more; see Recorder.
    """

    step: int
    epoch: int
    learning_rate: float
    loss: float | None = None
    base: int | None = None
    nbytes: int = 0
    statistics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.step:08}.npz"


def encode(arrays: Arrays, base: Arrays | None) -> bytes:
    """An .npz of what distinguishes the arrays from those of the base, or of all they hold."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=QUICKEST) as archive:
        for name, array in arrays.items():
            planes = _planes(array) if base is None else _planes(array) ^ _planes(base[name])
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, planes, allow_pickle=False)
    return buffer.getvalue()


def decode(path: Path, shapes: Mapping[str, tuple[int, ...]], base: Arrays | None) -> dict[str, Any]:
    """The arrays of these shapes that `encode` wrote.

    Raises:
        FormatError: the file is missing, damaged, or not of these arrays.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name, shape in shapes.items():
                size = int(np.prod(shape, dtype=np.int64))
                member = f"{name}.npy"
                if archive.getinfo(member).file_size > 4 * size + HEADER:
                    raise FormatError(f"{path}: {name} has more than {size} values")
                with archive.open(member) as file:
                    planes = np.lib.format.read_array(file, allow_pickle=False)
                if planes.shape != (4, size) or planes.dtype != np.uint8:
                    raise FormatError(f"{path}: {name} is not an array of {size} values")
                if base is not None:
                    planes = planes ^ _planes(base[name])
                arrays[name] = np.ascontiguousarray(planes.T).view(np.float32).reshape(shape)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"{path}: no moment of this recording: {error}") from None
    return arrays


def _planes(array: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(4, size): the lowest byte of every value, the next, and so on."""
    values = np.ascontiguousarray(array, "<f4").reshape(-1, 1)
    return np.ascontiguousarray(values.view(np.uint8).T)


class Recording:
    """What a Recorder left in a folder.

    Args:
        folder: of the recording.

    Raises:
        DataError: there is none.
        FormatError: it cannot be read.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if not (self.folder / INDEX).is_file():
            raise DataError(f"{folder}: holds no recording; train with a Recorder (--record) to make one")
        self.moments = _read_index(self.folder / INDEX)
        self._first = load(self.folder / MODEL)
        self._base: tuple[int, Arrays] = (-1, {})

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps of the moments, in order."""
        return tuple(moment.step for moment in self.moments)

    def moment(self, step: int) -> Moment:
        """The moment of a step.

        Raises:
            DataError: that step was not kept; the message names the nearest that was.
        """
        for moment in self.moments:
            if moment.step == step:
                return moment
        nearest = min(self.steps, key=lambda kept: abs(kept - step))
        raise DataError(
            f"{self.folder}: step {step} is not among the {len(self.steps)} that were kept; "
            f"the nearest is {nearest}"
        )

    def parameters(self, step: int) -> dict[str, NDArray[np.float32]]:
        """Parameters and running statistics by full name, as they were after a step."""
        return self._named(step, PARAMETER)

    def slots(self, step: int) -> dict[str, NDArray[np.float32]]:
        """The optimiser's arrays, as `Program.read_slots` gives them; none if they were not recorded."""
        return self._named(step, SLOT)

    def model(self, step: int, into: Model | None = None) -> Model:
        """The network as it was after a step: any question can be asked of it.

        Args:
            step: one of `steps`.
            into: a model of this recording to bring to that step; its compiled programs stay. A new one when
                left out.
        """
        parameters = self.parameters(step)
        if into is not None:
            into.set_parameters(parameters)
            return into
        return self._first.rebuilt(parameters)

    def _named(self, step: int, prefix: str) -> dict[str, NDArray[np.float32]]:
        arrays = self._arrays(self.moment(step))
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    def _arrays(self, moment: Moment) -> Arrays:
        if moment.base is None:
            if self._base[0] != moment.step:
                self._base = moment.step, decode(self.folder / moment.file, self._shapes(moment), None)
            return self._base[1]
        base = self._arrays(self.moment(moment.base))
        return decode(self.folder / moment.file, self._shapes(moment), base)

    def _shapes(self, moment: Moment) -> dict[str, tuple[int, ...]]:
        """Of the parameters, and of the slots that the file names."""
        specs = self._first.graph.parameters
        shapes = {PARAMETER + name: spec.shape for name, spec in specs.items()}
        path = self.folder / moment.file
        try:
            with zipfile.ZipFile(path) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist() if name.startswith(SLOT)]
        except (OSError, zipfile.BadZipFile) as error:
            raise FormatError(f"{path}: no moment of this recording: {error}") from None
        for name in names:
            parameter = name.split(":", 2)[-1]
            if parameter not in specs:
                raise FormatError(f"{path}: {name} belongs to no parameter of the network")
            shapes[name] = specs[parameter].shape
        return shapes


def _read_index(path: Path) -> tuple[Moment, ...]:
    try:
        index = json.loads(path.read_bytes())
        if index["format"] != FORMAT or index["version"] != VERSION:
            raise FormatError(
                f"{path}: recordings of version {VERSION} are read, received {index['version']!r}"
            )
        moments = tuple(Moment(**values) for values in index["moments"])
        steps = [int(moment.step) for moment in moments]
        bases = {moment.step for moment in moments if moment.base is None}
        if steps != sorted(set(steps)) or not bases >= {m.base for m in moments if m.base is not None}:
            raise FormatError(f"{path}: its moments do not belong together")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(f"{path}: not a recording: {error!r}") from None
    return moments
