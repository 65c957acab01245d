"""Training through time: a listener that keeps moments of a run, from its first step to its last."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.errors import DataError
from pellucid.explain.recording import INDEX, PARAMETER, SLOT, Moment
from pellucid.explain.recording_writer import RecordingWriter
from pellucid.model import Model
from pellucid.training import Callback, Run

if TYPE_CHECKING:
    from pellucid.engines.engine import StepReport

Statistics = dict[str, dict[str, float]]


class Recorder(Callback):
    """Keeps moments of a training run, from which a Recording gives back the network as it was.

    A moment is kept before the first step, at the steps chosen, and after the last one. When the moments take
    more than `limit` bytes, or are more than `most`, every second one goes; those chosen by `every` are then
    taken at half the rate.

    Args:
        folder: to write to; a resumed run goes on with what it holds.
        every: steps between moments.
        steps: to take moments at, instead. Without either: steps 1, 2, 4, 8 and so on through the first
            epoch, then the end of every epoch.
        optimizer_state: keep the optimiser's arrays too, so that an update can be followed.
        probe: (images, targets) on which every moment measures loss, accuracy, gradients and activations.
        limit: bytes on the disk.
        most: moments.

    Example:
        pellucid.train(net, data, callbacks=[pellucid.explain.Recorder("runs/a/recording", every=10)])
        recording = pellucid.explain.Recording("runs/a/recording")
        recording.model(recording.steps[3])
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        every: int | None = None,
        steps: Sequence[int] | None = None,
        optimizer_state: bool = True,
        probe: tuple[ArrayLike, ArrayLike] | None = None,
        limit: int = 1 << 28,
        most: int = 512,
    ) -> None:
        if every is not None and (every < 1 or steps is not None):
            raise DataError(f"Recorder: every is at least 1, and given without steps; received {every}")
        if most < 2:
            raise DataError(f"Recorder: most is at least 2 moments, received {most}")
        self.folder = Path(folder)
        self._every, self._steps = every, None if steps is None else sorted(steps)
        self._optimizer_state, self._probe = optimizer_state, probe
        self._limit, self._most = limit, most
        self._writer: RecordingWriter | None = None
        self._before: Mapping[str, NDArray[np.float32]] = {}
        self._loss = self._images = 0.0

    # ---- events

    def start(self, run: Run) -> None:
        """Begin a recording, or go on with that of the run resumed."""
        self._writer = RecordingWriter(self.folder, self._limit, self._most)
        if run.step and (self.folder / INDEX).exists():
            self._writer.resume(run.step)
        else:
            self._writer.begin(run.model)
        self._check_limit(run)
        if not self._writer.moments or self._writer.moments[-1].step != run.step:
            self._keep(run)

    def next_step(self, run: Run) -> int | None:
        """The next step that is to be kept."""
        step = run.step + 1
        if self._every is not None:
            return -(-step // self._every) * self._every
        if self._steps is not None:
            return next((chosen for chosen in self._steps if chosen >= step), None)
        of_epoch = run.settings.steps_per_epoch
        power = 1 << (step - 1).bit_length()
        return power if power < of_epoch else -(-step // of_epoch) * of_epoch

    def steps(self, run: Run, report: StepReport) -> None:
        """Keep the moment if it is one of those chosen."""
        self._loss += float((report.losses * report.images).sum())
        self._images += float(report.images.sum())
        if self._chosen(run) or run.step == run.settings.total_steps:
            self._keep(run)

    # ---- a moment

    def _chosen(self, run: Run) -> bool:
        if self._every is not None:
            return run.step % self._every == 0
        if self._steps is not None:
            return run.step in self._steps
        of_epoch = run.settings.steps_per_epoch
        return run.step % of_epoch == 0 or (run.step < of_epoch and run.step & (run.step - 1) == 0)

    def _keep(self, run: Run) -> None:
        assert self._writer is not None
        parameters = run.program.read_parameters()
        slots = run.program.read_slots() if self._optimizer_state else {}
        moment = Moment(
            step=run.step,
            epoch=run.epoch,
            learning_rate=run.settings.learning_rate_at(max(0, run.step - 1)),
            loss=self._loss / self._images if self._images else None,
            statistics=self._statistics(run, parameters),
        )
        arrays = {PARAMETER + name: array for name, array in parameters.items()}
        arrays |= {SLOT + name: array for name, array in slots.items()}
        before = len(self._writer.moments)
        self._writer.add(moment, arrays)
        if self._every is not None and len(self._writer.moments) <= before:
            self._every *= 2
        self._before, self._loss, self._images = parameters, 0.0, 0.0

    def _statistics(self, run: Run, parameters: Mapping[str, NDArray[np.float32]]) -> Statistics:
        found: Statistics = {"mean": {}, "rms": {}, "change": {}}
        for name, array in parameters.items():
            found["mean"][name] = float(array.mean(dtype=np.float64))
            found["rms"][name] = _rms(array)
            if name in self._before:
                found["change"][name] = _rms(array - self._before[name])
        if self._probe is not None:
            run.read_back()
            found |= probe_statistics(run.model, *self._probe)
        return found

    def _check_limit(self, run: Run) -> None:
        arrays = [*run.program.read_parameters().values()]
        arrays += run.program.read_slots().values() if self._optimizer_state else []
        size = sum(array.nbytes for array in arrays)
        if self._limit < 3 * size:
            raise DataError(
                f"Recorder: limit is room for three moments or more, and one of {run.model.name} takes up to "
                f"{size} bytes; received {self._limit}"
            )


def probe_statistics(model: Model, images: ArrayLike, targets: ArrayLike) -> Statistics:
    """What a batch shows of a moment: loss, accuracy, and the strength of gradients and activations.

    Returns:
        "probe" with "loss" and, for classes, "accuracy"; "gradient", the root mean square by parameter;
        "activation", the mean by node, and "active", the share of its values above 0.
    """
    gradients = model.gradients(images, targets, loss=model.recipe.objective)
    trace = model.trace(images)
    output = trace[model.graph.outputs[0]]
    probe = {"loss": float(gradients.loss or 0.0)}
    classes = np.asarray(targets)
    if classes.dtype.kind in "iu":
        probe["accuracy"] = float((output.reshape(len(output), -1).argmax(axis=1) == classes).mean())
    return {
        "probe": probe,
        "gradient": {name: _rms(array) for name, array in gradients.parameters.items()},
        "activation": {name: float(trace[name].mean(dtype=np.float64)) for name in trace},
        "active": {name: float((trace[name] > 0).mean()) for name in trace},
    }


def _rms(array: NDArray[np.float32]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
