"""Reading a picture file for a network."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import TO_UNIT
from pellucid.data.decoding import LARGEST, open_picture, without_warnings
from pellucid.data.fit import fit_pixels
from pellucid.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image


def read_image(
    path: str | os.PathLike[str], input_shape: Sequence[int], *, resize: bool = False
) -> NDArray[np.float32]:
    """A picture as a network expects it.

    Turned upright by its EXIF orientation. Grey or colour by the network's channels, colour to grey by
    luminance as in `pellucid.data.fit`. Transparent parts lie on black, the background of MNIST's digits.
    Grey levels of 16 bits are rounded to 8. Of an animation the first frame.

    Args:
        path: a PNG, JPEG, GIF, BMP, PPM, TIFF or WebP file.
        input_shape: (1, H, W), (3, H, W) or (features,).
        resize: fit a picture of another size by the rules of `pellucid.data.fit` instead of refusing it. For
            a network of vectors it becomes a grey square, where the number of features is one.

    Returns:
        (*input_shape) float32 in [0, 1].

    Raises:
        DataError: a file that is missing, not a picture, truncated or too large, or of the wrong size.
    """
    shape = tuple(input_shape)
    with without_warnings():
        picture = open_picture(str(path), Path(path))
    target = _checked_target(str(path), shape, picture)
    if target[1:] != (picture.height, picture.width) and not resize:
        raise DataError(
            f"{path}: the network expects pictures of {target[2]} x {target[1]} (width x height), "
            f"received {picture.width} x {picture.height}; --resize fits it"
        )
    image: NDArray[np.float32] = _fitted(picture, target, shape).astype(np.float32) * TO_UNIT
    return image


def read_pixels(
    label: str, content: bytes, input_shape: Sequence[int], *, most: int = LARGEST
) -> NDArray[np.uint8]:
    """The bytes of a picture file as a network's input before it is scaled to [0, 1]; any size is fitted.

    Args:
        label: of the picture, for messages.
        content: the whole file, of the kinds that `read_image` reads.
        input_shape: as in `read_image`.
        most: pixels that it may have; more are refused before they are decoded.

    Raises:
        DataError: not a picture, truncated or too large, or no picture can be this input.
    """
    shape = tuple(input_shape)
    with without_warnings():
        picture = open_picture(label, io.BytesIO(content), most=most)
    return _fitted(picture, _checked_target(label, shape, picture), shape)


def _checked_target(label: str, shape: tuple[int, ...], picture: Image) -> tuple[int, int, int]:
    target = _target(shape, picture.height, picture.width)
    if target is None:
        raise DataError(
            f"{label}: a picture of {picture.width} x {picture.height} cannot become the network's input of "
            f"{shape}; pictures fit (1, H, W), (3, H, W) or a vector of as many values"
        )
    return target


def _fitted(picture: Image, target: tuple[int, int, int], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    pixels = np.asarray(picture.convert("L" if target[0] == 1 else "RGB"))
    channels = pixels[None] if target[0] == 1 else pixels.transpose(2, 0, 1)
    fitted: NDArray[np.uint8] = fit_pixels(channels[None], target)[0].reshape(shape)
    return fitted


def _target(shape: tuple[int, ...], height: int, width: int) -> tuple[int, int, int] | None:
    """(C, H, W) to bring the picture to; None where no picture can be this input."""
    if len(shape) == 3:
        return (shape[0], shape[1], shape[2]) if shape[0] in (1, 3) else None
    if len(shape) != 1:
        return None
    for channels in (1, 3):
        if channels * height * width == shape[0]:
            return channels, height, width
    side = math.isqrt(shape[0])
    return (1, side, side) if side * side == shape[0] else None
