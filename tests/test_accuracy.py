"""The main job on real input: how well the networks learn, with the recipes that travel with them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import pellucid

needs_mnist = pytest.mark.skipif(
    not (Path(os.environ.get("PELLUCID_DATA", "")) / "mnist").is_dir() or "PELLUCID_DATA" not in os.environ,
    reason="PELLUCID_DATA has no MNIST",
)


def accuracy(network: str, data: str, epochs: int, seed: int = 0) -> float:
    """Share of the held-out images that are right after the last epoch."""
    net = pellucid.zoo.create(network, seed=seed)
    history = pellucid.train(
        net, pellucid.data.load(data, seed=seed), epochs=epochs, seed=seed, progress=False
    )
    result = history.epochs[-1].test_accuracy
    assert result is not None
    return result


def test_lenet5_learns_the_digits() -> None:
    """360 of 1,797 held out, stratified, by seed; the mean of five seeds."""
    results = [accuracy("lenet5", "digits", 20, seed) for seed in range(5)]
    assert np.mean(results) >= 0.97, results


def test_the_network_of_1998_learns_the_digits() -> None:
    assert accuracy("lenet5-1998", "digits", 20) >= 0.95


@needs_mnist
def test_lenet5_learns_mnist_in_three_epochs() -> None:
    assert accuracy("lenet5", "mnist", 3) >= 0.985


@needs_mnist
@pytest.mark.slow
def test_the_network_of_1998_learns_mnist_in_ten_epochs() -> None:
    assert accuracy("lenet5-1998", "mnist", 10) >= 0.985
