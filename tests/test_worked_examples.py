"""Numbers that can be checked with pencil and paper, on every engine."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import ArrayLike

from pellucid.layers import AvgPool2d, Conv1d, Conv2d, Layer, Linear, MaxPool2d, Sigmoid
from pellucid.model import Sequential


@pytest.fixture(params=["reference", "native"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def apply(engine: str, layer: Layer, x: ArrayLike, weight: ArrayLike | None = None) -> np.ndarray:
    """Output of one layer for one image given without its batch axis."""
    image = np.asarray(x, np.float32)
    net = Sequential(("layer", layer), input_shape=image.shape, engine=engine)
    if weight is not None:
        net.set_parameters({"layer.weight": weight})
    return net.predict(image[None])[0]


def convolve(engine: str, x: ArrayLike, kernel: ArrayLike, flip: bool = False) -> list[list[float]]:
    """One map under one square kernel, without padding or bias."""
    size = len(np.asarray(kernel))
    layer = Conv2d(1, size, bias=False, flip=flip)
    return apply(engine, layer, [x], [[kernel]])[0].tolist()


def pool(engine: str, layer: Layer, x: ArrayLike) -> list[list[float]]:
    """One map, pooled."""
    return apply(engine, layer, [x])[0].tolist()


def digits(rows: str) -> list[list[int]]:
    """Rows of one-digit numbers: "100 010"."""
    return [[int(digit) for digit in row] for row in rows.split()]


def test_example_1_multi_layer_perceptron(engine: str) -> None:
    net = Sequential(
        *(Linear(2), Sigmoid(), Linear(2), Sigmoid(), Linear(2), Sigmoid()), input_shape=(2,), engine=engine
    )
    net.set_parameters(
        {
            "fc1.weight": [[1, -2], [-1, 1]],
            "fc1.bias": [1, 0],
            "fc2.weight": [[2, -1], [-2, -1]],
            "fc2.bias": [0, 0],
            "fc3.weight": [[3, -1], [-1, 4]],
            "fc3.bias": [-2, 2],
        }
    )
    outputs = net.predict([[1, -1], [0, 0]])
    assert np.round(outputs, 2).tolist() == np.float32([[0.62, 0.83], [0.51, 0.85]]).tolist()


EXAMPLE_2 = digits("100001 010010 001100 100010 010010 001010")


def test_example_2_diagonal_filter(engine: str) -> None:
    maps = convolve(engine, EXAMPLE_2, [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    assert maps == [[3, -1, -3, -1], [-3, 1, 0, -3], [-3, -3, 0, 1], [3, -2, -2, -1]]
    assert pool(engine, MaxPool2d(2), maps) == [[3, 0], [3, 1]]


def test_example_2_vertical_filter(engine: str) -> None:
    maps = convolve(engine, EXAMPLE_2, [[-1, 1, -1]] * 3)
    assert maps == [[-1, -1, -1, -1], [-1, -1, -2, 1], [-1, -1, -2, 1], [-1, 0, -4, 3]]
    assert pool(engine, MaxPool2d(2), maps) == [[-1, 1], [0, 3]]


def test_example_3_true_convolution(engine: str) -> None:
    x = [[1, 1, 1, 1, 1], [-1, 0, -3, 0, 1], [2, 1, 1, -1, 0], [0, -1, 1, 2, 1], [1, 2, 1, 1, 1]]
    kernel = [[1, 0, 0], [0, 0, 0], [0, 0, -1]]
    expected = np.array([[0, -2, -1], [2, 2, 4], [-1, 0, 0]])
    assert convolve(engine, x, kernel, flip=True) == expected.tolist()
    assert convolve(engine, x, kernel) == (-expected).tolist()


def test_example_4_general_kernel(engine: str) -> None:
    x = digits("231523 745231 396042 064712 410806 702163")
    expected = [[32, 40, 37, 7], [5, 35, 51, 14], [11, 30, 7, 49], [36, 32, -19, 53]]
    assert convolve(engine, x, [[1, 0, 1], [4, -3, 2], [3, 0, -1]]) == expected


def test_example_5_vertical_edge(engine: str) -> None:
    assert convolve(engine, [[10, 10, 10, 0, 0, 0]] * 6, [[1, 0, -1]] * 3) == [[0, 30, 30, 0]] * 4


def test_example_5_diagonal_edge(engine: str) -> None:
    x = [[10] * count + [0] * (6 - count) for count in (5, 4, 3, 2, 1, 0)]
    expected = [[0, 10, 30, 30], [10, 30, 30, 10], [30, 30, 10, 0], [30, 10, 0, 0]]
    assert convolve(engine, x, [[1, 1, 0], [1, 0, -1], [0, -1, -1]]) == expected


EXAMPLE_6 = (
    [[[0, 0, 0], [0, 2, 2], [0, 1, 2]], [[0, 0, 0], [0, 0, 2], [0, 1, 2]], [[0, 0, 0], [0, 1, 1], [0, 0, 2]]],
    [
        [[-1, 1, 1], [-1, 1, -1], [1, -1, 1]],
        [[1, -1, -1], [-1, 0, -1], [-1, 0, 1]],
        [[1, -1, -1], [-1, -1, 0], [-1, 1, 1]],
    ],
)


def test_example_6_three_channels(engine: str) -> None:
    x, kernels = EXAMPLE_6
    apart = apply(engine, Conv2d(3, 3, groups=3, bias=False), x, [[kernel] for kernel in kernels])
    assert apart.ravel().tolist() == [1, 0, 1]
    assert apply(engine, Conv2d(1, 3, bias=False), x, [kernels]).item() == 2


def test_example_7_checked_kernel(engine: str) -> None:
    x = digits("11100 01110 00111 00110 01100")
    assert convolve(engine, x, digits("101 010 101")) == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_example_8_pooling(engine: str) -> None:
    x = digits("1120 0112 0013 0011")
    assert pool(engine, MaxPool2d(2), x) == [[1, 2], [0, 3]]
    assert pool(engine, AvgPool2d(2), x) == [[0.75, 1.25], [0, 1.5]]


def test_example_9_counts() -> None:
    def count(layer: Layer, shape: tuple[int, ...]) -> int:
        return sum(math.prod(spec.shape) for spec in layer.parameters([shape]))

    assert count(Conv2d(10, 3), (3, 100, 100)) == 280
    assert count(Linear(100, bias=False), (3072,)) == 307_200
    assert MaxPool2d(2, stride=2).output_shape([(64, 224, 224)]) == (64, 112, 112)


def test_example_10_decaying_signal(engine: str) -> None:
    layer = Conv1d(1, 3, padding=((2, 0),), flip=True, bias=False)
    x = [16, 8, 0, 4, -4, 12]
    y = apply(engine, layer, [x], [[[1, 1 / 2, 1 / 4]]])[0]
    assert y.tolist() == [16, 8 + 8, 0 + 4 + 4, 4 + 0 + 2, -4 + 2 + 0, 12 - 2 + 1]
