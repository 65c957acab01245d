"""Scikit-learn's handwritten digits: the data set that needs no network."""

from __future__ import annotations

import numpy as np

from pellucid.data.dataset import Dataset, Split
from pellucid.errors import DataError

TEST_SHARE = 0.2


def load_digits(seed: int = 0) -> Dataset:
    """1,797 digits of 8x8, 1,437 to train on and 360 held out.

    The test half of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998). Values
    0 to 16 become round(255 v / 16). The split is drawn by `seed` and stratified: every class has its share
    in both parts.
    """
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    if not 0 <= seed < 2**32:
        raise DataError(f"the seed of a split is at least 0 and less than 2^32, received {seed}")
    digits = datasets.load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)[:, None]
    labels = digits.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_SHARE, stratify=labels, random_state=seed
    )
    return Dataset(
        "digits",
        Split(pixels[train], labels[train]),
        Split(pixels[test], labels[test]),
        tuple(str(digit) for digit in digits.target_names),
    )
