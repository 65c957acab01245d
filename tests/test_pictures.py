"""Picture files in folders and archives become data sets."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from picture_cases import PACKS, Pack, collection, decoded, encoded, folder, pixels_of, tar
from PIL import Image

from pellucid import data
from pellucid.data.decoding import decode, decode_same_size, without_warnings
from pellucid.data.fit import fit_pixels
from pellucid.errors import DataError, FormatError

PNG = encoded(pixels_of(0))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data" / "pictures"


@pytest.fixture(params=list(PACKS))
def pack(request: pytest.FixtureRequest) -> Pack:
    return PACKS[request.param]


# ---- arrangement


def test_folders_named_train_and_test_are_the_two_parts(tmp_path: Path, pack: Pack) -> None:
    files = collection()
    path = pack(tmp_path / "animals", files)
    for source in (path, str(path)):
        dataset = data.load(source)
        assert dataset.name == str(path)
        assert dataset.class_names == ("cat", "dog")
        assert dataset.skipped == ()
        for part, split in (("train", dataset.train), ("test", dataset.test)):
            assert split.labels.tolist() == [0] * 5 + [1] * 5
            expected = [decoded(content) for name, content in files.items() if name.startswith(part)]
            np.testing.assert_array_equal(split.pixels, expected)


@pytest.mark.parametrize("wrapper", ["", "photos/", "./", "a/b/"])
@pytest.mark.parametrize("name", ["val", "valid", "Validation", "testing"])
def test_what_is_held_out_has_many_names(tmp_path: Path, wrapper: str, name: str) -> None:
    files = {f"{wrapper}{path}": content for path, content in collection(2, ("Train", name)).items()}
    dataset = data.load(tar(tmp_path / "x.tar", files))
    assert (len(dataset.train), len(dataset.test)) == (4, 4)
    assert dataset.class_names == ("cat", "dog")


def test_where_there_is_a_test_part_the_validation_part_is_left_out(tmp_path: Path) -> None:
    files = collection(2, ("train", "val", "test"))
    dataset = data.load(folder(tmp_path / "x", files))
    expected = [decoded(content) for name, content in files.items() if name.startswith("test")]
    np.testing.assert_array_equal(dataset.test.pixels, expected)
    assert len(dataset.train) == 4


@pytest.mark.parametrize("parts", [("",), ("train",)])
def test_without_a_part_to_test_on_a_share_of_every_class_is_held_out(
    tmp_path: Path, parts: tuple[str, ...]
) -> None:
    path = folder(tmp_path / "x", collection(10, parts))
    first, again, other = (data.load(path, seed=seed, test_fraction=0.3) for seed in (1, 1, 2))
    assert np.bincount(first.test.labels).tolist() == [3, 3]
    assert np.bincount(first.train.labels).tolist() == [7, 7]
    np.testing.assert_array_equal(first.test.pixels, again.test.pixels)
    assert not np.array_equal(first.test.pixels, other.test.pixels)
    both = [*first.train.pixels, *first.test.pixels]
    assert {image.tobytes() for image in both} == {
        decoded(c).tobytes() for c in collection(10, parts).values()
    }


def test_folders_within_a_class_belong_to_it(tmp_path: Path) -> None:
    files = {f"{name}/{number}/images/{number}.png": PNG for name in ("a", "b") for number in range(5)}
    assert data.load(folder(tmp_path / "x", files)).class_names == ("a", "b")


def test_other_files_and_hidden_ones_are_passed_over(tmp_path: Path, pack: Pack) -> None:
    rubbish = {
        "README.txt": b"hello",
        "train/cat/.thumbnail.png": b"",
        "__MACOSX/train/cat/._0.png": b"second half",
        "train/.git/x.png": b"",
    }
    dataset = data.load(pack(tmp_path / "x", collection(2) | rubbish))
    assert (len(dataset.train), len(dataset.test)) == (4, 4)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"notes.txt": b""}, "holds no pictures"),
        ({"1.png": PNG, "a/2.png": PNG}, r"1\.png lies in no class"),
        ({"train/1.png": PNG, "test/a/2.png": PNG}, r"1\.png lies in no class"),
        ({"a/1.png": PNG, "a/2.png": PNG}, r"2 classes at least.*received 1 \(a\)"),
        (collection(1) | {"test/fox/1.png": PNG}, r"test/fox/1\.png is of a class that no picture to train"),
        (
            collection(1) | {"more/fox/1.png": PNG},
            "more/ is no part of it, as train/ and test/ are",
        ),
        ({"a/1.png": PNG, "b/1.png": PNG, "b/2.png": PNG}, "2 images of every class at least; class 0 has 1"),
    ],
)
def test_a_wrong_arrangement_is_named(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    path = folder(tmp_path / "x", files)
    with pytest.raises(DataError, match=message) as caught:
        data.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_folder_of_train_numbers_is_a_class_of_trains(tmp_path: Path) -> None:
    files = {f"{name}/{number}.png": PNG for name in ("bus", "train") for number in range(5)}
    assert data.load(folder(tmp_path / "x", files)).class_names == ("bus", "train")


@pytest.mark.parametrize(
    ("fraction", "message"), [(0.0, "more than 0"), (1.0, "less than 1"), (0.01, "its share")]
)
def test_a_share_that_cannot_be_is_refused(tmp_path: Path, fraction: float, message: str) -> None:
    path = folder(tmp_path / "x", collection(5, ("",)))
    with pytest.raises(DataError, match=message):
        data.load(path, test_fraction=fraction)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    path = folder(tmp_path / "x", collection(2))
    (path / "train" / "fox").symlink_to(path / "test" / "cat")
    (path / "train" / "cat" / "up").symlink_to(path)
    dataset = data.load(path)
    assert dataset.class_names == ("cat", "dog", "fox")
    assert np.bincount(dataset.train.labels).tolist() == [2, 2, 2]


# ---- shapes


def grey_and_colour(*sides: tuple[int, int], grey: int = 0) -> dict[str, bytes]:
    """train/a/0.png, train/b/1.png, ... of these heights and widths, the first few of them grey."""
    files = {}
    for number, side in enumerate(sides):
        pixels = pixels_of(number, side if number < grey else (*side, 3))
        files[f"train/{'ab'[number % 2]}/{number}.png"] = encoded(pixels)
    return files | {"test/a/0.png": files["train/a/0.png"]}


def test_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    path = folder(tmp_path / "x", grey_and_colour((4, 3), (4, 3), grey=2))
    assert data.load(path).train.pixels.shape == (2, 1, 4, 3)


@pytest.mark.parametrize("grey", [1, 2])
def test_a_colour_picture_gives_all_of_them_three(tmp_path: Path, grey: int) -> None:
    files = grey_and_colour((4, 3), (4, 3), (4, 3), grey=grey)
    dataset = data.load(folder(tmp_path / "x", files))
    assert dataset.shape == (3, 4, 3)
    first = decoded(files["train/a/0.png"])
    np.testing.assert_array_equal(dataset.train.pixels[0], np.repeat(first, 3, axis=0))


def test_pictures_of_different_sizes_need_a_shape(tmp_path: Path) -> None:
    files = grey_and_colour((4, 3), (8, 9), (5, 5))
    path = folder(tmp_path / "x", files)
    with pytest.raises(
        DataError, match=r"x/train/a/2\.png: is 5 x 5, the first.* need input_shape=\(C, H, W\)"
    ):
        data.load(path)
    dataset = data.load(path, input_shape=(3, 5, 4))
    assert dataset.shape == (3, 5, 4)
    by_name = {name: decoded(content) for name, content in files.items() if name.startswith("train")}
    for image, picture in zip(dataset.train.pixels, sorted(by_name.items()), strict=True):
        np.testing.assert_array_equal(image, fit_pixels(picture[1][None], (3, 5, 4))[0])


def test_a_shape_counts_for_every_kind_of_data_set(tmp_path: Path) -> None:
    assert data.load("digits", input_shape=(1, 10, 10)).shape == (1, 10, 10)
    path = folder(tmp_path / "x", collection(2))
    assert data.load(path, input_shape=(1, 6, 5)).shape == (1, 6, 5)
    assert data.load(path, input_shape=(90,)).shape == (90,)
    with pytest.raises(DataError, match=r"pictures become \(1, H, W\) or \(3, H, W\), received \(2, 6, 5\)"):
        data.load(path, input_shape=(2, 6, 5))


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    return np.rint(np.stack([rows, columns, 1 - rows], axis=2) * 255).astype(np.uint8)


@pytest.mark.parametrize("orientation", [None, 1, 6])
def test_a_large_jpeg_is_decoded_small_and_looks_the_same(orientation: int | None) -> None:
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    content = encoded(smooth(480, 320), "JPEG", quality=95, exif=exif)
    with without_warnings():
        whole, reduced = decode("x", content), decode("x", content, (30, 20))
    assert whole.shape == ((3, 320, 480) if orientation == 6 else (3, 480, 320))
    assert 40 <= min(reduced.shape[1:]) <= 80
    small = [fit_pixels(picture[None], (3, 30, 20)).astype(int) for picture in (whole, reduced)]
    assert np.abs(small[0] - small[1]).max() <= 4


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}])
@pytest.mark.parametrize("shape", [(17, 23, 3), (17, 23)])
def test_the_quick_way_to_decode_a_jpeg_gives_pillows_pixels(
    options: dict[str, object], shape: tuple[int, ...]
) -> None:
    content = encoded(pixels_of(3, shape), "JPEG", **options)
    np.testing.assert_array_equal(decode("x", content), decoded(content))
    pixels = np.empty((17, 23, 3), np.uint8)
    assert decode_same_size(content, pixels)
    np.testing.assert_array_equal(pixels, np.broadcast_to(decoded(content).transpose(1, 2, 0), (17, 23, 3)))


@pytest.mark.parametrize(
    "content",
    [
        encoded(pixels_of(3, (17, 22, 3)), "JPEG"),
        encoded(pixels_of(3, (17, 24, 3)), "JPEG"),
        encoded(pixels_of(3, (23, 17, 3)), "JPEG"),
        encoded(pixels_of(3, (17, 23, 3)), "JPEG")[:-200],
        encoded(pixels_of(3, (17, 23, 3)), "JPEG", exif=b"Exif\0\0"),
        encoded(pixels_of(3, (17, 23, 3))),
        b"\xff\xd8\xff",
        b"",
    ],
)
def test_the_quickest_way_is_for_jpegs_of_just_the_size(content: bytes) -> None:
    assert not decode_same_size(content, np.empty((17, 23, 3), np.uint8))


def test_a_jpeg_for_printing_is_read_by_pillow() -> None:
    printing = Image.fromarray(smooth(20, 30)).convert("CMYK")
    buffer = io.BytesIO()
    printing.save(buffer, "JPEG")
    expected = np.asarray(Image.open(buffer).convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(decode("x", buffer.getvalue()), expected)


# ---- broken pictures


BROKEN = {
    "train/cat/1.png": PNG[:60],
    "train/dog/0.png": b"not a picture",
    "train/dog/3.png": b"",
    "test/cat/0.png": PNG[:-20] + bytes(20),
}


def test_a_broken_picture_is_named_by_its_path(tmp_path: Path, pack: Pack) -> None:
    path = pack(tmp_path / "x", collection() | BROKEN)
    with pytest.raises(
        FormatError, match=f'^{path}/train/cat/1.png: .*; on_broken="skip" .--skip-broken. leaves it out'
    ) as caught:
        data.load(path)
    assert "\n" not in str(caught.value)


def test_broken_pictures_are_skipped_and_listed_if_asked(tmp_path: Path, pack: Pack) -> None:
    files = collection() | BROKEN
    path = pack(tmp_path / "x", files)
    dataset = data.load(path, on_broken="skip")
    assert [line.split(": ")[0] for line in dataset.skipped] == [
        f"{path}/{name}"
        for name in ("train/cat/1.png", "train/dog/0.png", "train/dog/3.png", "test/cat/0.png")
    ]
    good = {name: decoded(content) for name, content in sorted(files.items()) if name not in BROKEN}
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        chosen = [name for name in good if name.startswith(part)]
        np.testing.assert_array_equal(split.pixels, [good[name] for name in chosen])
        assert split.labels.tolist() == [int("dog" in name) for name in chosen]


def test_nothing_but_broken_pictures_is_an_error(tmp_path: Path) -> None:
    path = folder(tmp_path / "x", dict.fromkeys(collection(), b"\xff\xd8\xff nonsense"))
    with pytest.raises(FormatError, match="none of its 20 pictures can be read"):
        data.load(path, on_broken="skip")
    files = collection() | {name: b"" for name in collection() if name.startswith("train")}
    with pytest.raises(FormatError, match="none of the pictures to train on"):
        data.load(folder(tmp_path / "y", files), on_broken="skip")
    with pytest.raises(DataError, match='on_broken is "error" or "skip", received \'ignore\''):
        data.load(path, on_broken="ignore")


def test_a_picture_that_claims_to_be_huge_is_named(tmp_path: Path) -> None:
    huge = bytearray(encoded(pixels_of(0, (8, 8, 3)), "JPEG"))
    frame = huge.index(b"\xff\xc0")
    huge[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    path = folder(tmp_path / "x", collection() | {"train/cat/0.jpg": bytes(huge)})
    with pytest.raises(FormatError, match=r"train/cat/0.jpg: pictures have at most \d+ pixels"):
        data.load(path)


def test_a_file_that_vanishes_or_is_too_large_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path / "x", collection() | {"train/cat/7.png": PNG + bytes(400)})
    monkeypatch.setattr("pellucid.data.pictures.listing.LARGEST_FILE", 300)
    with pytest.raises(FormatError, match=r"train/cat/7.png: a picture file has at most 300 bytes"):
        data.load(path)
    pipe = tmp_path / "y" / "train" / "cat" / "pipe.png"
    folder(tmp_path / "y", collection())
    os.mkfifo(pipe)
    assert len(data.load(tmp_path / "y").train) == 10
