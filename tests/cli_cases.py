"""Files for the tests of the command line, and what its fixture is."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from training_cases import CONVOLUTIONAL, network

from pellucid.data.mnist import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS

Run = Callable[..., tuple[int, str, str]]
"""Takes a command line; gives exit status, standard output, standard error."""


def model_file(path: Path) -> Path:
    """An untrained network for 1x6x6 images of three classes."""
    net = network(CONVOLUTIONAL)
    net.class_names = ("circle", "cross", "star")
    net.save(path)
    return path


def picture(path: Path, size: tuple[int, int] = (6, 6)) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, size[::-1]).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def idx_folder(path: Path) -> Path:
    """12 and 6 images of 6x6 in three classes, in MNIST's layout."""
    path.mkdir()
    generator = np.random.default_rng(1)
    for count, images, labels in ((12, TRAIN_IMAGES, TRAIN_LABELS), (6, TEST_IMAGES, TEST_LABELS)):
        pixels = generator.integers(0, 256, (count, 6, 6)).astype(np.uint8)
        (path / images).write_bytes(struct.pack(">4i", 0x803, count, 6, 6) + pixels.tobytes())
        classes = (np.arange(count) % 3).astype(np.uint8)
        (path / labels).write_bytes(struct.pack(">2i", 0x801, count) + classes.tobytes())
    return path
