"""What every request shares: the open models, the passes, the threads, and what was allowed at the start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pellucid import __version__, data, zoo
from pellucid.studio.jobs import Jobs
from pellucid.studio.limits import Limits
from pellucid.studio.messages import State
from pellucid.studio.opening import Opened
from pellucid.studio.traces import Passes
from pellucid.studio.workspace import Workspace


@dataclass(eq=False)
class Studio:
    """One running Studio.

    Attributes:
        allow_url: whether images may be fetched from the internet.
        limits: of what requests bring and the server keeps.
        training: held by the one run that may be under way.
        data_names: data sets that a run may learn from.
    """

    allow_url: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.workspace = Workspace(self.limits)
        self.passes = Passes(self.workspace)
        self.jobs = Jobs()
        self.training = threading.Lock()
        self.data_names = data.names()

    def open(self, *openers: Callable[[], Opened]) -> None:
        """Put models on the stage before anyone asks."""
        for opener in openers:
            self.workspace.add(opener())

    def warm(self) -> None:
        """Take the pass that the page asks for first: large networks compile meanwhile."""
        for model in self.workspace.models[:1]:
            for image in list(model.pictures)[:1]:
                self.passes.of(model.id, image)

    def state(self) -> State:
        """What the page finds when it opens."""
        models = self.workspace.models
        return {
            "version": __version__,
            "models": [model.info for model in models],
            "images": {model.id: model.images for model in models},
            "zoo": list(zoo.names()),
            "allow_url": self.allow_url,
            "data": list(self.data_names),
        }
