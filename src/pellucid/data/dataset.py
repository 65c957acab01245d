"""Arrays of images and labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.data.fit import fit_pixels
from pellucid.data.stratified import stratified
from pellucid.errors import DataError

TO_UNIT = np.float32(1 / 255)
"""What a uint8 pixel is multiplied by when it is read, here and in the engines."""


@dataclass(frozen=True, eq=False)
class Split:
    """Images with their classes.

    Attributes:
        pixels: (N, *shape) uint8; shape is (C, H, W), or (features,) once fitted to a network of vectors.
        labels: (N,) int64.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        pixels, labels = self.pixels, self.labels
        if pixels.dtype != np.uint8 or pixels.ndim < 2:
            raise DataError(f"pixels are uint8 (N, *shape), received {pixels.dtype} {pixels.shape}")
        if labels.dtype != np.int64 or labels.ndim != 1:
            raise DataError(f"labels are int64 (N,), received {labels.dtype} {labels.shape}")
        if len(pixels) != len(labels):
            raise DataError(f"one label an image, received {len(pixels)} images and {len(labels)} labels")

    @property
    def images(self) -> NDArray[np.float32]:
        """(N, *shape) float32 in [0, 1]; a new array each time it is read."""
        return self.pixels.astype(np.float32) * TO_UNIT

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: ArrayLike) -> Split:
        """These images, in this order; `indices` are numbers, or one True or False an image."""
        chosen = np.asarray(indices)
        try:
            return Split(self.pixels[chosen], self.labels[chosen])
        except IndexError as error:
            raise DataError(f"a subset of {len(self)} images: {error}") from None

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel, in [0, 1]: what `Normalize` takes.

        Example:
            >>> from pellucid import data
            >>> mean, deviation = data.load("digits").train.statistics()
            >>> print(f"{mean[0]:.3f} {deviation[0]:.3f}")
            0.305 0.376
        """
        levels = np.arange(256) / 255
        means, deviations = [], []
        for channel in range(self.pixels.shape[1]):
            counts = np.zeros(256, np.int64)
            for start in range(0, len(self), 4096):
                part = self.pixels[start : start + 4096, channel]
                counts += np.bincount(part.ravel(), minlength=256)
            total = max(1, int(counts.sum()))
            mean = float(counts @ levels) / total
            means.append(mean)
            deviations.append(math.sqrt(float(counts @ (levels - mean) ** 2) / total))
        return tuple(means), tuple(deviations)

    def stratified(self, fraction: float, seed: int = 0) -> tuple[Split, Split]:
        """Two parts, what stays and what is held out; every class has its share in both.

        Args:
            fraction: that is held out, between 0 and 1.
            seed: of the choice.

        Raises:
            DataError: too few images for every class to have its share.
        """
        stay, held = stratified(self.labels, fraction, seed)
        return self.subset(stay), self.subset(held)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images to train on and images to test on.

    Attributes:
        name: for people.
        train: what training sees.
        test: what it never sees.
        class_names: what label 0, 1, ... mean.
        skipped: a line for every broken picture that was left out, beginning with its path.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.train.pixels.shape[1:] != self.test.pixels.shape[1:]:
            raise DataError(
                f"{self.name}: images of both splits have one shape, received "
                f"{self.train.pixels.shape[1:]} and {self.test.pixels.shape[1:]}"
            )
        for split in (self.train, self.test):
            if len(split) and not 0 <= split.labels.min() <= split.labels.max() < len(self.class_names):
                raise DataError(
                    f"{self.name}: labels are 0 to {len(self.class_names) - 1}, "
                    f"received {split.labels.min()} to {split.labels.max()}"
                )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image, (C, H, W)."""
        return self.train.pixels.shape[1:]

    def with_validation(self, fraction: float, seed: int = 0) -> Dataset:
        """A part of the images to train on held out in place of the images to test on.

        What is chosen by looking at it, such as a learning rate, leaves the real test unseen.

        Args:
            fraction: of every class, between 0 and 1.
            seed: of the choice.

        Raises:
            DataError: too few images for every class to have its share.
        """
        try:
            train, validation = self.train.stratified(fraction, seed)
        except DataError as error:
            raise DataError(f"{self.name}: {error}") from None
        return replace(self, train=train, test=validation)

    def fit(self, input_shape: Sequence[int]) -> Dataset:
        """The same images in the shape a network expects, by the rules of `pellucid.data.fit`.

        Raises:
            DataError: no rule leads from one shape to the other.
        """
        shape = tuple(input_shape)
        if shape == self.shape:
            return self
        try:
            train, test = (
                Split(fit_pixels(split.pixels, shape), split.labels) for split in (self.train, self.test)
            )
        except DataError as error:
            raise DataError(f"{self.name}: {error}") from None
        return replace(self, train=train, test=test)
