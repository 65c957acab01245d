"""Images become what a network expects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pellucid.data.fit import fit_pixels, luminance
from pellucid.errors import DataError


def random_pixels(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)


def test_the_same_shape_is_the_same_array() -> None:
    pixels = random_pixels(2, 3, 5, 7)
    assert fit_pixels(pixels, (3, 5, 7)) is pixels


def test_28_by_28_is_centred_in_32_by_32() -> None:
    pixels = random_pixels(3, 1, 28, 28)
    fitted = fit_pixels(pixels, (1, 32, 32))
    np.testing.assert_array_equal(fitted[:, :, 2:-2, 2:-2], pixels)
    assert fitted.sum() == pixels.sum(dtype=np.uint64)


def test_an_odd_row_goes_below_and_an_odd_column_to_the_right() -> None:
    fitted = fit_pixels(np.ones((1, 1, 3, 4), np.uint8), (1, 4, 5))
    np.testing.assert_array_equal(fitted[0, 0], [[1, 1, 1, 1, 0]] * 3 + [[0] * 5])


@pytest.mark.parametrize(("size", "padded"), [(24, True), (23, False), (33, False)])
def test_up_to_a_quarter_is_padded_and_more_is_resized(size: int, padded: bool) -> None:
    fitted = fit_pixels(np.full((1, 1, size, 32), 200, np.uint8), (1, 32, 32))
    assert (fitted.min() == 0) == padded


def test_both_axes_must_be_near_for_padding() -> None:
    fitted = fit_pixels(np.full((1, 1, 31, 8), 200, np.uint8), (1, 32, 32))
    assert fitted.min() == 200


def test_resizing_is_pillows_of_the_whole_picture() -> None:
    pixels = random_pixels(2, 3, 20, 30)
    fitted = fit_pixels(pixels, (3, 8, 9))
    for before, after in zip(pixels, fitted, strict=True):
        picture = Image.fromarray(before.transpose(1, 2, 0)).resize((9, 8), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(after.transpose(1, 2, 0), np.asarray(picture))


def test_shrinking_does_not_alias() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (1, 1, 64, 32))
    np.testing.assert_allclose(fit_pixels(stripes, (1, 16, 16)).astype(float), 127.5, atol=16)


def test_grey_becomes_three_equal_channels() -> None:
    pixels = random_pixels(2, 1, 4, 4)
    np.testing.assert_array_equal(fit_pixels(pixels, (3, 4, 4)), np.concatenate([pixels] * 3, axis=1))


def test_colour_becomes_pillows_luminance() -> None:
    pixels = random_pixels(1, 3, 64, 64)
    picture = Image.fromarray(pixels[0].transpose(1, 2, 0)).convert("L")
    np.testing.assert_array_equal(luminance(pixels)[0, 0], np.asarray(picture))
    primaries = np.zeros((4, 3, 1, 1), np.uint8)
    primaries[0, 0], primaries[1, 1], primaries[2, 2], primaries[3] = 255, 255, 255, 255
    assert fit_pixels(primaries, (1, 1, 1)).ravel().tolist() == [76, 150, 29, 255]


def test_vectors_are_the_images_channel_by_channel() -> None:
    pixels = random_pixels(2, 3, 4, 5)
    np.testing.assert_array_equal(fit_pixels(pixels, (60,)), pixels.reshape(2, 60))


@pytest.mark.parametrize(
    ("shape", "target", "message"),
    [
        ((1, 8, 8), (784,), "expects 784 features, received images of 1 x 8 x 8 = 64 cells"),
        ((2, 8, 8), (3, 8, 8), r"2 channel\(s\) cannot be fitted to a network that expects 3"),
        ((1, 8, 8), (1, 64), r"\(1, 8, 8\) cannot be fitted to a network that expects \(1, 64\)"),
        ((64,), (1, 8, 8), "cannot be fitted"),
    ],
)
def test_shapes_without_a_rule_are_refused(
    shape: tuple[int, ...], target: tuple[int, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        fit_pixels(random_pixels(1, *shape), target)


@given(
    shape=st.tuples(st.sampled_from([1, 3]), st.integers(1, 12), st.integers(1, 12)),
    target=st.tuples(st.sampled_from([1, 3]), st.integers(1, 12), st.integers(1, 12)),
)
def test_every_image_fits_every_grey_or_colour_network(
    shape: tuple[int, int, int], target: tuple[int, int, int]
) -> None:
    fitted = fit_pixels(np.full((2, *shape), 255, np.uint8), target)
    assert fitted.shape == (2, *target)
    assert fitted.dtype == np.uint8
    assert fitted[:, :, target[1] // 2, target[2] // 2].min() == 255
