"""Checkpoints: what a run leaves on the disk, and going on from it.

A run's folder holds

    checkpoint.safetensors   everything the run continues from, in one file
    model.pellucid           the parameters so far: predict, evaluate and summary read it
    history.json             the finished epochs, for people and plots

checkpoint.safetensors holds float32 tensors "parameter:NAME" (parameters, running statistics, fixed arrays)
and "slot:NAME" (the optimiser's arrays), and in its metadata, under "pellucid", a JSON object:

    format     "pellucid-checkpoint"
    version    1
    step       steps done since training began
    totals     loss, correct, images and seconds of the epoch under way
    history    as in history.json
    settings   what the run was asked to do: network, data, epochs, seed, recipe
    engine     name, and for the native engine its instruction set and threads
    tunings    of the model: the run goes on with what was measured before it began
    sha256     of each tensor's name and bytes, in order of names: any damage is noticed

Each file is written aside, put on the disk and renamed. The checkpoint comes first and is all that a resumed
run reads, so a run that is killed at any moment goes on from one consistent state. No other random state
exists: the order of the images follows from (seed, epoch), augmentation from (seed, epoch, image), dropout
from (seed, step).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, FormatError, GraphError
from pellucid.formats.descriptions import describe, restore_tuning
from pellucid.model import Model
from pellucid.storage import make_folder, write_bytes
from pellucid.training.engine_facts import EngineFacts, engine_facts
from pellucid.training.history import History
from pellucid.training.run import EpochTotals, Run
from pellucid.training.settings import Settings
from pellucid.tuning import Tuning

CHECKPOINT, MODEL, HISTORY = "checkpoint.safetensors", "model.pellucid", "history.json"
FORMAT, VERSION = "pellucid-checkpoint", 1
PARAMETER, SLOT = "parameter:", "slot:"

Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class SavedRun:
    """A checkpoint without its arrays: where the run stood and what it was asked to do."""

    step: int
    totals: EpochTotals
    history: History
    settings: Settings
    engine: EngineFacts
    tunings: tuple[Tuning, ...]
    sha256: str


class Checkpoints:
    """The folder of one run.

    Args:
        output: the folder.
        settings: of the run that writes to it.
        every: steps between checkpoints; one an epoch when None.
        resume: whether the run goes on from what the folder holds.

    Raises:
        DataError: the folder cannot be written, holds a run already, or, to resume, none or another one.
        FormatError: the checkpoint to resume from cannot be read.
    """

    def __init__(
        self, output: str | os.PathLike[str], settings: Settings, every: int | None, *, resume: bool
    ) -> None:
        if every is not None and every < 1:
            raise DataError(f"checkpoint_every is at least 1 step, received {every}")
        self.every = every
        self.folder = Path(output)
        if resume:
            _check_same(self.folder, read_saved_run(self.folder).settings, settings)
        elif any((self.folder / name).exists() for name in (CHECKPOINT, MODEL)):
            raise DataError(f"{output}: holds a run already; resume it (--resume) or name another folder")
        make_folder(self.folder)

    def due(self, step: int) -> bool:
        """Whether a checkpoint belongs after this step, besides those at the ends of epochs."""
        return self.every is not None and step % self.every == 0

    def steps_until_due(self, step: int, limit: int) -> int:
        """Steps until the next checkpoint that is due, at most `limit`."""
        return limit if self.every is None else min(limit, self.every - step % self.every)

    def save(self, run: Run) -> Path:
        """Write where the run stands; the model already holds its parameters. Returns the folder."""
        from safetensors.numpy import save

        tensors = {PARAMETER + name: array for name, array in run.model.parameters.items()}
        tensors |= {
            SLOT + name: np.ascontiguousarray(array) for name, array in run.program.read_slots().items()
        }
        state = {
            "format": FORMAT,
            "version": VERSION,
            "step": run.step,
            "totals": asdict(run.totals),
            "history": run.history.to_json(),
            "settings": run.settings.to_json(),
            "engine": asdict(engine_facts(run.model.engine)),
            "tunings": [describe(tuning) for tuning in run.model.tunings],
            "sha256": _digest(tensors),
        }
        write_bytes(self.folder / CHECKPOINT, save(tensors, {"pellucid": json.dumps(state)}))
        self.write_for_people(run)
        return self.folder

    def write_for_people(self, run: Run) -> None:
        """The model and the history: what others read, and a resumed run does not."""
        run.model.save(self.folder / MODEL)
        run.history.save(self.folder / HISTORY)

    def restore_tunings(self, model: Model) -> None:
        """Give the model what the run was begun with: another choice would be other bits.

        Raises:
            FormatError: the checkpoint's tunings are not for the model's graph.
        """
        try:
            model.tunings = read_saved_run(self.folder).tunings
        except GraphError as error:
            raise FormatError(f"{self.folder / CHECKPOINT}: {error}") from None

    def restore(self, run: Run) -> None:
        """Bring a fresh run to where the checkpoint left off.

        Raises:
            FormatError: the checkpoint's arrays are not those of the run's network and optimiser.
        """
        path = self.folder / CHECKPOINT
        saved = read_saved_run(self.folder)
        parameters, slots = run.program.read_parameters(), run.program.read_slots()
        shapes = {PARAMETER + name: array.shape for name, array in parameters.items()}
        shapes |= {SLOT + name: array.shape for name, array in slots.items()}
        tensors = _read_tensors(path, shapes)
        if _digest(tensors) != saved.sha256:
            raise FormatError(f"{path}: damaged, its checksum differs")
        run.program.write_parameters({name: tensors[PARAMETER + name] for name in parameters})
        run.program.write_slots({name: tensors[SLOT + name] for name in slots})
        run.read_back()
        run.step, run.totals, run.records = saved.step, saved.totals, list(saved.history.epochs)
        run.notes.append(_where(run))
        here = engine_facts(run.model.engine)
        if here != saved.engine and not run.finished:
            run.notes.append(f"begun on {saved.engine}, going on on {here}: the last bits may differ")
        if run.finished:
            self.write_for_people(run)  # the run may have been killed between its last checkpoint and these


def _where(run: Run) -> str:
    if run.finished:
        return f"{run.output}: all {run.settings.epochs} epochs are done, nothing is left to train"
    return (
        f"{run.output}: going on after step {run.step:,} of {run.settings.total_steps:,} (epoch {run.epoch})"
    )


def _check_same(folder: Path, saved: Settings, asked: Settings) -> None:
    differences = saved.differences(asked)
    if differences:
        raise DataError(
            f"{folder}: was begun with {'; '.join(differences)}; resume with the same settings, "
            "or train into another folder"
        )


def read_saved_run(folder: str | os.PathLike[str]) -> SavedRun:
    """What the checkpoint in a folder says about its run.

    Raises:
        DataError: there is none.
        FormatError: it cannot be read.
    """
    path = Path(folder) / CHECKPOINT
    if not path.is_file():
        raise DataError(f"{folder}: holds no run to resume; train without resume (--resume) to begin one")
    state = _read_state(path)
    try:
        saved = SavedRun(
            step=int(state["step"]),
            totals=EpochTotals(**state["totals"]),
            history=History.from_json(state["history"]),
            settings=Settings.from_json(state["settings"]),
            engine=EngineFacts(**state["engine"]),
            tunings=tuple(restore_tuning(tuning) for tuning in state.get("tunings", ())),
            sha256=str(state["sha256"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: not as Pellucid writes it: {error!r}") from None
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    done = len(saved.history.epochs) * saved.settings.steps_per_epoch
    if not done <= saved.step <= min(done + saved.settings.steps_per_epoch, saved.settings.total_steps):
        raise FormatError(
            f"{path}: step {saved.step} does not belong to its {len(saved.history.epochs)} epochs"
        )
    return saved


def _read_state(path: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            text = (file.metadata() or {})["pellucid"]
        state = json.loads(text)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise FormatError(f"{path}: not a checkpoint: {error}") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise FormatError(f"{path}: not a checkpoint of Pellucid")
    if state.get("version") != VERSION:
        raise FormatError(
            f"{path}: checkpoints of version {VERSION} are read, received {state.get('version')!r}"
        )
    return state


def _read_tensors(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Tensors:
    """The checkpoint's tensors, whose names and shapes must be those given."""
    from safetensors import SafetensorError, safe_open

    expected = {name: ("F32", shape) for name, shape in shapes.items()}
    try:
        with safe_open(path, "numpy") as file:
            names = file.keys()
            found = {name: _kind(file.get_slice(name)) for name in names}
            if found != expected:
                name = next(n for n in sorted({*found, *expected}) if found.get(n) != expected.get(n))
                raise FormatError(
                    f"{path}: expects {name} as {expected.get(name)}, received {found.get(name)}"
                )
            return {name: file.get_tensor(name) for name in shapes}
    except (SafetensorError, OSError) as error:
        raise FormatError(f"{path}: {error}") from None


def _kind(tensor: Any) -> tuple[str, tuple[int, ...]]:
    return str(tensor.get_dtype()), tuple(tensor.get_shape())


def _digest(tensors: Tensors) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + b"\0")
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()
