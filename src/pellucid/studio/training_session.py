"""One training run on the stage: it obeys the page, and any of its moments can be looked into."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from pellucid import data
from pellucid.errors import PellucidError
from pellucid.explain import Recorder, Recording
from pellucid.initialization import initial_parameters
from pellucid.model import Model
from pellucid.studio.conductor import Conductor, StoppedError
from pellucid.studio.messages import TrainState
from pellucid.studio.opening import Opened
from pellucid.studio.presets import as_in
from pellucid.studio.refusals import UNUSABLE, RefusedError
from pellucid.studio.train_state import latest, state_of, thinned
from pellucid.studio.workspace import OpenModel, Workspace
from pellucid.training import Run, train

MOMENTS_AN_EPOCH = 12
"""That are kept to be scrubbed to."""

Report = Callable[[TrainState], None]


class TrainingSession:
    """A run in a thread of its own, from fresh weights.

    Args:
        workspace: where the model in training is shown.
        source: whose network is trained; it stays as it is.
        data_name: a data set by name.
        epochs: passes over it.
        report: told of every state, from any thread.
        ended: told when nothing runs any more.
    """

    def __init__(
        self,
        workspace: Workspace,
        source: OpenModel,
        data_name: str,
        epochs: int,
        *,
        report: Report,
        ended: Callable[[], None],
    ) -> None:
        self._ended = ended
        self._model = fresh(source.model)
        self._epochs, self._data_name, self._report = epochs, data_name, report
        self._folder = tempfile.TemporaryDirectory(prefix="pellucid-studio-")
        self._recording = Path(self._folder.name) / "recording"
        self._workspace = workspace
        self.shown = workspace.add(Opened(fresh(source.model)))
        self._conductor = Conductor(self._moved)
        self.state = state_of("ready", self.shown.id, epochs=epochs)
        self._moments: list[int] = []
        self._over = False
        self._thread = threading.Thread(target=self._run, name="studio-training", daemon=True)
        self._thread.start()

    # ---- commands

    def go(self, action: str) -> None:
        """Do a step, an epoch, or the rest; or pause."""
        if self.state["status"] == "failed" or self._over:
            raise RefusedError(UNUSABLE, "the run is over: begin another")
        if action == "pause":
            self._conductor.pause()
            return
        step, length = self.trained, max(1, self.state["steps_per_epoch"])
        ends = {"step": step + 1, "epoch": (step // length + 1) * length, "run": None}
        self._conductor.allow(ends[action])

    def scrub(self, step: int) -> None:
        """Show the network as it was at the moment nearest to a step."""
        if self.state["status"] == "running":
            raise RefusedError(UNUSABLE, "pause the run first")
        if not self._moments:
            raise RefusedError(UNUSABLE, "nothing is recorded yet")
        nearest = min(self._moments, key=lambda moment: abs(moment - step))
        self.shown.replace(Recording(self._recording).model(nearest))
        self._tell(
            {
                **self.state,
                "status": "scrubbed",
                "step": nearest,
                "loss": latest(self._conductor.losses, nearest),
                "accuracy": latest(self._conductor.accuracies, nearest),
            }
        )

    def close(self) -> None:
        """End the run after the steps under way; what it shows stays on the stage."""
        self._conductor.stop()

    @property
    def trained(self) -> int:
        """Steps done, wherever the page has scrubbed to."""
        return self._conductor.losses[-1][0] if self._conductor.losses else 0

    # ---- the run's own thread

    def _run(self) -> None:
        try:
            self._train()
            self._conductor.wait_for_stop()  # the moments can be scrubbed to until the page goes
        except StoppedError:
            pass
        except PellucidError as error:
            self._tell({**self.state, "status": "failed", "problem": str(error)})
        except Exception as error:
            # A fault of this program: the page hears of it too, and it goes on its way.
            self._tell({**self.state, "status": "failed", "problem": f"{type(error).__name__}: {error}"})
            raise
        finally:
            self.shown.recording = None
            self._folder.cleanup()
            self._ended()

    def _train(self) -> None:
        dataset = data.load(self._data_name).fit(self._model.graph.shapes[self._model.graph.inputs[0]])
        self.shown.examples = dataset.test
        self.shown.pictures = as_in(dataset.test, self.shown.pictures)
        batch = min(self._model.recipe.batch_size, max(1, len(dataset.train)))
        every = max(1, -(-len(dataset.train) // batch) // MOMENTS_AN_EPOCH)
        recorder = Recorder(self._recording, every=every)
        listeners = (recorder, self._conductor)
        train(self._model, dataset, epochs=self._epochs, progress=False, callbacks=listeners)
        self._show(self._model)
        self._read_moments()
        self._over = True
        self._tell({**self._numbers(), "status": "finished", "moments": self._moments})

    def _moved(self, run: Run, held: bool) -> None:
        """Show the network as it is now, and say where the run stands."""
        run.read_back()
        self._show(run.model)
        if held or not self._moments:
            self._read_moments()
        self._tell(
            {
                **self._numbers(),
                "status": "running" if not held else "paused" if run.step else "ready",
                "epoch": run.epoch,
                "steps_per_epoch": run.settings.steps_per_epoch,
                "images_per_second": run.totals.images_per_second,
                "moments": self._moments,
            }
        )

    def _read_moments(self) -> None:
        """What can be scrubbed to, or compared with what is shown."""
        self.shown.recording = Recording(self._recording)
        self._moments = list(self.shown.recording.steps)

    def _show(self, model: Model) -> None:
        self.shown.replace(model.rebuilt())

    def _numbers(self) -> TrainState:
        losses, accuracies = self._conductor.losses, self._conductor.accuracies
        return {
            **self.state,
            "step": self.trained,
            "loss": latest(losses, self.trained),
            "accuracy": latest(accuracies, self.trained),
            "losses": thinned(losses),
            "accuracies": list(accuracies),
        }

    def _tell(self, state: TrainState) -> None:
        self.state = state
        self._report(state)


def fresh(model: Model) -> Model:
    """The network with newly drawn weights; what no training moves stays."""
    graph = model.graph
    kept = {name: model.parameters[name] for name, spec in graph.parameters.items() if spec.role == "fixed"}
    return model.rebuilt({**initial_parameters(graph, 0), **kept}, name=f"{model.name} in training")
