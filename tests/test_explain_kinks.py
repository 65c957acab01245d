"""Differences past ReLUs and maxima: against the layers themselves with and without them, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.engines.engine import Array
from pellucid.engines.reference.definition import Context
from pellucid.engines.reference.definitions import definition
from pellucid.explain import kinks
from pellucid.explain.kinks import past_kinks
from pellucid.layers import Layer, MaxPool2d, ReLU

RUNS, IMAGES, CHANNELS, SIDE = 3, 2, 5, 9
POOLINGS = (MaxPool2d(2), MaxPool2d(3, stride=2, padding=1), MaxPool2d(2, stride=1))


@pytest.fixture(autouse=True)
def few_cells_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that channels are looked at in several parts."""
    monkeypatch.setattr(kinks, "BLOCK_CELLS", 2 * RUNS * IMAGES * SIDE * SIDE)


def output(layer: Layer, inputs: Array) -> Array:
    return np.asarray(definition(layer).forward(layer, [inputs], {}, Context(images=len(inputs)))[0])


def numbers() -> tuple[Array, Array]:
    """An activation and differences, of which the last channel has none."""
    random = np.random.default_rng(0)
    base = random.normal(size=(IMAGES, CHANNELS, SIDE, SIDE))
    difference = random.normal(size=(RUNS, *base.shape)) / 4
    difference[:, :, -1] = 0
    return base, difference


@pytest.mark.parametrize("layer", [ReLU(), *POOLINGS], ids=str)
def test_differences_are_those_of_the_layer(layer: ReLU | MaxPool2d) -> None:
    base, difference = numbers()
    top = output(layer, base)
    result, _ = past_kinks(layer, base, top, difference)
    expected = [output(layer, base + own) - top for own in difference]
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)
    assert not result[:, :, -1].any()


def test_crossings_of_a_relu_are_changes_of_sign() -> None:
    base, difference = numbers()
    _, crossings = past_kinks(ReLU(), base, output(ReLU(), base), difference)
    assert crossings.tolist() == [int(((base + own > 0) != (base > 0)).sum()) for own in difference]
    assert crossings.min() > 0


@pytest.mark.parametrize("layer", POOLINGS, ids=str)
def test_crossings_of_a_maximum_are_other_winners(layer: MaxPool2d) -> None:
    base, difference = numbers()
    _, crossings = past_kinks(layer, base, output(layer, base), difference)
    assert crossings.tolist() == [
        int((winners(layer, base + d) != winners(layer, base)).sum()) for d in difference
    ]
    assert crossings.min() > 0


def winners(layer: MaxPool2d, inputs: Array) -> Array:
    """By PyTorch: the place of each window's maximum."""
    pool = torch.nn.MaxPool2d(layer.kernel, layer.stride, layer.padding, return_indices=True)
    return np.asarray(pool(torch.from_numpy(inputs))[1])


@pytest.mark.parametrize("layer", [ReLU(), MaxPool2d(2)], ids=str)
def test_a_small_difference_of_a_large_number_arrives_to_the_bit(layer: ReLU | MaxPool2d) -> None:
    base = np.full((1, 1, 2, 2), 1e4, np.float32)
    base[..., 1] = 1.0
    difference = np.full((2, *base.shape), [[[[[1.1e-9]]]], [[[[-1.1e-9]]]]], np.float32)
    result, crossings = past_kinks(layer, base, output(layer, base), difference)
    assert (result[..., 0] == difference[..., : result.shape[-2], 0]).all()
    assert crossings.tolist() == [0, 0]


def test_the_first_of_equal_cells_is_the_winner() -> None:
    base = np.zeros((1, 1, 2, 2), np.float32)
    difference = np.zeros((3, *base.shape), np.float32)
    difference[0, ..., 0, 0] = 1e-3  # wins as before
    difference[1, ..., 1, 1] = 1e-3  # wins now
    result, crossings = past_kinks(MaxPool2d(2), base, base[..., :1, :1], difference)
    np.testing.assert_array_equal(result.ravel(), np.array([1e-3, 1e-3, 0], np.float32))
    assert crossings.tolist() == [0, 1, 0]


def test_a_maximum_that_is_none_of_its_cells_is_past_a_kink() -> None:
    """As when the activations below it are of a pass that rounded otherwise."""
    base = np.random.default_rng(0).normal(size=(1, 1, 4, 4)).astype(np.float32)
    top = output(MaxPool2d(2), base) + np.float32(1e-3)
    _, crossings = past_kinks(
        MaxPool2d(2), base, top, np.zeros((1, *base.shape), np.float32) - np.float32(1e-6)
    )
    assert crossings.tolist() == [4]


@pytest.mark.parametrize("layer", [ReLU(), MaxPool2d(2)], ids=str)
def test_what_is_no_number_stays_where_it_is_and_warns_nobody(layer: ReLU | MaxPool2d) -> None:
    base, difference = numbers()
    top = output(layer, base)
    expected, _ = past_kinks(layer, base, top, difference)
    difference[0, 0, 1, 0, 0] = np.nan
    result, _ = past_kinks(layer, base, top, difference)
    touched = np.zeros(result.shape, bool)
    touched[0, 0, 1, 0, 0] = True
    np.testing.assert_array_equal(result[~touched], expected[~touched])
