"""Scikit-learn's handwritten digits: the data set that needs no network."""

from __future__ import annotations

import numpy as np

from pellucid.data.dataset import Dataset, Split
from pellucid.data.stratified import check_split


def load_digits(seed: int = 0, test_fraction: float = 0.2) -> Dataset:
    """1,797 digits of 8x8; 1,437 to train on and 360 held out, unless another fraction is asked for.

    The test half of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998). Values
    0 to 16 become round(255 v / 16). The split is drawn by `seed` and stratified: every class has its share
    in both parts.
    """
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    check_split(test_fraction, seed)
    digits = datasets.load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)[:, None]
    labels = digits.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=test_fraction, stratify=labels, random_state=seed
    )
    return Dataset(
        "digits",
        Split(pixels[train], labels[train]),
        Split(pixels[test], labels[test]),
        tuple(str(digit) for digit in digits.target_names),
    )
