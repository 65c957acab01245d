"""Losses: values by hand and by PyTorch, delta by finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from pellucid.engines.reference.objectives import loss
from pellucid.errors import LayerError, UnknownNameError
from pellucid.objectives import (
    OBJECTIVES,
    AbsoluteError,
    CrossEntropy,
    Hinge,
    MaximumAPosteriori,
    Objective,
    SquaredError,
    objective,
)

SEED = 7
CLASSES = np.array([2, 0, 1, 2])


def scores(*shape: int) -> np.ndarray:
    return np.random.default_rng(SEED).normal(size=shape)


ROWS: list[Objective] = [
    CrossEntropy(),
    CrossEntropy(label_smoothing=0.1),
    SquaredError(),
    AbsoluteError(),
    Hinge(),
    Hinge(0.0),
    MaximumAPosteriori(),
    MaximumAPosteriori(rubbish_distance=0.0),
]


SHARES = np.abs(scores(4, 3)) / np.abs(scores(4, 3)).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("rule", ROWS, ids=str)
@pytest.mark.parametrize("targets", [CLASSES, SHARES], ids=["classes", "shares"])
def test_delta_equals_finite_differences(rule: Objective, targets: np.ndarray) -> None:
    z, step = scores(4, 3), 2.0**-17
    _, delta = loss(rule, z, targets)
    for cell in np.ndindex(z.shape):
        above, below = z.copy(), z.copy()
        above[cell] += step
        below[cell] -= step
        expected = (loss(rule, above, targets)[0] - loss(rule, below, targets)[0]) / (2 * step)
        assert delta[cell] == pytest.approx(expected, rel=1e-7, abs=1e-9), f"seed {SEED}, cell {cell}"


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("targets", [CLASSES, np.abs(scores(4, 3))], ids=["classes", "arrays"])
def test_cross_entropy_equals_pytorch(smoothing: float, targets: np.ndarray) -> None:
    z = torch.tensor(scores(4, 3), requires_grad=True)
    expected = functional.cross_entropy(z, torch.tensor(targets), label_smoothing=smoothing)
    expected.backward()
    value, delta = loss(CrossEntropy(smoothing), z.detach().numpy(), targets)
    assert value == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(delta, z.grad, rtol=1e-10, atol=1e-12)


def test_squared_error_equals_pytorch() -> None:
    z, targets = torch.tensor(scores(4, 3), requires_grad=True), torch.tensor(scores(3, 4).T)
    expected = functional.mse_loss(z, targets, reduction="sum") / 2 / 4
    expected.backward()
    value, delta = loss(SquaredError(), z.detach().numpy(), targets.numpy())
    assert value == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(delta, z.grad, rtol=1e-12)


def test_absolute_error_equals_pytorch() -> None:
    z, targets = torch.tensor(scores(4, 3), requires_grad=True), torch.tensor(scores(3, 4).T)
    expected = functional.l1_loss(z, targets, reduction="sum") / 4
    expected.backward()
    value, delta = loss(AbsoluteError(), z.detach().numpy(), targets.numpy())
    assert value == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(delta, z.grad, rtol=1e-12)


def test_hinge_by_hand() -> None:
    """Of classes -1 elsewhere; what is beyond the margin counts for nothing."""
    value, delta = loss(Hinge(), np.array([[2.0, -0.5, 0.25]]), np.array([0]))
    assert value == 0.5 + 1.25
    assert delta.tolist() == [[0, 1, 1]]
    value, delta = loss(Hinge(0.0), np.array([[-2.0, -0.5, 0.25]]), np.array([[1.0, -1.0, -1.0]]))
    assert value == 2 + 0.25
    assert delta.tolist() == [[-1, 0, 1]]


def test_squared_error_of_classes_aims_at_one_hot() -> None:
    value, delta = loss(SquaredError(), np.array([[0.5, 1.0], [0.0, 0.0]]), np.array([1, 0]))
    assert value == (0.5 * 0.25 + 0.5 * 1) / 2
    assert delta.tolist() == [[0.25, 0], [-0.5, 0]]


def test_cross_entropy_of_equal_scores_is_the_logarithm_of_their_number() -> None:
    value, delta = loss(CrossEntropy(), np.zeros((1, 4)), np.array([3]))
    assert value == pytest.approx(math.log(4))
    assert delta.tolist() == [[0.25, 0.25, 0.25, -0.75]]


def test_maximum_a_posteriori_by_hand() -> None:
    value, delta = loss(MaximumAPosteriori(0.0), np.array([[0.0, -math.log(2)]]), np.array([1]))
    assert value == pytest.approx(math.log(2) + math.log(1 + 1 + 0.5))
    np.testing.assert_allclose(delta, [[0.4, 0.2 - 1]])


@pytest.mark.parametrize("rule", [CrossEntropy(), MaximumAPosteriori()], ids=str)
def test_scores_that_overflow_exp_give_a_finite_loss(rule: Objective) -> None:
    z = np.array([[1000.0, 0.0], [-1000.0, -2000.0]], np.float32)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value, delta = loss(rule, z, np.array([0, 0]))
    assert math.isfinite(value)
    assert np.isfinite(delta).all()


def test_delta_keeps_the_number_type() -> None:
    for rule in ROWS:
        assert loss(rule, scores(4, 3).astype(np.float32), CLASSES)[1].dtype == np.float32


def test_losses_by_name() -> None:
    assert {name: objective(name) for name in OBJECTIVES} == {
        "cross_entropy": CrossEntropy(),
        "squared_error": SquaredError(),
        "absolute_error": AbsoluteError(),
        "hinge": Hinge(),
        "maximum_a_posteriori": MaximumAPosteriori(),
    }
    with pytest.raises(UnknownNameError, match="did you mean cross_entropy"):
        objective("crossentropy")


def test_impossible_smoothing_is_refused() -> None:
    with pytest.raises(LayerError, match=r"label_smoothing is at least 0 and less than 1, received 1\.0"):
        CrossEntropy(1.0)
