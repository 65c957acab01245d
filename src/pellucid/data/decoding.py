"""From the bytes of a picture file to pixels.

Ordinary JPEG files go to libjpeg-turbo by way of simplejpeg, which is several times quicker than Pillow with
small pictures and gives the same pixels. Everything else, and every file that it has a doubt about, goes to
Pillow, which has the last word on what is broken.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.storage import reason

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP")

JPEG_MAGIC = b"\xff\xd8\xff"
EXIF_MAGIC = b"Exif\0\0"
EXIF_REACH = 1 << 17
"""Bytes in which to look for EXIF, which may say that the picture lies on its side."""

SPARE = 2
"""A large JPEG is decoded at 1/2, 1/4 or 1/8 as long as it stays this many times what is wanted."""

ORIENTATION = 0x0112
LYING = (5, 6, 7, 8)
"""Orientations that exchange width and height."""

LARGEST = (1 << 30) // 12
"""Pixels of a picture; Pillow doubts larger ones too."""

_BROKEN = (SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error, zlib.error)
"""What Pillow's readers raise, besides OSError, over data that break their format."""

Pixels = NDArray[np.uint8]


def decode(label: str, content: bytes, smallest: tuple[int, int] = (0, 0)) -> Pixels:
    """A picture's pixels, upright.

    Args:
        label: of the file, for messages.
        content: all of it.
        smallest: height and width that the caller will shrink the picture to; (0, 0) for its own size. A
            JPEG much larger than that is decoded at a fraction of its size.

    Returns:
        (1, H, W) where the file is grey, else (3, H, W).

    Raises:
        DataError: not a picture, truncated, corrupt or too large.
    """
    pixels = _decode_jpeg(content, smallest) if content.startswith(JPEG_MAGIC) else None
    if pixels is None:
        pixels = np.asarray(open_picture(label, io.BytesIO(content), smallest))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def decode_same_size(content: bytes, pixels: Pixels) -> bool:
    """Decode an ordinary JPEG that is exactly as large as an array, into it: what most pictures of a set are.

    Args:
        content: of the file.
        pixels: (H, W, 3), receives red, green and blue.

    Returns:
        Whether it was one; if not, `pixels` may hold anything, and `decode` must look.
    """
    import simplejpeg

    if not content.startswith(JPEG_MAGIC) or content.find(EXIF_MAGIC, 0, EXIF_REACH) >= 0:
        return False
    try:
        decoded = simplejpeg.decode_jpeg(content, "RGB", buffer=pixels)
    except ValueError:
        return False
    return bool(decoded.shape == pixels.shape)


def _decode_jpeg(content: bytes, smallest: tuple[int, int]) -> Pixels | None:
    """(H, W, 3) or (H, W, 1); None where Pillow must look."""
    import simplejpeg

    if content.find(EXIF_MAGIC, 0, EXIF_REACH) >= 0:
        return None
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(content)
        if colors not in ("YCbCr", "Gray") or height * width > LARGEST:
            return None
        reduced = {"min_height": SPARE * smallest[0], "min_width": SPARE * smallest[1], "min_factor": 2}
        pixels: Pixels = simplejpeg.decode_jpeg(
            content, "GRAY" if colors == "Gray" else "RGB", **(reduced if smallest != (0, 0) else {})
        )
    except ValueError:
        return None
    return pixels


@contextmanager
def without_warnings() -> Iterator[None]:
    """Pillow's readers warn of small flaws, which are nobody's business here. It counts for all threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_picture(
    label: str, source: Path | io.BytesIO, smallest: tuple[int, int] = (0, 0), *, most: int = LARGEST
) -> Image:
    """A picture by Pillow: upright, in mode L or RGB, without transparency.

    Args:
        label: for messages.
        source: the file, or all of its bytes.
        smallest: as in `decode`.
        most: pixels that it may have; looked at before any is decoded.

    Raises:
        DataError: missing, not a picture, truncated, corrupt or too large.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(source, formats=FORMATS) as file:
            if file.width * file.height > most:
                raise Image.DecompressionBombError
            if smallest != (0, 0) and file.format == "JPEG":
                height, width = smallest
                if file.getexif().get(ORIENTATION) in LYING:
                    height, width = width, height
                file.draft(None, (SPARE * width, SPARE * height))
            return _plain(label, ImageOps.exif_transpose(file))
    except Image.DecompressionBombError:
        raise DataError(f"{label}: pictures have at most {most} pixels; this one claims more") from None
    except UnidentifiedImageError:
        raise DataError(f"{label}: not a picture of a kind that is read ({', '.join(FORMATS)})") from None
    except DataError:  # which is a ValueError too
        raise
    except _BROKEN:
        raise DataError(f"{label}: the picture is truncated or corrupt") from None
    except OSError as error:
        raise DataError(f"{label}: {reason(error)}") from None


def _plain(label: str, picture: Image) -> Image:
    from PIL import Image

    if picture.mode == "F":
        raise DataError(f"{label}: pictures have whole numbers for pixels, received floating point")
    if picture.mode.startswith("I"):
        levels = np.asarray(picture).astype(np.int64)
        if not 0 <= levels.min() <= levels.max() <= 65535:
            raise DataError(f"{label}: grey levels have at most 16 bits, received {levels.max()}")
        return Image.fromarray(((levels * 255 + 32767) // 65535).astype(np.uint8))
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        black = Image.new("RGBA", layered.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, layered).convert("RGB")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")
