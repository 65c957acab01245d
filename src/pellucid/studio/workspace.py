"""What is open: models and the images that can be shown to each."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pellucid.data import Split
from pellucid.data.dataset import TO_UNIT
from pellucid.explain.evidence import Evidence
from pellucid.explain.recording import Recording
from pellucid.model import Float32, Model
from pellucid.studio.limits import Limits
from pellucid.studio.messages import ImageInfo, ModelInfo
from pellucid.studio.model_info import model_info
from pellucid.studio.opening import Opened
from pellucid.studio.presets import Picture, presets
from pellucid.studio.refusals import NOT_FOUND, UNUSABLE, RefusedError

SHOWN = 256
"""Examples of a data set that can be shown at once."""


@dataclass(eq=False)
class OpenModel:
    """A model on the stage.

    Attributes:
        id: that the page names it by.
        model: the network.
        run: the training run it comes from, for people.
        recording: moments of that run.
        pictures: images of its shape by id; presets first.
        uploaded: ids of those that somebody sent, the oldest first.
        milliseconds: of nodes, as far as they were measured.
        revision: how often its parameters have been replaced.
        examples: labelled images that it has not been trained on.
        shown_examples: those of them that were shown, the latest, by id.
    """

    id: str
    model: Model
    run: str | None = None
    recording: Recording | None = None
    pictures: dict[str, Picture] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    revision: int = 0
    examples: Split | None = None
    shown_examples: OrderedDict[str, Picture] = field(default_factory=OrderedDict)
    _first: Evidence | None = None

    def replace(self, model: Model) -> None:
        """The same network with other parameters."""
        self.model, self._first, self.revision = model, None, self.revision + 1

    @property
    def info(self) -> ModelInfo:
        """As a message."""
        return model_info(self.model, self.id, run=self.run, milliseconds=self.milliseconds)

    @property
    def images(self) -> list[ImageInfo]:
        """As messages; a list of its own, as others may add to the pictures meanwhile."""
        return [image_info(identity, picture) for identity, picture in list(self.pictures.items())]

    def class_name(self, number: int) -> str:
        """What a class is called."""
        names = self.model.class_names
        return names[number] if number < len(names) else str(number)

    def keep_example(self, identity: str, picture: Picture) -> None:
        """Let an example be shown by its id; the latest SHOWN of them are kept."""
        self.shown_examples[identity] = picture
        while len(self.shown_examples) > SHOWN:
            self.shown_examples.popitem(last=False)

    def show_first(self, picture: Picture) -> None:
        """Let a picture be the one that the page begins with."""
        self.pictures = {"i0": picture, **self.pictures}

    def picture(self, identity: str) -> Picture:
        """The image of this id."""
        if identity in self.shown_examples:
            return self.shown_examples[identity]
        if identity not in self.pictures:
            raise RefusedError(
                NOT_FOUND, f"{self.model.name}: image {identity!r} is not kept any more, or never was"
            )
        return self.pictures[identity]

    def input(self, identity: str) -> Float32:
        """An image as the network takes it, without the batch."""
        picture = self.picture(identity)
        if picture.numbers is not None:
            return picture.numbers
        pixels: Float32 = picture.pixels.astype(np.float32) * TO_UNIT
        return pixels

    def evidence(self, identity: str) -> Evidence:
        """What an image makes of the model; compiled programs serve all images."""
        image = self.input(identity)
        first = self._first
        if first is not None and first.model is self.model:
            return first.about(image)
        self._first = found = Evidence(self.model, image)
        return found


def image_info(identity: str, picture: Picture) -> ImageInfo:
    """An image as a message."""
    return {
        "id": identity,
        "name": picture.name,
        "shape": list(picture.pixels.shape),
        "label": picture.label,
    }


class Workspace:
    """All that is open. Several threads use it.

    Args:
        limits: how much is kept.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._models: OrderedDict[str, OpenModel] = OrderedDict()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def models(self) -> list[OpenModel]:
        """In the order in which they were opened."""
        with self._lock:
            return list(self._models.values())

    def model(self, identity: str) -> OpenModel:
        """The open model of this id."""
        with self._lock:
            found = self._models.get(identity)
        if found is None:
            raise RefusedError(NOT_FOUND, f"no model {identity!r} is open")
        return found

    def add(self, opened: Opened) -> OpenModel:
        """Put a model on the stage, with its presets."""
        pictures = presets(opened.model)
        with self._lock:
            if len(self._models) >= self.limits.models:
                raise RefusedError(
                    UNUSABLE, f"at most {self.limits.models} models are open at once; close one first"
                )
            made = OpenModel(f"m{next(self._numbers)}", opened.model, opened.run, opened.recording)
            made.pictures = {f"i{next(self._numbers)}": picture for picture in pictures}
            self._models[made.id] = made
        return made

    def close(self, identity: str) -> None:
        """Take a model off the stage."""
        self.model(identity)
        with self._lock:
            self._models.pop(identity, None)

    def add_picture(self, model: OpenModel, picture: Picture) -> ImageInfo:
        """Keep an image; the oldest of those that were sent before goes when they are too many."""
        with self._lock:
            identity = f"i{next(self._numbers)}"
            model.pictures[identity] = picture
            model.uploaded.append(identity)
            if len(model.uploaded) > self.limits.images:
                model.pictures.pop(model.uploaded.pop(0), None)
        return image_info(identity, picture)
