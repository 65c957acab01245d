"""Made-up picture files, and the folders and archives that they lie in."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Files = Mapping[str, bytes]
Pack = Callable[[Path, Files], Path]


def pixels_of(number: int, shape: tuple[int, ...] = (6, 5, 3)) -> NDArray[np.uint8]:
    return np.random.default_rng(number).integers(0, 256, shape, np.uint8)


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(content: bytes) -> NDArray[np.uint8]:
    """(C, H, W) by Pillow alone."""
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def collection(per_class: int = 5, parts: tuple[str, ...] = ("train", "test")) -> dict[str, bytes]:
    """Pictures of cats and dogs by their paths, sorted; "" for no parts."""
    files = {}
    for part in parts:
        for animal in ("cat", "dog"):
            for number in range(per_class):
                path = "/".join(filter(None, (part, animal, f"{number}.png")))
                files[path] = encoded(pixels_of(len(files)))
    return dict(sorted(files.items()))


def folder(path: Path, files: Files) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def tar(path: Path, files: Files, mode: str = "w", **options: object) -> Path:
    with tarfile.open(path, mode, **options) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def zipped_tar(path: Path, files: Files) -> Path:
    return tar(path, files, "w:gz")


def zip_archive(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


PACKS: dict[str, Pack] = {"folder": folder, "tar": tar, "tar.gz": zipped_tar, "zip": zip_archive}
