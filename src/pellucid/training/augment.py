"""Carrying out augmentations: the same image in the same epoch always comes out the same.

The random numbers of an image follow from the seed, the epoch, its number in the data set and the place of
the augmentation among the others: not from the batch size, the threads, or where a run was interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pellucid.augmentation import Affine, Augmentation, Cutout, Elastic, Flip, PadCrop
from pellucid.engines.engine import Array
from pellucid.engines.reference.philox import philox4x32
from pellucid.errors import DataError, UnknownNameError

Floats = NDArray[np.float32]

OWN_KEY = 0x6175676D
"""Sets these random numbers apart from dropout's, which have the same seed."""

GROUP_PIXELS = 100_000
"""Of the images that are bent at a time: two to three times as fast as a thousand images at once."""

NUMPY_MODES = {"zeros": "constant", "edge": "edge", "reflect": "reflect", "circular": "wrap"}


@dataclass(frozen=True, eq=False)
class Draws:
    """The random numbers of one augmentation of some images.

    Attributes:
        indices: (n,) numbers of the images in the data set.
        place: of the augmentation among the others.
        seed: of the run.
        epoch: from 0.
    """

    indices: NDArray[np.int64]
    place: int
    seed: int
    epoch: int

    def uniform(self, count: int) -> NDArray[np.float64]:
        """(n, count) numbers in [0, 1).

        u = (word >> 8) 2^-24, where word is number k % 4 of the Philox4x32-10 output for the key (seed low,
        seed high XOR OWN_KEY) and the counter (k // 4, image, place, epoch).
        """
        counter = np.zeros((len(self.indices), -(-count // 4), 4), np.uint32)
        counter[..., 0] = np.arange(counter.shape[1])
        counter[..., 1] = self.indices[:, None] & 0xFFFFFFFF
        counter[..., 2] = self.place
        counter[..., 3] = self.epoch
        words = philox4x32(counter, (self.seed & 0xFFFFFFFF, (self.seed >> 32 & 0xFFFFFFFF) ^ OWN_KEY))
        whole = words.reshape(len(self.indices), -1)[:, :count] >> np.uint32(8)
        return whole.astype(np.float64) * 2.0**-24

    def between(self, count: int) -> NDArray[np.float64]:
        """(n, count) numbers in [-1, 1)."""
        return 2 * self.uniform(count) - 1


def augmented(
    augmentations: Sequence[Augmentation], images: Array, indices: NDArray[np.int64], seed: int, epoch: int
) -> Array:
    """Images as they are trained on.

    Args:
        augmentations: in order.
        images: (n, C, H, W), uint8 or float32.
        indices: (n,) their numbers in the data set.
        seed: of the run.
        epoch: from 0.

    Returns:
        A new array like `images`; `images` itself where there is nothing to do.
    """
    for place, augmentation in enumerate(augmentations):
        images = CARRIED_OUT[type(augmentation)](augmentation, images, Draws(indices, place, seed, epoch))
    return images


def require_pictures(augmentations: Sequence[Augmentation], shape: tuple[int, ...]) -> None:
    """Refuse images that cannot be augmented so.

    Raises:
        DataError: they are no pictures (C, H, W), or a padding takes more of them than there is.
        UnknownNameError: an augmentation that nobody carries out.
    """
    for augmentation in augmentations:
        if type(augmentation) not in CARRIED_OUT:
            known = [kind.__name__ for kind in CARRIED_OUT]
            raise UnknownNameError("augmentation", type(augmentation).__name__, known)
        if len(shape) != 3:
            raise DataError(
                f"{augmentation.label}: expects pictures (C, H, W), received images of shape {shape}"
            )
        if isinstance(augmentation, PadCrop):
            side = min(shape[1:])
            most = {"reflect": side - 1, "circular": side}.get(augmentation.mode, 2**15)
            if augmentation.padding > most:
                raise DataError(
                    f"pad-crop: {augmentation.mode} padding of images of shape {shape} is at most {most}, "
                    f"received {augmentation.padding}"
                )


def pad_crop(augmentation: PadCrop, images: Array, draws: Draws) -> Array:
    """y[r, c] = padded x[r + i, c + j], i and j uniform in 0 to 2 padding."""
    padding = augmentation.padding
    edges = (padding, padding)
    mode: Any = NUMPY_MODES[augmentation.mode]
    padded = np.pad(images, ((0, 0), (0, 0), edges, edges), mode)
    rows, columns = np.floor(draws.uniform(2) * (2 * padding + 1)).astype(np.intp).T
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[2:], axis=(2, 3))
    cropped: Array = windows[np.arange(len(images)), :, rows, columns]
    return cropped


def flip(augmentation: Flip, images: Array, draws: Draws) -> Array:
    """y[r, c] = x[r, W - 1 - c], or x itself."""
    chosen = np.flatnonzero(draws.uniform(1)[:, 0] < augmentation.probability)
    flipped = images.copy()
    flipped[chosen] = images[chosen][..., ::-1]
    return flipped


def affine(augmentation: Affine, images: Array, draws: Draws) -> Array:
    """y at p is x at A^-1 (p - t), p measured from the centre; A = scale * rotation * shear."""
    height, width = images.shape[2:]
    turn, down, right, grow, slant = draws.between(5).T
    # Each by itself: NumPy's own sine may round differently with the place of a number in its array.
    angles = [math.radians(augmentation.rotation * part) for part in turn.tolist()]
    cosine, sine = np.array([[math.cos(angle), math.sin(angle)] for angle in angles]).reshape(-1, 2).T
    scale, shear = 1 + augmentation.scale * grow, augmentation.shear * slant
    # In (row, column): A = s [[cos, -sin], [sin, cos]] [[1, 0], [k, 1]]; its inverse undoes them in turn.
    inverse = np.array([[cosine, sine], [-sine - shear * cosine, cosine - shear * sine]]) / scale
    top, left = (height - 1) / 2, (width - 1) / 2
    r = np.arange(height)[None, :, None] - top - (augmentation.translation * height * down)[:, None, None]
    c = np.arange(width)[None, None, :] - left - (augmentation.translation * width * right)[:, None, None]
    (a, b), (d, e) = inverse[:, :, :, None, None]
    return sampled(
        images, (a * r + b * c + top).astype(np.float32), (d * r + e * c + left).astype(np.float32)
    )


def elastic(augmentation: Elastic, images: Array, draws: Draws) -> Array:
    """y at p is x at p + alpha (G_sigma * u)(p), u uniform in [-1, 1] and 0 outside of the image."""
    from scipy.ndimage import gaussian_filter1d

    height, width = images.shape[2:]
    field = draws.between(2 * height * width).reshape(-1, 2, height, width).astype(np.float32)
    for axis in (2, 3):
        field = gaussian_filter1d(field, augmentation.sigma, axis, mode="constant")
    field *= np.float32(augmentation.alpha)
    rows = np.arange(height, dtype=np.float32)[:, None] + field[:, 0]
    columns = np.arange(width, dtype=np.float32) + field[:, 1]
    return sampled(images, rows, columns)


def cutout(augmentation: Cutout, images: Array, draws: Draws) -> Array:
    """y = fill within size / 2 of a point that is uniform in the image, x elsewhere."""
    size = augmentation.size
    centres = np.floor(draws.uniform(2) * images.shape[2:]).astype(np.int64)
    covered = []
    for side, centre in zip(images.shape[2:], centres.T, strict=True):
        first = (centre - size // 2)[:, None]
        covered.append((np.arange(side) >= first) & (np.arange(side) < first + size))
    rows, columns = covered
    square = (rows[:, :, None] & columns[:, None, :])[:, None]
    fill = images.dtype.type(
        round(augmentation.fill * 255) if images.dtype == np.uint8 else augmentation.fill
    )
    filled: Array = np.where(square, fill, images)
    return filled


def sampled(images: Array, rows: Floats, columns: Floats) -> Array:
    """Images between their pixels, by linear interpolation; black outside.

    Args:
        images: (n, C, H, W), uint8 or float32.
        rows: (n, H', W') where to look.
        columns: (n, H', W') likewise.

    Returns:
        (n, C, H', W') of the images' type; uint8 rounded.
    """
    count, channels, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (1, 2), (1, 2)))
    stride = width + 3
    r, c = np.clip(rows, -1, height), np.clip(columns, -1, width)
    top, left = np.floor(r), np.floor(c)
    down, right = (r - top)[:, None], (c - left)[:, None]
    within = (top.astype(np.intp) + 1) * stride + left.astype(np.intp) + 1
    planes = np.arange(count * channels).reshape(count, channels, 1, 1) * ((height + 3) * stride)
    index = planes + within[:, None]
    flat = padded.reshape(-1)
    above = flat.take(index) * (1 - right) + flat.take(index + 1) * right
    below = flat.take(index + stride) * (1 - right) + flat.take(index + stride + 1) * right
    values: Floats = above * (1 - down) + below * down
    return np.rint(values).astype(np.uint8) if images.dtype == np.uint8 else values


Carrier = Callable[[Any, Array, Draws], Array]


def in_groups(carrier: Carrier) -> Carrier:
    """The same, a few images at a time, so that what it needs in between stays in the processor's cache."""

    def carried(augmentation: Augmentation, images: Array, draws: Draws) -> Array:
        count = max(1, GROUP_PIXELS // math.prod(images.shape[2:]))
        groups = [slice(start, start + count) for start in range(0, max(1, len(images)), count)]
        return np.concatenate(
            [
                carrier(augmentation, images[group], replace(draws, indices=draws.indices[group]))
                for group in groups
            ]
        )

    return carried


CARRIED_OUT = cast(
    dict[type[Augmentation], Carrier],
    {PadCrop: pad_crop, Flip: flip, Affine: in_groups(affine), Elastic: in_groups(elastic), Cutout: cutout},
)
"""What carries out each augmentation."""
