"""What a training run reads: a data set or a pair of arrays, checked against the model."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pellucid.data import Dataset, Split
from pellucid.engines.engine import Array, Examples
from pellucid.errors import DataError
from pellucid.layers import Shape
from pellucid.model import Model


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Images that fit the model.

    Attributes:
        name: of the data set; "arrays" for a pair.
        examples: to train on.
        test: held out; None for a pair.
        class_names: what the classes mean; empty for a pair.
        picture_shape: of one image before it became a vector; (C, H, W) where images are pictures.
    """

    name: str
    examples: Examples
    test: Split | None = None
    class_names: tuple[str, ...] = ()
    picture_shape: Shape = ()

    @property
    def checksum(self) -> int:
        """CRC-32 of the images and targets trained on: tells whether a resumed run sees the same ones."""
        images, targets = self.examples.images, self.examples.targets
        return zlib.crc32(np.ascontiguousarray(targets).data, zlib.crc32(np.ascontiguousarray(images).data))


def input_shape(model: Model) -> Shape:
    """Shape of the model's only input.

    Raises:
        DataError: it has several.
    """
    if len(model.graph.inputs) != 1:
        raise DataError(
            f"{model.name}: training and evaluation take a network with one input, received "
            f"{len(model.graph.inputs)}"
        )
    return model.graph.shapes[model.graph.inputs[0]]


def fit_dataset(model: Model, data: Dataset) -> Dataset:
    """The data set in the model's input shape.

    Raises:
        DataError: no rule fits its images to the model, or the model has fewer outputs than it has classes.
    """
    fitted = data.fit(input_shape(model))
    outputs = model.graph.shapes[model.graph.outputs[0]][0]
    if outputs < len(data.class_names):
        raise DataError(
            f"{data.name}: has {len(data.class_names)} classes, and {model.name} has {outputs} output(s)"
        )
    return fitted


def training_data(model: Model, data: Dataset | tuple[ArrayLike, ArrayLike]) -> TrainingData:
    """Data as `train` takes it, checked.

    Raises:
        DataError: images, targets or classes that do not fit the model, or no image at all.
    """
    if isinstance(data, Dataset):
        fitted = fit_dataset(model, data)
        examples = Examples(fitted.train.pixels, fitted.train.labels)
        pictures = fitted.shape if len(fitted.shape) == 3 else data.shape
        result = TrainingData(data.name, examples, fitted.test, data.class_names, pictures)
    else:
        images = _images(model, data[0])
        examples = Examples(images, _targets(model, data[1], len(images)))
        result = TrainingData("arrays", examples, picture_shape=images.shape[1:])
    if len(result.examples.images) == 0:
        raise DataError(f"{result.name}: training takes at least one image, received none")
    return result


def _images(model: Model, images: ArrayLike) -> Array:
    array = np.asarray(images)
    shape = input_shape(model)
    if array.ndim != len(shape) + 1 or array.shape[1:] != shape:
        expected = ", ".join(["N", *map(str, shape)])
        raise DataError(
            f"{model.graph.inputs[0]}: expects images of shape ({expected}), received {array.shape}"
        )
    dtype = np.uint8 if array.dtype == np.uint8 else np.float32
    return np.ascontiguousarray(array, dtype)


def _targets(model: Model, targets: ArrayLike, count: int) -> Array:
    array = np.asarray(targets)
    if len(array) != count:
        raise DataError(f"one target an image: received {count} images and {len(array)} targets")
    return model.targets(array, count)
