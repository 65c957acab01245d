"""Images that are always at hand: handwritten digits, two photographs, drawings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid import data
from pellucid.data import Split
from pellucid.data.dataset import TO_UNIT
from pellucid.data.fit import fit_pixels, fit_size, luminance
from pellucid.errors import DataError
from pellucid.layers import Shape
from pellucid.model import Float32, Model
from pellucid.studio.drawings import SCENES, drawing

Pixels = NDArray[np.uint8]

PHOTOGRAPHS = ("china.jpg", "flower.jpg")
"""Of scikit-learn's."""

DIGITS_SEED = 0
TEN = tuple(map(str, range(10)))

SMALL = 96
"""Side of the largest network that is shown digits."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as a network takes it, before it is scaled to [0, 1].

    Attributes:
        name: for people.
        pixels: of the input's shape, uint8.
        label: its class, where it is known.
        numbers: what the network takes, where that is not the pixels' share of 255.
    """

    name: str
    pixels: Pixels
    label: int | None = None
    numbers: Float32 | None = None


def presets(model: Model) -> list[Picture]:
    """What can be shown to a network without asking for an image; empty for one of several inputs."""
    if len(model.graph.inputs) != 1:
        return []
    shape = model.graph.shapes[model.graph.inputs[0]]
    side = max(shape[1:]) if len(shape) == 3 else 0
    pictures: list[Picture] = []
    if len(shape) == 1 or (shape[0] == 1 and side <= SMALL):
        pictures += _digits(model, shape)
    if len(shape) == 3 and side > 8 and (shape[0] == 3 or (shape[0] == 1 and not pictures)):
        pictures += [_fitted(name, pixels, shape, model) for name, pixels in _colour()]
    return pictures or [_noise(shape)]


def digits_for(model: Model) -> Split | None:
    """Held-out digits, framed as the network reads them best: filling the image, or in the middle as MNIST's.

    None for a network that does not read digits.
    """
    shape = model.graph.shapes[model.graph.inputs[0]]
    known = model.class_names in ((), TEN) and model.graph.shapes[model.graph.outputs[0]] == (10,)
    if not known or len(model.graph.inputs) != 1 or (len(shape) == 3 and shape[0] != 1):
        return None
    test = data.load("digits", seed=DIGITS_SEED).test
    framings = [fitted for frame in (_framed, _whole) if (fitted := frame(test.pixels, shape)) is not None]
    if not framings:
        return None
    return Split(max(framings, key=lambda pixels: _right(model, pixels, test.labels)), test.labels)


def digit_name(digit: int) -> str:
    """What a digit's image is called."""
    return f"digit {digit}"


def as_in(split: Split, pictures: Mapping[str, Picture]) -> dict[str, Picture]:
    """The same pictures, but digits as a data set has them: framed as the network in training sees them."""
    found = dict(pictures)
    for identity, picture in pictures.items():
        if picture.label is None:
            continue
        numbers = np.flatnonzero(split.labels == picture.label)
        if len(numbers) and picture.name == digit_name(int(split.labels[numbers[0]])):
            found[identity] = Picture(picture.name, split.pixels[numbers[0]], picture.label)
    return found


def _digits(model: Model, shape: Shape) -> list[Picture]:
    """One of each."""
    split = digits_for(model)
    if split is not None:
        chosen = [int(np.flatnonzero(split.labels == digit)[0]) for digit in range(10)]
        return [Picture(digit_name(k), split.pixels[number], k) for k, number in enumerate(chosen)]
    test = data.load("digits", seed=DIGITS_SEED).test
    fitted = _whole(test.pixels[:10], shape)
    if fitted is None:
        return []
    labels = test.labels.tolist()
    return [Picture(digit_name(label), pixels) for label, pixels in zip(labels, fitted, strict=False)]


def _whole(pixels: Pixels, shape: Shape) -> Pixels | None:
    try:
        return fit_pixels(pixels, shape)
    except DataError:
        return None


def _framed(pixels: Pixels, shape: Shape) -> Pixels | None:
    """The digits with a margin of a seventh, as in MNIST, where 20 of 28 pixels hold the digit."""
    if len(shape) != 3 or shape[0] != 1:
        return None
    height, width = shape[1:]
    inner = fit_size(pixels, max(1, height * 5 // 7), max(1, width * 5 // 7))
    rows, columns = height - inner.shape[2], width - inner.shape[3]
    sides = ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2))
    return np.pad(inner, ((0, 0), (0, 0), *sides))


def _right(model: Model, pixels: Pixels, labels: NDArray[np.int64]) -> float:
    output = np.asarray(model.predict(pixels.astype(np.float32) * TO_UNIT))
    return float((output.argmax(axis=1) == labels).mean())


def _colour() -> Iterator[tuple[str, Pixels]]:
    from sklearn.datasets import load_sample_image

    for name in SCENES:
        yield name, drawing(name)
    for name in PHOTOGRAPHS:
        photograph = np.asarray(load_sample_image(name), np.uint8).transpose(2, 0, 1)
        yield name.removesuffix(".jpg"), _square(photograph)


def _square(pixels: Pixels) -> Pixels:
    """The middle of a picture, as high as wide."""
    _, height, width = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[:, top : top + side, left : left + side]


def _fitted(name: str, pixels: Pixels, shape: Shape, model: Model) -> Picture:
    channels = luminance(pixels[None]) if shape[0] == 1 else pixels[None]
    label = model.class_names.index(name) if name in model.class_names else None
    return Picture(name, fit_pixels(channels, shape)[0], label)


def _noise(shape: Shape) -> Picture:
    """For inputs that are no pictures."""
    return Picture("noise", np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
