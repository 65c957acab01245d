"""Filters, preferred images and strongest patches, on networks whose answers can be checked by hand."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import pellucid
from pellucid import zoo
from pellucid.data import Split
from pellucid.data.dataset import TO_UNIT
from pellucid.errors import DataError
from pellucid.explain import (
    Regularization,
    first_layer_filters,
    maximize_activation,
    reconstruct_patches,
    strongest_patches,
)
from pellucid.model import Model, Sequential

# ---- filters


def test_alexnets_filters_are_96_coloured_pictures() -> None:
    net = zoo.create("alexnet-2012", input_shape=(3, 67, 67), engine="reference")
    filters = first_layer_filters(net)
    assert (filters.node, filters.weights.shape) == ("conv1", (96, 3, 11, 11))
    pictures = filters.pictures()
    assert pictures.shape == (96, 11, 11, 3)
    assert 0 <= pictures.min()
    assert pictures.max() <= 1
    largest = np.abs(filters.weights[5]).max()
    np.testing.assert_allclose(pictures[5], 0.5 + filters.weights[5].transpose(1, 2, 0) / (2 * largest), 1e-6)


def test_one_scale_for_all_filters_or_one_for_each() -> None:
    net = Sequential(pellucid.Conv2d(2, kernel_size=(1, 2)), input_shape=(1, 3, 3))
    net.set_parameters({"conv1.weight": np.reshape([4, -2, 1, 0], (2, 1, 1, 2))})
    filters = first_layer_filters(net)
    assert filters.pictures().reshape(2, 2).tolist() == [[1, 0.25], [1, 0.5]]
    assert filters.pictures("layer").reshape(2, 2).tolist() == [[1, 0.25], [0.625, 0.5]]
    with pytest.raises(DataError, match="filter or layer, received 'net'"):
        filters.pictures("net")


def test_a_network_without_convolutions_has_no_filters() -> None:
    with pytest.raises(DataError, match="has no convolution"):
        first_layer_filters(Sequential(pellucid.Flatten(), pellucid.Linear(2), input_shape=(1, 2, 2)))


# ---- activation maximisation


def linear() -> Model:
    return Sequential(
        pellucid.Flatten(), pellucid.Linear(2), input_shape=(1, 4, 4), class_names=("ant", "bee"), seed=3
    )


def test_a_linear_units_best_image_under_l2_is_its_weights() -> None:
    # w x - lambda |x|^2 is largest at x = w / (2 lambda).
    net = linear()
    found = maximize_activation(
        net, [0, "bee"], steps=400, regularization=Regularization(0.25, 0, 0), limits=None, step_size=0.1
    )
    weights = net.parameters["fc1.weight"].reshape(2, 1, 4, 4)
    np.testing.assert_allclose(found.images, weights / 0.5, atol=2e-3)
    np.testing.assert_allclose(found.values, (weights**2).sum((1, 2, 3)) / 0.5, rtol=5e-3)
    assert found.places == ((0,), (1,))
    assert found.history.shape == (400, 2)


def test_without_regularisers_pixels_go_to_their_limits() -> None:
    net = linear()
    found = maximize_activation(net, 1, steps=60, step_size=0.1, regularization=Regularization(0, 0, 0))
    weights = net.parameters["fc1.weight"][1].reshape(1, 4, 4)
    clear = np.abs(weights) > 0.05
    np.testing.assert_array_equal(found.images[0][clear], (weights > 0)[clear])


def test_total_variation_smooths() -> None:
    net = zoo.create("lenet5", seed=1)
    rough, smooth = (
        maximize_activation(net, 3, steps=40, regularization=Regularization(0, amount, 0)).images
        for amount in (0, 1.0)
    )
    variation = [float((np.diff(images, axis=3) ** 2).sum()) for images in (rough, smooth)]
    assert variation[1] < 0.5 * variation[0]


@pytest.mark.parametrize(
    ("node", "at", "place"), [("conv2", 4, (4,)), ("conv2", (4, 3, 5), (4, 3, 5)), (None, 7, (7,))]
)
def test_channels_cells_and_classes_respond_more_and_more(
    node: str | None, at: int | tuple[int, ...], place: tuple[int, ...]
) -> None:
    net = zoo.create("lenet5", seed=1)
    found = maximize_activation(net, at, node=node, steps=30)
    assert found.places == (place,)
    assert found.values[0] > found.history[0, 0]
    activation = net.trace(found.images, nodes=(found.node,))[found.node]
    assert found.values[0] == pytest.approx(activation[0][place].mean(), rel=1e-4)
    again = maximize_activation(net, at, node=node, steps=30)
    np.testing.assert_array_equal(found.images, again.images)
    if len(place) == 3:  # beyond what the cell sees nothing but total variation and noise moves a pixel
        assert np.abs(found.images[0, 0, 24:] - 0.5).max() < np.abs(found.images - 0.5).max() / 2


@pytest.mark.parametrize(
    ("at", "message"),
    [(16, "a channel or a cell within"), ((1, 2), "within"), ((0, 10, 0), "within"), ("dog", "its classes")],
)
def test_what_is_no_place_is_said(at: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        maximize_activation(zoo.create("lenet5"), at, node="conv2")


# ---- strongest patches


def spots(count: int) -> np.ndarray:
    """Black images, the n-th with one pixel of brightness n + 1 at row n % 6, column 5 - n % 6."""
    images = np.zeros((count, 1, 6, 6), np.uint8)
    for number in range(count):
        images[number, 0, number % 6, 5 - number % 6] = number + 1
    return images


def detector() -> Model:
    """Channel 0 sums 3 x 3 pixels, channel 1 is the negative of the middle one."""
    net = Sequential(pellucid.Conv2d(2, kernel_size=3, padding=1), pellucid.ReLU(), input_shape=(1, 6, 6))
    weight = np.zeros((2, 1, 3, 3))
    weight[0] = 1
    weight[1, 0, 1, 1] = -1
    net.set_parameters({"conv1.weight": weight, "conv1.bias": [0, 1]})
    return net


def test_the_brightest_spots_are_found_where_they_are() -> None:
    images = spots(100)
    found = strongest_patches(detector(), images, "relu1", count=3)
    assert found.images[0].tolist() == [99, 98, 97]
    np.testing.assert_allclose(found.values[0], np.array([100, 99, 98]) / 255, rtol=1e-6)
    # Image 99's spot is at row 3, column 2; the first of the nine cells that see it is up and to the left.
    assert found.cells[0, 0].tolist() == [2, 1]
    assert found.boxes[0, 0].tolist() == [[1, 4], [0, 3]]
    (first, *_) = found.pictures(images, 0)
    assert (first.shape, first[0, 2, 2]) == ((1, 3, 3), np.float32(100) * TO_UNIT)
    # Channel 1 is 1 wherever a pixel is black: of equal ones the first image and the first cell count.
    assert found.images[1].tolist() == [0, 1, 2]
    assert found.boxes[1, 0].tolist() == [[0, 2], [0, 2]]


def test_floats_bytes_and_splits_give_the_same_patches() -> None:
    images = spots(40)
    split = Split(images, np.zeros(40, np.int64))
    floats = split.images
    found = [strongest_patches(detector(), given, "conv1", channels=[0]) for given in (images, split, floats)]
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].images, other.images)
        np.testing.assert_array_equal(found[0].values, other.values)
        np.testing.assert_array_equal(found[0].cells, other.cells)
    assert found[0].channels.tolist() == [0]
    assert found[0].values.shape == (1, 9)


def test_all_images_are_in_when_there_are_few() -> None:
    found = strongest_patches(detector(), spots(4), "conv1", channels=[0])
    assert found.images.tolist() == [[3, 2, 1, 0]]


def test_features_without_places_see_the_whole_image() -> None:
    net = zoo.create("lenet5", seed=1)
    images = np.random.default_rng(0).random((50, 1, 28, 28), np.float32)
    found = strongest_patches(net, images, "fc2", channels=[5, 80], count=2)
    expected = net.trace(images, nodes=("fc2",))["fc2"][:, [5, 80]]
    np.testing.assert_array_equal(found.images, np.argsort(-expected, axis=0)[:2].T)
    assert found.cells.shape == (2, 2, 0)
    assert found.boxes[0, 0].tolist() == [[0, 28], [0, 28]]


def test_memory_does_not_grow_with_the_data_set() -> None:
    net = detector()

    def peak(count: int) -> int:
        images = np.broadcast_to(spots(1), (count, 1, 6, 6))
        tracemalloc.start()
        strongest_patches(net, images, "conv1")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(640)
    assert peak(6400) < 1.2 * peak(640)


def test_reconstructions_show_what_excites_within_the_patch() -> None:
    images = spots(30)
    found = strongest_patches(detector(), images, "relu1", channels=[0], count=2)
    reconstructions = reconstruct_patches(detector(), images, found, 0)
    for rank, (one, picture) in enumerate(zip(reconstructions, found.pictures(images, 0), strict=True)):
        np.testing.assert_array_equal(one, np.ones_like(picture))  # the channel's weights
        assert picture.max() == found.values[0, rank]


def test_all_cnns_figure_can_be_made() -> None:
    net = zoo.create("all-cnn", input_shape=(3, 75, 75), seed=2)
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 75, 75)).astype(np.uint8)
    for node in ("conv6", "conv9"):
        found = strongest_patches(net, images, node, channels=[0, 100], count=2)
        for channel in (0, 100):
            pictures = found.pictures(images, channel)
            reconstructions = reconstruct_patches(net, images, found, channel)
            assert [one.shape for one in reconstructions] == [one.shape for one in pictures]
            assert all(one.any() for one in reconstructions)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": [2]}, "channels are 0 to 1"),
        ({"channels": []}, "channels are 0 to 1"),
        ({"count": 0}, "at least 1 patch"),
    ],
)
def test_wrong_questions_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        strongest_patches(detector(), spots(2), "conv1", **settings)


def test_patches_that_were_not_looked_for_are_refused() -> None:
    found = strongest_patches(detector(), spots(2), "conv1", channels=[1])
    with pytest.raises(DataError, match="conv1: patches of channel 0 were not looked for"):
        found.pictures(spots(2), 0)
    with pytest.raises(DataError, match="at least one image"):
        strongest_patches(detector(), spots(0), "conv1")
