"""What an explanation is about: classes by number, by name or found, and cells of any node."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid
from pellucid.errors import DataError
from pellucid.explain import Target, choose_target
from pellucid.explain.target import score_node


def network(*last: pellucid.Layer) -> pellucid.Model:
    return pellucid.Sequential(
        pellucid.Conv2d(2, kernel_size=3, padding=1),
        pellucid.Flatten(),
        pellucid.Linear(3),
        *last,
        input_shape=(1, 4, 4),
        class_names=("ant", "bee", "cat"),
    )


IMAGES = np.linspace(-1, 1, 2 * 16, dtype=np.float32).reshape(2, 1, 4, 4)


@pytest.mark.parametrize("last", [(), (pellucid.Softmax(),), (pellucid.LogSoftmax(),)])
def test_scores_lie_below_a_softmax(last: tuple[pellucid.Layer, ...]) -> None:
    assert score_node(network(*last).graph) == "fc1"


def test_the_class_that_the_network_finds() -> None:
    net = network()
    found = choose_target(net, IMAGES)
    output = net.predict(IMAGES)
    assert isinstance(output, np.ndarray)
    np.testing.assert_array_equal(found.classes, output.argmax(axis=1))
    np.testing.assert_array_equal(found.values(output), output.max(axis=1))


@pytest.mark.parametrize(
    ("target", "classes"), [(2, [2, 2]), ([0, 1], [0, 1]), ("bee", [1, 1]), ([[1], [2]], [1, 2])]
)
def test_classes_by_number_and_by_name(target: object, classes: list[int]) -> None:
    assert choose_target(network(), IMAGES, target).classes.tolist() == classes


def test_a_cell_of_any_node_and_its_seed() -> None:
    net = network()
    target = choose_target(net, IMAGES, (1, 2, 3), node="conv1")
    seed = target.seed(net.graph)["conv1"]
    assert seed.shape == (2, 2, 4, 4)
    assert np.argwhere(seed).tolist() == [[0, 1, 2, 3], [1, 1, 2, 3]]
    assert seed.sum() == 2


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (3, "lies within"),
        (-1, "lies within"),
        (0.5, "class number"),
        ("dog", "ant, bee, cat"),
        ([0, 1, 2], "2 classes"),
    ],
)
def test_what_is_no_target_is_said(target: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        choose_target(network(), IMAGES, target)


def test_a_target_is_plain_data() -> None:
    assert Target("fc", np.array([[1], [0]])).classes.tolist() == [1, 0]
