"""Rosenblatt's rule does what it says, and the verdict is right."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import SVC

from pellucid import zoo
from pellucid.errors import DataError
from pellucid.training.perceptron import (
    linearly_separable,
    read_perceptron,
    store_perceptron,
    train_perceptron,
)

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
AND = [-1, -1, -1, 1]
OR = [-1, 1, 1, 1]
XOR = [-1, 1, 1, -1]


def margin(inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray, bias: float) -> float:
    return float(np.min(labels * (inputs @ weights + bias)) / np.linalg.norm(weights))


def test_the_first_corrections_are_those_worked_by_hand() -> None:
    # w = 0, b = 0: (0, 0) is on the boundary and -1: b = -1. (0, 1) scores -1 and is +1: w = (0, 1), b = 0.
    # (1, 0) scores 0, on the boundary, and is +1: w = (1, 1), b = 1. (1, 1) scores 3 and is +1: right.
    result = train_perceptron(CORNERS, OR, epochs=1)
    assert (result.weights.tolist(), result.bias, result.errors) == ([1, 1], 1, (3,))


@pytest.mark.parametrize("labels", [AND, OR], ids=["AND", "OR"])
def test_separable_gates_converge(labels: list[int]) -> None:
    result = train_perceptron(CORNERS, labels, epochs=20)
    assert result.verdict == "converged"
    assert np.sign(CORNERS @ result.weights + result.bias).tolist() == labels
    assert result.errors[-1] == 0
    assert result.epochs == len(result.errors) < 20
    assert result.updates == sum(result.errors)
    assert result.sentence.startswith(f"Converged after {result.updates} corrections")


def test_xor_is_not_linearly_separable() -> None:
    result = train_perceptron(CORNERS, XOR, epochs=20)
    assert (result.verdict, result.epochs) == ("not linearly separable", 20)
    assert result.sentence.endswith("not linearly separable.")


def test_a_narrow_gap_is_not_converged_yet_and_converges_with_more_epochs() -> None:
    # Novikoff: at most (R / margin)^2 corrections; a gap of 0.02 needs many more than 5 passes.
    inputs, labels = [[0.0, 1.0], [0.02, 1.0], [1.0, 1.0]], [-1, 1, 1]
    early = train_perceptron(inputs, labels, epochs=5)
    assert (early.verdict, early.epochs) == ("not converged yet", 5)
    later = train_perceptron(inputs, labels, epochs=100_000, weights=early.weights, bias=early.bias)
    assert later.verdict == "converged"


def test_zero_weights_do_not_stall() -> None:
    # Every sample lies on the boundary of w = 0, b = 0; unless that counts as wrong nothing ever moves.
    result = train_perceptron([[2.0], [3.0]], [-1, -1], epochs=3)
    assert (result.verdict, result.updates) == ("converged", 1)


@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_labels_given_by_a_plane_are_separable_until_one_sample_has_both(
    seed: int, count: int, features: int
) -> None:
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(count, features))
    weights = generator.normal(size=features)
    score = inputs @ weights + 0.1
    inputs = inputs[np.abs(score) > 0.01]
    labels = np.where(score[np.abs(score) > 0.01] > 0, 1, -1)
    if len(labels) == 0:
        return
    assert linearly_separable(1000 * inputs + 7, labels)
    assert not linearly_separable(np.vstack([inputs, inputs[:1]]), np.append(labels, -labels[0]))


def test_the_support_vector_machine_has_at_least_the_perceptrons_margin() -> None:
    generator = np.random.default_rng(4)
    inputs = np.vstack([generator.normal((-2, 0), 0.5, (30, 2)), generator.normal((2, 0), 0.5, (30, 2))])
    labels = np.repeat([-1, 1], 30)
    result = train_perceptron(inputs, labels, epochs=100)
    machine = SVC(kernel="linear", C=1e6).fit(inputs, labels)
    widest = margin(inputs, labels, machine.coef_[0], machine.intercept_[0])
    assert result.verdict == "converged"
    assert 0 < margin(inputs, labels, result.weights, result.bias) <= widest + 1e-3


def test_a_result_goes_into_a_network_and_back() -> None:
    net = zoo.create("perceptron", engine="reference")
    result = train_perceptron(CORNERS, AND, epochs=20)
    store_perceptron(result, net)
    assert np.sign(net.predict(CORNERS))[:, 0].tolist() == AND
    weights, bias = read_perceptron(net)
    assert (weights.tolist(), bias) == (result.weights.tolist(), result.bias)


def test_only_a_network_of_one_neuron_at_the_end_can_hold_it() -> None:
    with pytest.raises(DataError, match=r"mlp: a perceptron ends in Linear\(1\) with a bias, received fc3"):
        read_perceptron(zoo.create("mlp", engine="reference"))


@pytest.mark.parametrize(
    ("inputs", "labels", "epochs", "message"),
    [
        ([1.0, 2.0], [1, -1], 1, r"shape \(N, features\), received shape \(2,\)"),
        ([[1.0], [float("nan")]], [1, -1], 1, "finite numbers"),
        ([[1.0], [2.0]], [0, 1], 1, r"each -1 or \+1, received \[0.0, 1.0\]"),
        ([[1.0], [2.0]], [1], 1, "labels are 2 numbers"),
        ([[1.0], [2.0]], [1, -1], 0, "epochs is at least 1, received 0"),
    ],
)
def test_bad_samples_are_refused(inputs: object, labels: object, epochs: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        train_perceptron(inputs, labels, epochs=epochs)


def test_bad_weights_are_refused() -> None:
    with pytest.raises(DataError, match=r"2 \+ 1 finite numbers, received shape \(3,\)"):
        train_perceptron(CORNERS, AND, epochs=1, weights=[1, 2, 3])


def test_the_worked_comparison_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example = Path(__file__).parent.parent / "examples" / "perceptron_and_svm.py"
    runpy.run_path(str(example), run_name="__main__")
    printed = capsys.readouterr().out
    assert "Converged after" in printed
    assert "not linearly separable" in printed
