"""Augmentations, as descriptions: random changes to the images trained on that leave their classes alone.

`training/augment.py` carries them out. Every image of every epoch draws its own random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, get_type_hints

from pellucid.errors import DataError, UnknownNameError
from pellucid.layers.geometry import PADDING_MODES, PaddingMode
from pellucid.layers.layer import require

__all__ = ["AUGMENTATIONS", "Affine", "Augmentation", "Cutout", "Elastic", "Flip", "PadCrop"]


@dataclass(frozen=True)
class Augmentation:
    """Base of all augmentations of images (C, H, W)."""

    label: ClassVar[str]


@dataclass(frozen=True)
class PadCrop(Augmentation):
    """Pad on all four sides, then cut the old size out at a random place (He et al. 2016, section 4.2).

    Args:
        padding: pixels on each side.
        mode: what lies beyond the edge, as in Conv2d.
    """

    padding: int = 4
    mode: PaddingMode = "zeros"

    label: ClassVar[str] = "pad-crop"

    def __post_init__(self) -> None:
        require(self.padding >= 1, "PadCrop", "padding is at least 1", self.padding)
        require(
            self.mode in PADDING_MODES, "PadCrop", f"mode is one of {', '.join(PADDING_MODES)}", self.mode
        )


@dataclass(frozen=True)
class Flip(Augmentation):
    """Exchange left and right.

    Args:
        probability: of doing so.
    """

    probability: float = 0.5

    label: ClassVar[str] = "flip"

    def __post_init__(self) -> None:
        require(0 <= self.probability <= 1, "Flip", "probability lies between 0 and 1", self.probability)


@dataclass(frozen=True)
class Affine(Augmentation):
    """Rotate, shift, scale and slant about the centre, by linear interpolation; what comes in is black.

    Each number is the most that happens in either direction; what happens is uniform in between.

    Args:
        rotation: degrees.
        translation: of the height and of the width, as a share of each.
        scale: 0.1 scales by 0.9 to 1.1.
        shear: columns by which a row moves for each row that it lies from the centre.
    """

    rotation: float = 0.0
    translation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0

    label: ClassVar[str] = "affine"

    def __post_init__(self) -> None:
        require(0 <= self.rotation <= 180, "Affine", "rotation lies between 0 and 180", self.rotation)
        require(0 <= self.translation <= 1, "Affine", "translation lies between 0 and 1", self.translation)
        require(0 <= self.scale < 1, "Affine", "scale is at least 0 and less than 1", self.scale)
        require(0 <= self.shear < math.inf, "Affine", "shear is at least 0", self.shear)


@dataclass(frozen=True)
class Elastic(Augmentation):
    """Move every pixel a little, its neighbours nearly alike (Simard, Steinkraus & Platt 2003, section 2).

    Displacements uniform in [-1, 1], smoothed by a Gaussian, times alpha, for rows and columns apart.

    Args:
        alpha: strength, in pixels before smoothing.
        sigma: standard deviation of the Gaussian, in pixels.
    """

    alpha: float = 34.0
    sigma: float = 4.0

    label: ClassVar[str] = "elastic"

    def __post_init__(self) -> None:
        require(0 <= self.alpha < math.inf, "Elastic", "alpha is at least 0", self.alpha)
        require(0 < self.sigma <= 100, "Elastic", "sigma is more than 0 and at most 100", self.sigma)


@dataclass(frozen=True)
class Cutout(Augmentation):
    """Cover a square whose centre lies anywhere in the image (DeVries & Taylor 2017).

    Args:
        size: of its side, in pixels; what lies outside of the image covers nothing.
        fill: brightness of the square, 0 to 1.
    """

    size: int = 8
    fill: float = 0.0

    label: ClassVar[str] = "cutout"

    def __post_init__(self) -> None:
        require(self.size >= 1, "Cutout", "size is at least 1", self.size)
        require(0 <= self.fill <= 1, "Cutout", "fill lies between 0 and 1", self.fill)


AUGMENTATIONS: dict[str, type[Augmentation]] = {
    kind.label: kind for kind in (PadCrop, Flip, Affine, Elastic, Cutout)
}


def augmentations(given: str | Augmentation | Sequence[Augmentation]) -> tuple[Augmentation, ...]:
    """What is done to each image, in order.

    Args:
        given: augmentations; or words for them, "pad-crop:4,flip": names in AUGMENTATIONS with commas
            between, each with its numbers after colons, in order or by name ("affine:15:scale=0.1"); "none".

    Raises:
        UnknownNameError: no such augmentation.
        DataError: words that cannot be read.
        LayerError: a number that breaks an augmentation's rule.
    """
    if isinstance(given, Augmentation):
        return (given,)
    if not isinstance(given, str):
        for one in given:
            if not isinstance(one, Augmentation):
                raise DataError(f"augment takes augmentations, received {one!r}")
        return tuple(given)
    words = [word.strip() for word in given.split(",")]
    return () if words == ["none"] else tuple(_augmentation(word) for word in words)


def _augmentation(text: str) -> Augmentation:
    name, *values = text.split(":")
    if name not in AUGMENTATIONS:
        raise UnknownNameError("augmentation", name, AUGMENTATIONS)
    kind = AUGMENTATIONS[name]
    types = get_type_hints(kind)
    order = [field.name for field in fields(kind)]
    chosen: dict[str, object] = {}
    for position, value in enumerate(values):
        field, equals, rest = value.rpartition("=")
        if not equals:
            field = order[position] if position < len(order) else ""
        if field not in order or field in chosen:
            raise DataError(f"{name} takes {', '.join(order)}, each once; received {text!r}")
        chosen[field] = _value(name, field, types[field], rest if equals else value)
    return kind(**chosen)


def _value(name: str, field: str, annotation: object, text: str) -> object:
    if annotation not in (int, float):
        return text
    try:
        return int(text) if annotation is int else float(text)
    except ValueError:
        what = "a whole number" if annotation is int else "a number"
        raise DataError(f"{name}: {field} is {what}, received {text!r}") from None
