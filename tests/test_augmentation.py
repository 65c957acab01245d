"""Augmentations do what they say, and the same image in the same epoch always comes out the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from pellucid.augmentation import (
    AUGMENTATIONS,
    Affine,
    Augmentation,
    Cutout,
    Elastic,
    Flip,
    PadCrop,
    augmentations,
)
from pellucid.errors import DataError, LayerError, UnknownNameError
from pellucid.layers.geometry import PADDING_MODES
from pellucid.training import augment as augment_module
from pellucid.training.augment import (
    CARRIED_OUT,
    NUMPY_MODES,
    Draws,
    augmented,
    require_pictures,
    sampled,
)

EVERY: tuple[Augmentation, ...] = (
    PadCrop(2),
    Flip(),
    Affine(20, 0.1, 0.2, 0.3),
    Elastic(20, 3),
    Cutout(3, 0.5),
)


def pictures(
    count: int = 12, shape: tuple[int, ...] = (3, 9, 7), dtype: type = np.uint8
) -> NDArray[np.generic]:
    values = np.random.default_rng(5).integers(0, 256, (count, *shape))
    return values.astype(np.uint8) if dtype is np.uint8 else (values / 255).astype(np.float32)


def apply(augmentation: Augmentation, images: NDArray[np.generic], epoch: int = 0) -> NDArray[np.generic]:
    return augmented((augmentation,), images, np.arange(len(images)), seed=9, epoch=epoch)


def draws(count: int, epoch: int = 0) -> Draws:
    """Those that `apply` uses."""
    return Draws(np.arange(count), 0, 9, epoch)


# ---- words


def test_words_name_augmentations_with_their_numbers() -> None:
    assert augmentations("pad-crop:4,flip") == (PadCrop(4), Flip())
    assert augmentations("pad-crop:2:reflect, cutout:size=3:fill=0.5") == (
        PadCrop(2, "reflect"),
        Cutout(3, 0.5),
    )
    assert augmentations("affine:15:scale=0.1,elastic") == (Affine(15, scale=0.1), Elastic())
    assert augmentations("none") == augmentations(()) == ()
    assert augmentations(Flip(1)) == augmentations([Flip(1)]) == (Flip(1),)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ("flop", UnknownNameError, "unknown augmentation 'flop'; did you mean flip"),
        ("", UnknownNameError, "unknown augmentation ''"),
        ("flip,", UnknownNameError, "unknown augmentation ''"),
        ("flip:0.5:3", DataError, "flip takes probability, each once; received 'flip:0.5:3'"),
        ("flip:chance=1", DataError, "flip takes probability"),
        ("cutout:3:size=4", DataError, "cutout takes size, fill, each once"),
        ("pad-crop:2.5", DataError, "pad-crop: padding is a whole number, received '2.5'"),
        ("flip:often", DataError, "flip: probability is a number, received 'often'"),
        ("flip:2", LayerError, "probability lies between 0 and 1"),
        ("pad-crop:4:mirror", LayerError, "mode is one of zeros, edge, reflect, circular"),
        ("elastic:nan", LayerError, "alpha is at least 0"),
    ],
)
def test_words_that_cannot_be_are_refused(words: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        augmentations(words)


@pytest.mark.parametrize(
    "make",
    [
        lambda: PadCrop(0),
        lambda: Flip(-0.1),
        lambda: Affine(rotation=181),
        lambda: Affine(translation=2),
        lambda: Affine(scale=1),
        lambda: Affine(shear=float("inf")),
        lambda: Elastic(alpha=-1),
        lambda: Elastic(sigma=0),
        lambda: Cutout(0),
        lambda: Cutout(2, 1.5),
    ],
)
def test_numbers_that_cannot_be_are_refused(make: object) -> None:
    with pytest.raises(LayerError):
        make()


def test_what_is_no_augmentation_is_refused() -> None:
    with pytest.raises(DataError, match="augment takes augmentations, received 'flip'"):
        augmentations(["flip"])
    assert set(CARRIED_OUT) == set(AUGMENTATIONS.values())


@pytest.mark.parametrize(
    ("augmentation", "shape", "message"),
    [
        (Flip(), (36,), r"flip: expects pictures \(C, H, W\), received images of shape \(36,\)"),
        (PadCrop(6, "reflect"), (1, 6, 8), "reflect padding .* is at most 5, received 6"),
        (PadCrop(7, "circular"), (1, 6, 8), "circular padding .* is at most 6, received 7"),
    ],
)
def test_images_that_cannot_be_augmented_so_are_refused(
    augmentation: Augmentation, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        require_pictures((augmentation,), shape)


# ---- determinism


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@given(order=st.lists(st.integers(0, 11), min_size=1, max_size=30), cut=st.integers(0, 30))
def test_an_image_comes_out_the_same_in_any_company(dtype: type, order: list[int], cut: int) -> None:
    images = pictures(dtype=dtype)
    alone = augmented(EVERY, images, np.arange(12), seed=2**40 + 7, epoch=3)
    for part in (order[:cut], order[cut:]):
        if part:
            together = augmented(EVERY, images[part], np.array(part), seed=2**40 + 7, epoch=3)
            np.testing.assert_array_equal(together, alone[part])


def test_the_size_of_groups_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    images = pictures()
    together = augmented(EVERY, images, np.arange(12), seed=3, epoch=1)
    for pixels in (1, 5 * 9 * 7):
        monkeypatch.setattr(augment_module, "GROUP_PIXELS", pixels)
        np.testing.assert_array_equal(augmented(EVERY, images, np.arange(12), seed=3, epoch=1), together)


@pytest.mark.parametrize("augmentation", EVERY, ids=lambda a: a.label)
def test_another_seed_epoch_image_or_place_is_another_draw(augmentation: Augmentation) -> None:
    images = np.repeat(pictures(1), 64, axis=0)
    numbers = np.arange(64)
    base = augmented((augmentation,), images, numbers, seed=1, epoch=0)
    others = [
        augmented((augmentation,), images, numbers, seed=2, epoch=0),
        augmented((augmentation,), images, numbers, seed=1 + 2**32, epoch=0),
        augmented((augmentation,), images, numbers, seed=1, epoch=1),
        augmented((augmentation,), images, numbers + 64, seed=1, epoch=0),
        augmented((Flip(0), augmentation), images, numbers, seed=1, epoch=0),
    ]
    assert len({one.tobytes() for one in (base, *others)}) == 6
    assert len({image.tobytes() for image in base}) > 1


@pytest.mark.parametrize("augmentation", EVERY, ids=lambda a: a.label)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_shape_and_type_stay_and_the_images_are_not_touched(augmentation: Augmentation, dtype: type) -> None:
    images = pictures(dtype=dtype)
    before = images.copy()
    result = apply(augmentation, images)
    assert (result.shape, result.dtype) == (images.shape, images.dtype)
    np.testing.assert_array_equal(images, before)
    assert not np.shares_memory(result, images)


def test_draws_are_uniform() -> None:
    u = Draws(np.arange(5_000), 1, 4, 2).uniform(6)
    assert u.shape == (5_000, 6)
    assert 0 <= u.min() < u.max() < 1
    assert np.abs(u.mean(axis=0) - 0.5).max() < 5 * (1 / 12 / 5_000) ** 0.5
    assert np.abs(np.corrcoef(u.T) - np.eye(6)).max() < 5 / 5_000**0.5


# ---- flips and crops


def test_a_flip_exchanges_left_and_right_and_undoes_itself() -> None:
    images = pictures()
    flipped = apply(Flip(1), images)
    np.testing.assert_array_equal(flipped, images[..., ::-1])
    np.testing.assert_array_equal(apply(Flip(1), flipped), images)
    np.testing.assert_array_equal(apply(Flip(0), images), images)


def test_as_many_are_flipped_as_asked() -> None:
    images = np.broadcast_to(np.arange(2, dtype=np.uint8), (4_000, 1, 1, 2))
    flipped = apply(Flip(0.3), images)[:, 0, 0, 0] == 1
    assert abs(flipped.mean() - 0.3) < 5 * (0.3 * 0.7 / 4_000) ** 0.5


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("padding", [1, 2, 5])
def test_a_pad_crop_is_a_slice_of_the_padded_image(mode: str, padding: int) -> None:
    images = pictures()
    result = apply(PadCrop(padding, mode), images)
    edges = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(images, edges, NUMPY_MODES[mode])
    for number, (u, v) in enumerate(draws(12).uniform(2)):
        row, column = int(u * (2 * padding + 1)), int(v * (2 * padding + 1))
        np.testing.assert_array_equal(result[number], padded[number, :, row : row + 9, column : column + 7])


def test_every_place_of_a_pad_crop_is_as_likely() -> None:
    image = np.zeros((2_000, 1, 5, 5), np.uint8)
    image[:, 0, 2, 2] = 1
    where = apply(PadCrop(2), image)[:, 0]
    counts = where.sum(axis=0)
    assert counts.sum() == 2_000
    assert np.abs(counts / 2_000 - 1 / 25).max() < 5 * (24 / 25**2 / 2_000) ** 0.5


# ---- interpolation


@pytest.mark.parametrize("augmentation", [Affine(), Elastic(alpha=0)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@given(height=st.integers(1, 12), width=st.integers(1, 12), channels=st.sampled_from([1, 3]))
def test_no_movement_leaves_every_pixel_alone(
    augmentation: Augmentation, dtype: type, height: int, width: int, channels: int
) -> None:
    images = pictures(3, (channels, height, width), dtype)
    np.testing.assert_array_equal(apply(augmentation, images), images)


def test_between_the_pixels_is_linear_interpolation_on_black() -> None:
    images = pictures(4, (3, 9, 7), np.float32)
    generator = np.random.default_rng(2)
    rows, columns = (generator.uniform(-3, side + 2, (4, 9, 7)).astype(np.float32) for side in (9, 7))
    result = sampled(images, rows, columns)
    for image, r, c, received in zip(images, rows, columns, result, strict=True):
        for plane, cell in zip(image, received, strict=True):
            expected = ndimage.map_coordinates(plane, [r, c], order=1, mode="grid-constant")
            np.testing.assert_allclose(cell, expected, atol=1e-5)


@pytest.mark.parametrize(
    "augmentation", [Affine(180), Affine(translation=1), Affine(scale=0.9), Affine(shear=2), EVERY[2]]
)
def test_an_affine_map_is_that_of_scipy(augmentation: Affine) -> None:
    images = pictures(20, (1, 9, 7), np.float32)
    result = apply(augmentation, images)
    centre = np.array([4, 3])
    for image, received, drawn in zip(images, result, draws(20).between(5), strict=True):
        turn, down, right, grow, slant = drawn
        angle = np.deg2rad(augmentation.rotation * turn)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shear = np.array([[1, 0], [augmentation.shear * slant, 1]])
        inverse = np.linalg.inv((1 + augmentation.scale * grow) * rotation @ shear)
        offset = centre - inverse @ (centre + augmentation.translation * np.array([9 * down, 7 * right]))
        expected = ndimage.affine_transform(image[0], inverse, offset, order=1, mode="grid-constant")
        np.testing.assert_allclose(received[0], expected, atol=1e-4)


def test_elastic_displacements_have_simards_spread() -> None:
    """u is uniform in [-1, 1], variance 1/3; the Gaussian's squares sum to 1 / (4 pi sigma^2)."""
    alpha, sigma, side = 6.0, 2.0, 48
    columns = np.arange(side, dtype=np.float32)
    ramp = np.broadcast_to(columns, (40, 1, side, side))
    inner = slice(12, side - 12)
    moved = (apply(Elastic(alpha, sigma), np.ascontiguousarray(ramp)) - columns)[:, 0, inner, inner]
    expected = alpha * (1 / 3 / (4 * np.pi * sigma**2)) ** 0.5
    assert moved.std() == pytest.approx(expected, rel=0.05)
    assert abs(moved.mean()) < expected / 10
    neighbours = np.mean(
        [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairwise(moved.transpose(1, 0, 2))]
    )
    assert neighbours == pytest.approx(np.exp(-1 / (4 * sigma**2)), abs=0.02)


# ---- cutout


@pytest.mark.parametrize(("dtype", "fill", "value"), [(np.uint8, 0.5, 128), (np.float32, 0.25, 0.25)])
def test_a_cutout_covers_one_square(dtype: type, fill: float, value: float) -> None:
    images = np.zeros((300, 2, 9, 7), dtype)
    result = apply(Cutout(3, fill), images)
    assert set(np.unique(result).tolist()) == {0, value}
    for image, centre in zip(result, draws(300).uniform(2), strict=True):
        row, column = int(centre[0] * 9), int(centre[1] * 7)
        expected = np.zeros((9, 7), bool)
        expected[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = True
        np.testing.assert_array_equal(image[0] != 0, expected)
        np.testing.assert_array_equal(image[1], image[0])


def test_a_cutout_larger_than_the_image_covers_all() -> None:
    assert apply(Cutout(40), pictures()).max() == 0
