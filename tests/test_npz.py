"""Data sets in .npz files are read exactly or refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from picture_cases import pixels_of

from pellucid import data
from pellucid.data import arrays as arrays_module
from pellucid.data.arrays import HALVES
from pellucid.errors import DataError, FormatError, PellucidError

GREY = pixels_of(1, (10, 6, 5))
COLOUR = pixels_of(2, (10, 6, 5, 3))
LABELS = np.arange(10) % 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.npz"


@pytest.mark.parametrize("names", HALVES)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_both_parts_come_back(path: Path, names: tuple[str, ...], save: object) -> None:
    arrays = (GREY, LABELS.astype(np.uint8), GREY[:3], LABELS[:3, None])
    save(path, **dict(zip(names, arrays, strict=True)))
    dataset = data.load(path)
    assert dataset.name == str(path)
    assert dataset.class_names == ("0", "1")
    np.testing.assert_array_equal(dataset.train.pixels, GREY[:, None])
    np.testing.assert_array_equal(dataset.test.pixels, GREY[:3, None])
    assert dataset.test.labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y")])
def test_a_share_of_a_whole_is_held_out(path: Path, names: tuple[str, str]) -> None:
    np.savez(path, **{names[0]: GREY, names[1]: LABELS, "class_names": np.array(["cat", "dog"])})
    dataset = data.load(path, seed=3, test_fraction=0.4)
    assert np.bincount(dataset.test.labels).tolist() == [2, 2]
    assert np.bincount(dataset.train.labels).tolist() == [3, 3]
    assert dataset.class_names == ("cat", "dog")
    for split in (dataset.train, dataset.test):
        for image, label in zip(split.pixels, split.labels, strict=True):
            (number,) = np.flatnonzero((GREY == image[0]).all(axis=(1, 2)))
            assert label == LABELS[number]


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (COLOUR, COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2)),
        (GREY[..., None], GREY[:, None]),
        (GREY[:, None], GREY[:, None]),
        (GREY.reshape(10, 30), GREY.reshape(10, 30)),
    ],
)
def test_channels_are_found_where_they_are(
    path: Path, images: NDArray[np.uint8], expected: NDArray[np.uint8]
) -> None:
    np.savez(path, x_train=images, y_train=LABELS, x_test=images, y_test=LABELS)
    np.testing.assert_array_equal(data.load(path).train.pixels, expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_become_the_nearest_level(path: Path, dtype: type) -> None:
    images = np.linspace(0, 1, 300).reshape(10, 6, 5).astype(dtype)
    np.savez(path, images=images, labels=LABELS)
    levels = {*data.load(path).train.pixels.ravel(), *data.load(path).test.pixels.ravel()}
    assert levels == {*np.rint(images.astype(float) * 255).astype(np.uint8).ravel()}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"pixels": GREY, "classes": LABELS},
            "expects arrays named .*received classes, pixels",
        ),
        (
            {"images": GREY.astype(np.int64), "labels": LABELS},
            r"images are uint8, or floats .*int64",
        ),
        ({"images": GREY.astype(float), "labels": LABELS}, r"floats lie in \[0, 1\], received 0 to 255"),
        ({"images": np.full((10, 6, 5), np.nan), "labels": LABELS}, "received nan to nan"),
        ({"images": GREY, "labels": LABELS / 2}, r"classes are whole numbers .* received float64 \(10,\)"),
        ({"images": GREY, "labels": LABELS - 1}, "classes are 0 to 99999, received -1 to 0"),
        ({"images": GREY, "labels": LABELS + 2**40}, "classes are 0 to 99999"),
        ({"images": GREY, "labels": LABELS[:9]}, "one label an image, received 10 images and 9 labels"),
        ({"images": GREY[:, :3, :3, None].repeat(3, 3), "labels": LABELS}, "two readings are possible"),
        ({"images": GREY[..., None].repeat(2, 3), "labels": LABELS}, "neither is 1 or 3"),
        (
            {"images": GREY[:, None, None, None], "labels": LABELS},
            r"images are \(N, H, W\), .* received uint8 \(10, 1, 1, 1, 6, 5\)",
        ),
        (
            {"images": np.array([None] * 10), "labels": LABELS},
            "images holds Python objects",
        ),
        ({"images": GREY, "labels": LABELS, "class_names": np.array([1, 2])}, "names are strings"),
        (
            {"images": GREY, "labels": LABELS, "class_names": np.array(["a"])},
            "labels are 0 to 0",
        ),
    ],
)
def test_what_is_wrong_is_named(path: Path, arrays: dict[str, NDArray[np.generic]], message: str) -> None:
    np.savez(path, **arrays)
    with pytest.raises(FormatError, match=message) as caught:
        data.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_parts_that_do_not_belong_together_are_refused(path: Path) -> None:
    np.savez(path, x_train=GREY, y_train=LABELS, x_test=GREY[:, 1:], y_test=LABELS)
    with pytest.raises(FormatError, match=r"do not belong together: .*one shape"):
        data.load(path)
    np.savez(path, images=GREY, labels=np.arange(10))
    with pytest.raises(DataError, match="2 images of every class at least"):
        data.load(path)


def claim(path: Path, shape: tuple[int, ...], content: bytes = b"") -> None:
    """A file whose images claim a shape."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    np.savez(path, labels=LABELS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header.getvalue() + content)


@pytest.mark.parametrize(
    ("shape", "content"),
    [
        ((10**12, 28, 28), b""),
        ((2**62, 2**62), b""),
        ((10, 6, 6), bytes(359)),
        ((32, 1 << 16), bytes(32 << 16)),
    ],
)
def test_a_claim_that_the_file_cannot_hold_is_refused(
    path: Path, shape: tuple[int, ...], content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays_module, "LEAST_LARGEST", 1 << 20)
    claim(path, shape, content)
    with pytest.raises(FormatError, match=r"which its size cannot hold|damaged"):
        data.load(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\5\6" + bytes(18), b"PK\3\4" + bytes(100)])
def test_a_file_that_is_no_archive_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(FormatError, match=f"^{path}: (not a .npz file|expects arrays)"):
        data.load(path)


def outcome(path: Path) -> data.Dataset | PellucidError:
    """What loading comes to; an error begins with the path and is one line."""
    try:
        return data.load(path)
    except (FormatError, DataError) as error:
        return error


@settings(max_examples=150, deadline=None)
@given(drawn=st.data())
def test_no_damage_gives_anything_but_a_data_set_or_an_error_of_one_line(
    tmp_path_factory: pytest.TempPathFactory, drawn: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "x.npz"
    drawn.draw(st.sampled_from([np.savez, np.savez_compressed]))(path, images=GREY, labels=LABELS)
    content = bytearray(path.read_bytes())
    content = content[: drawn.draw(st.integers(1, len(content)))]
    for position in drawn.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[position] ^= drawn.draw(st.integers(1, 255))
    path.write_bytes(content)
    result = outcome(path)
    if isinstance(result, data.Dataset):
        assert len(result.train) == 8
    else:
        assert str(result).startswith(f"{path}: ")
        assert "\n" not in str(result)
