"""Figures hold the numbers they were given, panel by panel."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from pellucid import explain, plot, zoo
from pellucid.errors import DataError, UnknownNameError
from pellucid.layers import LAYERS, Clip, Conv2d, LeakyReLU, Sigmoid
from pellucid.plot.functions import COUPLED, curves, equation
from pellucid.training import EpochRecord, Evaluation, History

PICTURE = np.linspace(0, 1, 36, dtype=np.float32).reshape(1, 6, 6)


def shown(figure: Figure) -> list[np.ndarray]:
    """The arrays of every panel that is seen, in order."""
    visible = [axes for axes in figure.axes if axes.get_visible()]
    return [np.asarray(image.get_array()) for axes in visible for image in axes.get_images()]


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes if axes.get_visible() and axes.get_title()]


# ---- feature maps and filters


def test_feature_maps_are_the_activation_zero_centred() -> None:
    maps = np.random.default_rng(0).normal(size=(5, 4, 6))
    maps[2, 1, 1] = -9
    figure = plot.feature_maps(maps, title="conv1", image=PICTURE)
    arrays = shown(figure)
    assert len(arrays) == 6
    np.testing.assert_array_equal(arrays[0], PICTURE[0])
    np.testing.assert_array_equal(arrays[1:6], maps)
    assert titles(figure) == ["image", "0", "1", "2", "3", "4"]
    panels = [axes.get_images()[0] for axes in figure.axes[1:6]]
    assert {panel.get_clim() for panel in panels} == {(-9.0, 9.0)}
    assert panels[0].get_cmap()(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.04)  # zero is white


def test_each_map_may_have_its_own_scale() -> None:
    maps = np.stack([np.full((3, 3), -1.0), np.full((3, 3), 50.0)])
    figure = plot.feature_maps(maps, scope="map")
    assert [axes.get_images()[0].get_clim() for axes in figure.axes] == [(-1, 1), (-50, 50)]


def test_of_many_channels_the_strongest_are_shown_by_number() -> None:
    maps = np.zeros((300, 2, 2))
    maps[[7, 250, 31], 0, 0] = [1, -5, 3]
    figure = plot.feature_maps(maps, title="c", limit=3)
    assert titles(figure) == ["7", "31", "250"]
    assert figure.get_suptitle() == "c, 3 strongest of 300 channels"


@pytest.mark.parametrize("shape", [(12,), (3, 12)])
def test_vectors_and_sequences_become_strips(shape: tuple[int, ...]) -> None:
    activation = np.arange(np.prod(shape), dtype=float).reshape(shape)
    arrays = shown(plot.feature_maps(activation))[: len(shape) * 2 - 1]
    np.testing.assert_array_equal(np.concatenate(arrays), activation.reshape(-1, 12))


def test_filters_over_colour_images_are_pictures_and_grey_at_zero() -> None:
    weights = np.random.default_rng(1).normal(size=(12, 3, 11, 11))
    weights[5] = 0
    arrays = shown(plot.filters(weights))
    assert len(arrays) == 12
    assert arrays[0].shape == (11, 11, 3)
    assert (arrays[5] == 0.5).all()
    reach = np.abs(weights[0]).max()
    np.testing.assert_allclose(arrays[0], 0.5 + 0.5 * weights[0].transpose(1, 2, 0) / reach)


def test_filters_of_a_grey_image_and_of_many_maps_are_signed() -> None:
    weights = np.random.default_rng(1).normal(size=(6, 1, 5, 5))
    np.testing.assert_array_equal(shown(plot.filters(weights)), weights[:, 0])
    deep = np.random.default_rng(2).normal(size=(4, 2, 3, 3))
    (mosaic,) = shown(plot.filters(deep, scope="layer"))[:1]
    for row in range(4):
        for column in range(2):
            block = mosaic[4 * row : 4 * row + 3, 4 * column : 4 * column + 3]
            np.testing.assert_array_equal(block, deep[row, column])


def test_maps_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(DataError, match="an activation is"):
        plot.feature_maps(np.zeros((2, 3, 4, 5)))
    with pytest.raises(DataError, match="scope of colours is layer or map, received 'net'"):
        plot.feature_maps(np.zeros((2, 3, 4)), scope="net")
    with pytest.raises(DataError, match="a limit of 0"):
        plot.feature_maps(np.zeros((2, 3, 4)), limit=0)
    with pytest.raises(DataError, match="kernels are"):
        plot.filters(np.zeros((10, 20)))


# ---- attributions and receptive fields


def test_attributions_stand_side_by_side_with_what_they_are() -> None:
    signed = PICTURE[0] - 0.5
    small = np.array([[0.0, 1.0], [2.0, 4.0]])
    overlays = [
        plot.Overlay(signed, "gradient x input", ["target: 3"]),
        plot.Overlay(small, "Grad-CAM", ["target: 3", "layer: conv2"]),
        plot.Overlay(np.stack([signed] * 3), "guided backpropagation", relief=True),
    ]
    figure = plot.attributions(PICTURE, overlays, title="why")
    assert titles(figure) == ["image", "gradient x input", "Grad-CAM", "guided backpropagation"]
    panels = {axes.get_title(): axes for axes in figure.axes}
    heat = panels["gradient x input"].get_images()[1]
    np.testing.assert_array_equal(heat.get_array(), signed)
    assert heat.get_clim() == (-0.5, 0.5)
    cam = panels["Grad-CAM"].get_images()[1]
    assert cam.get_clim() == (0, 4)
    assert tuple(cam.get_extent()) == (-0.5, 5.5, 5.5, -0.5)  # stretched over the image
    assert panels["Grad-CAM"].get_xlabel() == "target: 3\nlayer: conv2"
    relief = panels["guided backpropagation"].get_images()[0]
    assert np.asarray(relief.get_array()).shape == (6, 6, 3)


def test_where_nothing_is_said_the_image_shows_through() -> None:
    figure = plot.attributions(PICTURE, [plot.Overlay([[0.0, 1.0], [-1.0, 0.0]], "m")])
    opacity = np.asarray(figure.axes[1].get_images()[1].get_alpha())
    np.testing.assert_allclose(opacity, [[0, 0.9], [0.9, 0]])


def test_channels_are_summed_and_long_notes_wrapped() -> None:
    note = "the layer is the last one with maps, as the paper says, because it sees most of the image"
    figure = plot.attributions(PICTURE, [plot.Overlay(np.ones((3, 6, 6)), "m", [note])])
    assert (np.asarray(figure.axes[1].get_images()[1].get_array()) == 3).all()
    lines = figure.axes[1].get_xlabel().split("\n")
    assert len(lines) > 1
    assert " ".join(lines) == note


def test_attributions_without_a_map_are_refused() -> None:
    with pytest.raises(DataError, match="at least one map"):
        plot.attributions(PICTURE, [])
    with pytest.raises(DataError, match=r"m: a map is \(H, W\) or \(C, H, W\), received \(5,\)"):
        plot.attributions(PICTURE, [plot.Overlay(np.ones(5), "m")])


def test_a_receptive_field_is_framed_and_its_heat_shown() -> None:
    net = zoo.create("lenet5", engine="reference")
    images = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    found = explain.effective_field(net, "pool2", (0, 1, 2), images=images)
    figure = plot.receptive_field(found, images[0])
    np.testing.assert_array_equal(shown(figure)[1], found.heat)
    for axes in figure.axes[:2]:
        (frame,) = axes.patches
        assert (frame.get_x(), frame.get_y()) == (5.5, 1.5)
        assert (frame.get_width(), frame.get_height()) == (16, 16)
    with pytest.raises(DataError, match="over an image"):
        plot.receptive_field(found.theoretical)


# ---- activation functions


def test_curves_are_the_functions_and_their_derivatives() -> None:
    figure = plot.activation(["sigmoid", LeakyReLU(0.2)])
    lines = {line.get_gid(): line for line in figure.axes[0].get_lines()}
    x, value = lines["value"].get_data()
    np.testing.assert_allclose(value, 1 / (1 + np.exp(-x)))
    _, slope = lines["derivative"].get_data()
    np.testing.assert_allclose(slope, value * (1 - value))
    assert "0.2" in figure.axes[1].get_xlabel()


def test_a_derivative_that_jumps_is_not_joined() -> None:
    lines = {line.get_gid(): line for line in plot.activation("relu").axes[0].get_lines()}
    slope = np.asarray(lines["derivative"].get_ydata())
    assert np.isnan(slope).sum() == 1
    assert set(slope[~np.isnan(slope)]) == {0.0, 1.0}


@pytest.mark.parametrize("name", plot.activation_names())
def test_every_function_is_drawn_and_its_slope_is_its_difference_quotient(name: str) -> None:
    family = next(layer for known, layer in LAYERS.items() if known.lower() == name)
    layer = family(shared=True) if name == "prelu" else family()
    x = np.linspace(-3.9, 3.9, 41) + 0.0123
    _, slope = curves(layer, x)
    quotient = (curves(layer, x + 1e-6)[0] - curves(layer, x - 1e-6)[0]) / 2e-6
    np.testing.assert_allclose(slope, quotient, atol=1e-6)
    assert "<" not in equation(layer).replace(r"\leq", "")


def test_functions_of_several_channels_are_among_them() -> None:
    assert {family.__name__.lower() for family in COUPLED} <= set(plot.activation_names())
    assert titles(plot.activation(Clip(-1, 1))) == ["Clip"]


def test_what_is_no_activation_function_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean relu"):
        plot.activation("rleu")
    with pytest.raises(DataError, match="draws activation functions, received Conv2d"):
        plot.activation(Conv2d(1, 1))
    with pytest.raises(DataError, match="at least one"):
        plot.activation([])
    with pytest.raises(DataError, match="further than 0, received -1"):
        plot.activation(Sigmoid(), reach=-1)


# ---- training


def record(epoch: int, accuracy: float | None = 0.5, test: float | None = 0.6) -> EpochRecord:
    return EpochRecord(epoch, 2.0 / epoch, accuracy, 3.0 / epoch, test, 1.0, 10.0)


def test_learning_curves_are_the_history() -> None:
    run = History("lenet5", "digits", (record(1), record(2, 0.7, 0.9), record(3, 0.8, 0.85)))
    figure = plot.learning_curves(run)
    losses, rates = figure.axes
    assert [list(line.get_ydata()) for line in losses.get_lines()] == [[2, 1, 2 / 3], [3, 1.5, 1]]
    assert [list(line.get_ydata()) for line in rates.get_lines()] == [[0.5, 0.7, 0.8], [0.6, 0.9, 0.85]]
    assert [text.get_text() for text in rates.texts] == ["90.00%"]  # the best, at its epoch
    assert rates.texts[0].xy == (2, 0.9)
    assert figure.get_suptitle() == "lenet5 on digits"


def test_runs_share_axes_and_what_was_not_measured_is_left_out() -> None:
    first = History("a", "d", (record(1), record(2)))
    second = History("b", "d", (record(1, None, None),))
    losses, rates = plot.learning_curves([first, second]).axes
    labels = [line.get_label() for line in losses.get_lines()]
    assert labels == ["a, d, training", "a, d, held out", "b, d, training", "b, d, held out"]
    assert len(rates.get_lines()) == 2
    assert len(plot.learning_curves(second).axes) == 1
    twice = plot.learning_curves([first, first]).axes[0].get_lines()
    assert twice[2].get_label() == "2: a, d, training"
    with pytest.raises(DataError, match="at least one epoch"):
        plot.learning_curves(History("a", "d"))


LABELS, PREDICTIONS = np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, 1, 1, 0])
EVALUATION = Evaluation(1.0, 4 / 6, LABELS, PREDICTIONS, np.array([0.9, 0.6, 0.9, 0.9, 0.9, 0.8], np.float32))


def test_the_confusion_matrix_has_its_counts_and_rows_of_shares() -> None:
    figure = plot.confusion_matrix(EVALUATION, ["cat", "dog", "bird"])
    (axes,) = figure.axes
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "1", (1, 0): "1", (1, 1): "3", (0, 2): "1"}
    signed = np.asarray(axes.get_images()[0].get_array())
    shares = np.array([[-0.5, 0.5, 0], [0, -1, 0], [1, 0, 0]])  # right is negative: blue
    np.testing.assert_allclose(signed, np.sign(shares) * np.sqrt(np.abs(shares)))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "bird"]
    assert axes.get_title() == "accuracy 66.67% of 6 images"


def test_a_large_confusion_matrix_has_colours_alone() -> None:
    (axes,) = plot.confusion_matrix(np.eye(100, dtype=int)).axes
    assert len(axes.texts) == 0
    with pytest.raises(DataError, match=r"\(classes, classes\) counts, received \(2, 3\)"):
        plot.confusion_matrix(np.zeros((2, 3)))


def test_the_worst_mistakes_come_first() -> None:
    images = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 4, 4), np.uint8)
    figure = plot.worst_mistakes(EVALUATION, images, ["cat", "dog", "bird"])
    assert titles(figure) == ["bird, taken for cat", "cat, taken for dog"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["80.0%  #5", "60.0%  #1"]
    np.testing.assert_allclose(shown(figure)[0], np.full((4, 4), 5 / 255))
    assert figure.get_suptitle() == "2 most confident of 2 mistakes"


def test_without_a_mistake_the_figure_says_so() -> None:
    perfect = Evaluation(0.0, 1.0, LABELS, LABELS, np.ones(6, np.float32))
    figure = plot.worst_mistakes(perfect, np.zeros((6, 1, 4, 4)))
    assert [text.get_text() for text in figure.texts] == ["no mistake among 6 images"]
    with pytest.raises(DataError, match=r"among images of shape \(6, C, H, W\), received \(5, 1, 4, 4\)"):
        plot.worst_mistakes(perfect, np.zeros((5, 1, 4, 4)))
