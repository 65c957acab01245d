"""Results lie in memory of their own for as long as anybody holds them, and it is used again afterwards."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import pellucid
from pellucid.engines.native import recycling
from pellucid.engines.native.recycling import Recycler

SHAPE = (2, 128, 128)


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_memory_is_used_again_when_nobody_holds_it() -> None:
    recycler = Recycler()
    first = recycler.empty(SHAPE)
    place = address(first)
    del first
    assert address(recycler.empty(SHAPE)) == place


def test_memory_stays_as_long_as_a_view_of_it() -> None:
    recycler = Recycler()
    first = recycler.empty(SHAPE)
    first[...] = 7
    view = first[1, 5:, ::3][2:]
    place = address(first)
    del first
    gc.collect()
    second = recycler.empty(SHAPE)
    second[...] = 1
    assert address(second) != place
    assert (view == 7).all()
    del view
    assert address(recycler.empty(SHAPE)) == place


def test_no_more_is_kept_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recycling, "MOST", 3 * 4 * 2 * 128 * 128)
    recycler = Recycler()
    held = [recycler.empty(SHAPE) for _ in range(5)]
    held.clear()
    assert recycler._waiting == 3 * 4 * 2 * 128 * 128


def test_what_is_small_is_simply_made() -> None:
    assert Recycler().empty((3, 4)).base is None


def test_a_trace_outlives_the_next_one() -> None:
    net = pellucid.zoo.create("tiny-vgg")
    random = np.random.default_rng(1)
    one, two = random.normal(size=(2, 4, 3, 64, 64)).astype(np.float32)
    first = net.trace(one)
    kept = {name: first[name].copy() for name in first}
    weights = net.gradients(one, np.zeros(4, int))["conv1.weight"]
    weights_kept = weights.copy()
    net.trace(two)
    net.gradients(two, np.zeros(4, int))
    for name, array in kept.items():
        np.testing.assert_array_equal(first[name], array)
    np.testing.assert_array_equal(weights, weights_kept)


def test_a_trace_does_not_hold_the_callers_images() -> None:
    net = pellucid.zoo.create("tiny-vgg")
    images = np.zeros((1, 3, 64, 64), np.float32)
    trace = net.trace(images)
    images[:] = 1
    assert not trace["input"].any()
    np.testing.assert_array_equal(trace["flatten1"], trace["pool2"].reshape(1, -1))
