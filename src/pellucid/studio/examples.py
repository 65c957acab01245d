"""Labelled images that a question about many of them is asked of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.data import Split
from pellucid.studio.messages import ImageInfo
from pellucid.studio.presets import Picture, digits_for
from pellucid.studio.refusals import UNUSABLE, RefusedError
from pellucid.studio.workspace import OpenModel, image_info

LETTER = "e"
"""Begins the ids of examples: e17 is the seventeenth."""


def examples(model: OpenModel) -> Split:
    """The held-out images of a training run, else the digits, else what is labelled among its images.

    Raises:
        RefusedError: it has none.
    """
    if model.examples is None:
        model.examples = digits_for(model.model) or _labelled(list(model.pictures.values()))
    if model.examples is None:
        name = model.model.name
        raise RefusedError(UNUSABLE, f"{name}: no labelled images are here; begin a training run with data")
    return model.examples


def example_info(model: OpenModel, split: Split, number: int) -> ImageInfo:
    """One of them as an image that can be shown."""
    identity = f"{LETTER}{number}"
    label = int(split.labels[number])
    picture = Picture(f"{model.class_name(label)} {number}", split.pixels[number], label)
    model.keep_example(identity, picture)
    return image_info(identity, picture)


def _labelled(pictures: Sequence[Picture]) -> Split | None:
    known = [picture for picture in pictures if picture.label is not None]
    if not known:
        return None
    labels = np.array([picture.label for picture in known], np.int64)
    return Split(np.stack([picture.pixels for picture in known]), labels)
