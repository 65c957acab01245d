"""What a channel responds to in a data set: the patches that excite it most, and what in them does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.data import Split
from pellucid.data.dataset import TO_UNIT
from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.explain.attribution.rectifiers import guided_backpropagation
from pellucid.explain.passes import activations, as_batch, images_a_pass
from pellucid.explain.target import Target
from pellucid.graph import Graph
from pellucid.model import Float32, Model
from pellucid.receptive_field import receptive_fields

Images = Split | ArrayLike
"""A split of a data set, or (N, *input shape): bytes are read as value / 255, a few images at a time."""


@dataclass(frozen=True, eq=False)
class Patches:
    """The strongest responses of channels, strongest first, at most one an image.

    Attributes:
        node: whose channels they are.
        channels: (K,) their numbers.
        images: (K, count) numbers of images.
        cells: (K, count, axes) where in the map each response is; no axes for a vector.
        values: (K, count) the responses.
        boxes: (K, count, axes of the image, 2) the pixels that each cell may see: first, and one after last.
    """

    node: str
    channels: NDArray[np.int64]
    images: NDArray[np.int64]
    cells: NDArray[np.int64]
    values: Float32
    boxes: NDArray[np.int64]

    def row(self, channel: int) -> int:
        """Where in the arrays a channel is."""
        rows = np.flatnonzero(self.channels == channel)
        if not len(rows):
            raise DataError(f"{self.node}: patches of channel {channel} were not looked for")
        return int(rows[0])

    def window(self, channel: int, rank: int) -> tuple[slice, ...]:
        """What cuts a patch out of an image (C, *axes)."""
        box = self.boxes[self.row(channel), rank]
        return (slice(None), *(slice(int(start), int(stop)) for start, stop in box))

    def pictures(self, images: Images, channel: int) -> list[Float32]:
        """The patches of a channel, each (C, *axes) as large as what its cell sees of its image."""
        numbers = self.images[self.row(channel)]
        return [
            _read(images, np.array([number]))[0][self.window(channel, rank)]
            for rank, number in enumerate(numbers)
        ]


def strongest_patches(
    model: Model, images: Images, node: str, *, channels: Sequence[int] | None = None, count: int = 9
) -> Patches:
    """The patches of a data set that excite the channels of a node most (Zeiler & Fergus 2014, section 4).

    One pass over the images, a few at a time; only the best are kept.

    Args:
        model: any network with one input.
        images: see Images.
        node: whose channels.
        channels: which of them; all when left out.
        count: patches a channel, or as many as there are images.
    """
    name = model.graph.node(node).name
    width, *axes = model.graph.shapes[name]
    chosen = np.arange(width) if channels is None else np.array(channels, np.int64)
    if not len(chosen) or not (0 <= chosen.min() <= chosen.max() < width):
        raise DataError(f"{name}: channels are 0 to {width - 1}, received {channels}")
    if count < 1:
        raise DataError(f"{name}: at least 1 patch a channel is kept, received {count}")
    values = np.empty((len(chosen), 0), np.float32)
    numbers = np.empty((len(chosen), 0), np.int64)
    places = np.empty((len(chosen), 0), np.int64)
    for first, batch in _batches(model, images):
        maps = activations(model, batch, name)[:, chosen].reshape(len(batch), len(chosen), -1)
        best = maps.argmax(axis=2)
        found = np.take_along_axis(maps, best[..., None], axis=2)[..., 0]
        values = np.concatenate([values, found.T], axis=1)
        numbers = np.concatenate([numbers, np.broadcast_to(first + np.arange(len(batch)), found.T.shape)], 1)
        places = np.concatenate([places, best.T], axis=1)
        order = np.argsort(-values, axis=1, kind="stable")[:, :count]
        values = np.take_along_axis(values, order, axis=1)
        numbers = np.take_along_axis(numbers, order, axis=1)
        places = np.take_along_axis(places, order, axis=1)
    if not values.shape[1]:
        raise DataError(f"{name}: patches are looked for in at least one image, received none")
    cells = np.stack(np.unravel_index(places, axes), axis=-1) if axes else np.empty((*places.shape, 0), int)
    return Patches(name, chosen, numbers, cells, values, _boxes(model.graph, name, cells))


def reconstruct_patches(model: Model, images: Images, patches: Patches, channel: int) -> list[Float32]:
    """What in each of a channel's patches excites it: guided backpropagation from the cell, cut to the patch.

    Springenberg et al. 2015, figure 3, shows conv6 and conv9 of All-CNN for ImageNet this way.

    Returns:
        For each patch (C, *axes), as large as `Patches.pictures` gives it.
    """
    row = patches.row(channel)
    batch = _read(images, patches.images[row])
    cells = patches.cells[row]
    target = Target(patches.node, np.concatenate([np.full((len(cells), 1), channel), cells], axis=1))
    guided = guided_backpropagation(model, batch, target).values
    return [whole[patches.window(channel, rank)] for rank, whole in enumerate(guided)]


def _batches(model: Model, images: Images) -> Iterator[tuple[int, Float32]]:
    """Numbers of first images, and images as the network takes them."""
    count = len(images) if isinstance(images, Split) else len(np.asarray(images))
    step = images_a_pass(model.graph, max(1, count))
    for first in range(0, count, step):
        yield first, as_batch(model, _read(images, np.arange(first, min(first + step, count))))


def _read(images: Images, numbers: NDArray[np.int64]) -> Float32:
    pixels = images.pixels if isinstance(images, Split) else np.asarray(images)
    chosen = pixels[numbers]
    if chosen.dtype == np.uint8:
        return chosen.astype(np.float32) * TO_UNIT
    return chosen.astype(np.float32)


def _boxes(graph: Graph, node: str, cells: Array) -> NDArray[np.int64]:
    """The theoretical receptive field of cells (..., axes), cut at the image's edges."""
    _, *lengths = graph.shapes[graph.inputs[0]]
    field = receptive_fields(graph)[node]
    boxes = np.zeros((*cells.shape[:-1], len(lengths), 2), np.int64)
    boxes[..., 1] = lengths
    if not field or cells.shape[-1] != len(lengths):
        return boxes
    for axis, (seen, length) in enumerate(zip(field, lengths, strict=True)):
        for place in np.unique(cells[..., axis]):
            start = seen.start + int(place) * seen.stride
            here = cells[..., axis] == place
            boxes[here, axis, 0] = np.clip(math.floor(start), 0, length - 1)
            boxes[here, axis, 1] = np.clip(math.ceil(start + seen.size), 1, length)
    return boxes
