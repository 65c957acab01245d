"""Picture files become what a network expects, or an error that names them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, features

from pellucid.data.decoding import FORMATS
from pellucid.data.fit import fit_pixels
from pellucid.data.images import read_image
from pellucid.errors import DataError

GREY = np.arange(0, 240, 20, dtype=np.uint8).reshape(3, 4)
COLOUR = np.random.default_rng(3).integers(0, 256, (3, 4, 3), dtype=np.uint8)


def unit(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pixels.astype(np.float32) * np.float32(1 / 255)


def stored(folder: Path, pixels: NDArray[np.generic], name: str = "picture.png") -> Path:
    Image.fromarray(pixels).save(folder / name)
    return folder / name


@pytest.mark.parametrize("kind", ["png", "gif", "bmp", "pgm", "tiff"])
def test_a_grey_picture_is_its_pixels_in_0_to_1(tmp_path: Path, kind: str) -> None:
    image = read_image(stored(tmp_path, GREY, f"picture.{kind}"), (1, 3, 4))
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, unit(GREY)[None])


@pytest.mark.parametrize("kind", ["png", "bmp", "ppm", "tiff"])
def test_a_colour_picture_is_red_green_blue(tmp_path: Path, kind: str) -> None:
    image = read_image(stored(tmp_path, COLOUR, f"picture.{kind}"), (3, 3, 4))
    np.testing.assert_array_equal(image, unit(COLOUR).transpose(2, 0, 1))


def test_channels_follow_the_network(tmp_path: Path) -> None:
    grey = read_image(stored(tmp_path, GREY), (3, 3, 4))
    np.testing.assert_array_equal(grey, np.stack([unit(GREY)] * 3))
    colour = read_image(stored(tmp_path, COLOUR), (1, 3, 4))
    expected = fit_pixels(COLOUR.transpose(2, 0, 1)[None], (1, 3, 4))[0]
    np.testing.assert_array_equal(colour, unit(expected))


def test_a_picture_in_black_and_white_is_0_and_1(tmp_path: Path) -> None:
    bits = GREY > 100
    np.testing.assert_array_equal(read_image(stored(tmp_path, bits), (1, 3, 4))[0], bits.astype(np.float32))


@pytest.mark.parametrize("kind", ["png", "tiff", "pgm"])
def test_sixteen_bits_keep_black_and_white(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"deep.{kind}"
    levels = np.array([[0, 128, 129, 32768, 65535]], np.uint16)
    if kind == "pgm":
        path.write_bytes(b"P5 5 1 65535\n" + levels.astype(">u2").tobytes())
    else:
        Image.fromarray(levels).save(path)
    expected = unit(np.array([[[0, 0, 1, 128, 255]]], np.uint8))
    np.testing.assert_array_equal(read_image(path, (1, 1, 5)), expected)


def test_transparency_lies_on_black(tmp_path: Path) -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, :3] = 255
    pixels[0, :, 3] = 0, 128, 255
    expected = unit(np.array([[[0, 128, 255]]], np.uint8))
    np.testing.assert_array_equal(read_image(stored(tmp_path, pixels), (1, 1, 3)), expected)
    with_grey = Image.fromarray(pixels).convert("LA")
    with_grey.save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png", (1, 1, 3)), expected)


def test_a_palette_with_a_transparent_colour_lies_on_black(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 255, 255, 255])
    picture.putdata([0, 1])
    picture.save(tmp_path / "palette.png", transparency=1)
    np.testing.assert_array_equal(
        read_image(tmp_path / "palette.png", (3, 1, 2))[:, 0], [[1, 0], [0, 0], [0, 0]]
    )


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees to view
    Image.fromarray(GREY).save(tmp_path / "turned.png", exif=exif)
    image = read_image(tmp_path / "turned.png", (1, 4, 3))
    np.testing.assert_array_equal(image[0], unit(np.rot90(GREY, -1)))


def test_vectors_take_the_picture_row_by_row(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_image(stored(tmp_path, GREY), (12,)), unit(GREY).ravel())
    colour = read_image(stored(tmp_path, COLOUR), (36,))
    np.testing.assert_array_equal(colour, unit(COLOUR).transpose(2, 0, 1).ravel())
    resized = read_image(stored(tmp_path, GREY), (49,), resize=True)
    np.testing.assert_array_equal(resized, unit(fit_pixels(GREY[None, None], (1, 7, 7))).ravel())


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 2, 2)])
def test_resizing_follows_the_rules_for_data_sets(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (26, 28), dtype=np.uint8)
    image = read_image(stored(tmp_path, pixels), shape, resize=True)
    np.testing.assert_array_equal(image, unit(fit_pixels(pixels[None, None], shape)[0]))


@pytest.mark.parametrize(
    ("shape", "expected"), [((1, 28, 32), "32 x 28"), ((3, 3, 5), "5 x 3"), ((49,), "7 x 7")]
)
def test_another_size_names_both_and_the_way_out(
    tmp_path: Path, shape: tuple[int, ...], expected: str
) -> None:
    path = stored(tmp_path, GREY)
    with pytest.raises(DataError) as caught:
        read_image(path, shape)
    assert str(caught.value) == (
        f"{path}: the network expects pictures of {expected} (width x height), received 4 x 3; "
        "--resize fits it"
    )


@pytest.mark.parametrize("shape", [(4, 3, 4), (50,), (1, 12), (1, 1, 3, 4)])
def test_a_network_that_takes_no_pictures_is_named(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="a picture of 4 x 3 cannot become the network's input"):
        read_image(stored(tmp_path, GREY), shape, resize=True)


def test_what_is_not_a_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    for name, message in [
        ("text.png", "not a picture of a kind that is read .PNG, JPEG,"),
        ("empty.png", "not a picture"),
        ("missing.png", "no such file or directory"),
        ("", "is a directory"),
    ]:
        path = tmp_path / name
        with pytest.raises(DataError, match=message) as caught:
            read_image(path, (1, 3, 4))
        assert str(caught.value).startswith(f"{path}: ")


def test_a_truncated_picture_is_named(tmp_path: Path) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (64, 64), dtype=np.uint8)
    path = stored(tmp_path, pixels)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"picture.png: .*truncated"):
        read_image(path, (1, 64, 64))


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_decompression_bomb_is_named(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.pgm"
    path.write_bytes(f"P5 {side} {side} 255\n".encode())
    with pytest.raises(DataError, match=r"bomb.pgm: pictures have at most \d+ pixels"):
        read_image(path, (1, 28, 28), resize=True)


def test_pixels_without_an_agreed_white_are_refused(tmp_path: Path) -> None:
    path = stored(tmp_path, GREY.astype(np.float32), "float.tiff")
    with pytest.raises(DataError, match="received floating point"):
        read_image(path, (1, 3, 4))
    path = stored(tmp_path, GREY.astype(np.int32) * 1000, "long.tiff")
    with pytest.raises(DataError, match="at most 16 bits, received 220000"):
        read_image(path, (1, 3, 4))


def encoded(kind: str, pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 1
    extra = {"exif": exif} if kind in ("PNG", "JPEG", "WEBP", "TIFF") else {}
    Image.fromarray(pixels).save(buffer, kind, **extra)
    return buffer.getvalue()


KINDS = [kind for kind in FORMATS if kind != "WEBP" or features.check("webp")]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(drawn=st.data())
def test_no_damage_gives_anything_but_a_picture_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, kind: str, drawn: st.DataObject
) -> None:
    content = bytearray(encoded(kind, COLOUR))
    content = content[: drawn.draw(st.integers(1, len(content)))]
    for position in drawn.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[position] ^= drawn.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "picture"
    path.write_bytes(content)
    result = outcome(lambda: read_image(path, (3, 3, 4), resize=True))
    if isinstance(result, DataError):
        assert str(result).startswith(f"{path}: ")
        assert "\n" not in str(result)
    else:
        assert result.shape == (3, 3, 4)
        assert 0 <= result.min() <= result.max() <= 1


def outcome(read: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32] | DataError:
    try:
        return read()
    except DataError as error:
        return error
