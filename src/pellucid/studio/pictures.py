"""Images as files: what comes in and what goes out."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def png(pixels: Pixels) -> bytes:
    """An input of a network as a picture: grey, colour, or channels side by side; a vector as a square."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(_plane(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def _plane(pixels: Pixels) -> Pixels:
    if pixels.ndim == 1:
        side = math.isqrt(pixels.size)
        return pixels.reshape(side, side) if side * side == pixels.size else pixels[None]
    if pixels.ndim == 3 and pixels.shape[0] == 3:
        return np.ascontiguousarray(pixels.transpose(1, 2, 0))
    if pixels.ndim == 3:
        return np.concatenate(list(pixels), axis=1)
    return pixels.reshape(pixels.shape[0], -1)
