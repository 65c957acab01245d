"""What does augmentation cost? Pellucid with pad-crop and flip beside Pellucid without."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.measurement import Outcome, Row, interleaved
from pellucid import zoo
from pellucid.data import Dataset, Split
from pellucid.training import train

AUGMENT = "pad-crop:4,flip"
IMAGES = {"lenet5": 20_000, "resnet20": 1_500}
"""Of an epoch: about a second's work."""

AUGMENTED_CASES = {f"augmented-{network}": network for network in IMAGES}


def images_a_second(network: str, data: Dataset, augment: str) -> float:
    """In one epoch."""
    history = train(zoo.create(network), data, epochs=1, augment=augment, progress=False)
    return history.images_per_second


def augmented_training(case: str, repeats: int) -> list[Outcome]:
    """One row; a ratio of 1 means that augmentation costs nothing."""
    network = AUGMENTED_CASES[case]
    shape, count = zoo.NETWORKS[network].input_shape, IMAGES[network]
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count + 1, *shape), np.uint8)
    labels = random.integers(0, 10, count + 1)
    held_out = Split(pixels[:1], labels[:1])
    data = Dataset("noise", Split(pixels[1:], labels[1:]), held_out, tuple("0123456789"))
    words = {"with": AUGMENT, "without": "none"}
    rates = interleaved(
        {name: partial(images_a_second, network, data, augment) for name, augment in words.items()}, repeats
    )
    peer = "Pellucid without augmentation"
    return [Row(case, rates["with"], rates["without"], peer, "images/s", larger_is_better=True)]
