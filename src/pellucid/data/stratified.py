"""Splits in which every class has its share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError

Indices = NDArray[np.int64]


def check_split(fraction: float, seed: int) -> None:
    """Refuse what cannot describe a split.

    Raises:
        DataError: the fraction does not lie between 0 and 1, or the seed not within 32 bits.
    """
    if not 0 < fraction < 1:
        raise DataError(f"the part that is held out is more than 0 and less than 1, received {fraction}")
    if not 0 <= seed < 2**32:
        raise DataError(f"the seed of a split is at least 0 and less than 2^32, received {seed}")


def stratified(labels: NDArray[np.int64], fraction: float, seed: int) -> tuple[Indices, Indices]:
    """Numbers of the images that stay and of those that are held out, each in ascending order.

    Args:
        labels: (N,) classes.
        fraction: of every class that is held out, between 0 and 1.
        seed: of the choice.

    Raises:
        DataError: a fraction or a seed that cannot be, or too few images for every class to have its share.
    """
    from sklearn.model_selection import train_test_split

    check_split(fraction, seed)
    classes, counts = np.unique(labels, return_counts=True)
    rare = counts.argmin() if len(counts) else 0
    if len(counts) == 0 or counts[rare] < 2:
        found = f"class {classes[rare]} has {counts[rare]}" if len(counts) else "there are none"
        raise DataError(f"a split takes 2 images of every class at least; {found}")
    held = -int(-fraction * len(labels) // 1)
    if not len(classes) <= held <= len(labels) - len(classes):
        raise DataError(
            f"{fraction:g} of {len(labels)} images cannot give every one of {len(classes)} classes its share"
        )
    stay, part = train_test_split(np.arange(len(labels)), test_size=held, stratify=labels, random_state=seed)
    return np.sort(stay), np.sort(part)
