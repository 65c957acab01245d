"""A run that is over, from its recording: nothing is trained, but every moment can be shown."""

from __future__ import annotations

from pellucid.explain import Recording
from pellucid.studio.messages import TrainState
from pellucid.studio.refusals import UNUSABLE, RefusedError
from pellucid.studio.train_state import latest, state_of, thinned
from pellucid.studio.training_session import Report
from pellucid.studio.workspace import OpenModel


class Replay:
    """The moments of a recording on the stage.

    Args:
        shown: the model of the run, which takes each moment's parameters.
        recording: of the run.
        report: told of every state.
    """

    def __init__(self, shown: OpenModel, recording: Recording, report: Report) -> None:
        self.shown, self._recording, self._report = shown, recording, report
        self._losses = [(m.step, m.loss) for m in recording.moments if m.loss is not None]
        self._accuracies = [
            (m.step, m.statistics["probe"]["accuracy"])
            for m in recording.moments
            if "accuracy" in m.statistics.get("probe", {})
        ]
        self.state = self._state_at(recording.steps[-1], "finished") if recording.steps else self._empty()
        report(self.state)

    def go(self, action: str) -> None:
        """A recording cannot go on."""
        raise RefusedError(UNUSABLE, "this run is over and can only be scrubbed: choose data to begin one")

    def scrub(self, step: int) -> None:
        """Show the network as it was at the moment nearest to a step."""
        if not self._recording.steps:
            raise RefusedError(UNUSABLE, "nothing is recorded")
        nearest = min(self._recording.steps, key=lambda moment: abs(moment - step))
        self.shown.replace(self._recording.model(nearest))
        self.state = self._state_at(nearest, "scrubbed")
        self._report(self.state)

    def close(self) -> None:
        """Nothing is left running."""

    def _empty(self) -> TrainState:
        return state_of("finished", self.shown.id)

    def _state_at(self, step: int, status: str) -> TrainState:
        return {
            **self._empty(),
            "status": "scrubbed" if status == "scrubbed" else "finished",
            "step": step,
            "epoch": self._recording.moment(step).epoch,
            "epochs": self._recording.moments[-1].epoch,
            "loss": latest(self._losses, step),
            "accuracy": latest(self._accuracies, step),
            "losses": thinned(self._losses),
            "accuracies": self._accuracies,
            "moments": list(self._recording.steps),
        }
