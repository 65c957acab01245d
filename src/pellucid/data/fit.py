"""How images become what a network expects.

Channels first: a grey image is repeated for a network of 3 channels; a colour image becomes its luminance
Y = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) for a network of 1. Then the size, by the first rule that fits:

1. the same size: untouched;
2. smaller by at most a quarter of the target on both axes: centred on zeros, an odd row or column left over
   goes below or to the right. So LeCun et al. 1998 put 28x28 digits into 32x32;
3. anything else: resized by linear interpolation, antialiased when it shrinks (Pillow's BILINEAR), each axis
   by its own factor.

A network of vectors, input shape (features,), takes images whose cells are that many, channel by channel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError

Pixels = NDArray[np.uint8]


def fit_pixels(pixels: Pixels, input_shape: Sequence[int]) -> Pixels:
    """Images in the shape a network expects; the rules are this file's.

    Args:
        pixels: (N, C, H, W).
        input_shape: (C, H, W) or (features,).

    Returns:
        (N, *input_shape); the array itself where nothing changes.

    Raises:
        DataError: no rule leads from one shape to the other.
    """
    target, shape = tuple(input_shape), pixels.shape[1:]
    if shape == target:
        return pixels
    if len(target) == 1:
        if math.prod(shape) != target[0]:
            raise DataError(
                f"a network of vectors expects {target[0]} features, received images of {_times(shape)} "
                f"= {math.prod(shape)} cells"
            )
        return pixels.reshape(len(pixels), target[0])
    if len(target) != 3 or len(shape) != 3:
        raise DataError(f"images of shape {shape} cannot be fitted to a network that expects {target}")
    if target[0] == shape[0]:
        return fit_size(pixels, target[1], target[2])
    if (shape[0], target[0]) == (1, 3):
        return np.repeat(fit_size(pixels, target[1], target[2]), 3, axis=1)
    if (shape[0], target[0]) == (3, 1):
        return fit_size(luminance(pixels), target[1], target[2])
    raise DataError(
        f"images of {shape[0]} channel(s) cannot be fitted to a network that expects {target[0]}; "
        "only 1 becomes 3, and 3 becomes 1"
    )


def luminance(pixels: Pixels) -> Pixels:
    """(N, 3, H, W) red, green, blue to (N, 1, H, W), rounded: Y = 0.299 R + 0.587 G + 0.114 B."""
    red, green, blue = (pixels[:, channel].astype(np.uint32) for channel in range(3))
    # In units of 2^-16, as Pillow computes it: 19595 + 38470 + 7471 = 2^16, so white stays white.
    total = 19595 * red + 38470 * green + 7471 * blue + 0x8000
    return (total >> 16).astype(np.uint8)[:, None]


def fit_size(pixels: Pixels, height: int, width: int) -> Pixels:
    """(N, C, H, W) to (N, C, height, width), by rules 1 to 3."""
    missing = height - pixels.shape[2], width - pixels.shape[3]
    if missing == (0, 0):
        return pixels
    if 0 <= missing[0] <= height / 4 and 0 <= missing[1] <= width / 4:
        rows, columns = ((gap // 2, gap - gap // 2) for gap in missing)
        return np.pad(pixels, ((0, 0), (0, 0), rows, columns))
    return _resize(pixels, height, width)


def _resize(pixels: Pixels, height: int, width: int) -> Pixels:
    from PIL import Image

    result = np.empty((*pixels.shape[:2], height, width), np.uint8)
    for image in np.ndindex(*pixels.shape[:2]):
        plane = Image.fromarray(pixels[image])
        result[image] = plane.resize((width, height), Image.Resampling.BILINEAR)
    return result


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
