"""Data sets by name and by folder."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from file_server import Behaviour, serve
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from pellucid import data
from pellucid.data import Dataset, Split
from pellucid.data.mnist import FASHION_MNIST, FILES, MNIST, SOURCES, Source, load_published
from pellucid.errors import DataError, DownloadError, FormatError, UnknownNameError

Pixels = NDArray[np.uint8]


def random_pixels(*shape: int) -> Pixels:
    return np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)


def small(count: int = 6, shape: tuple[int, ...] = (1, 4, 4)) -> Split:
    return Split(random_pixels(count, *shape), np.arange(count, dtype=np.int64) % 3)


# ---- splits


def test_images_are_the_pixels_in_0_to_1() -> None:
    split = Split(np.array([[[[0, 51, 255]]]], np.uint8), np.array([0]))
    assert split.images.dtype == np.float32
    assert split.images.shape == (1, 1, 1, 3)
    assert split.images.ravel().tolist() == [0, pytest.approx(0.2), 1]


def test_every_pixel_value_is_read_as_the_nearest_float_to_its_255th() -> None:
    values = np.arange(256, dtype=np.uint8)
    split = Split(values.reshape(1, 256), np.array([0]))
    np.testing.assert_array_max_ulp(split.images[0], (values / 255).astype(np.float32), maxulp=1)
    assert split.images.max() == 1


@pytest.mark.parametrize("indices", [[4, 0], np.array([4, 0]), np.arange(6) % 4 == 0])
def test_a_subset_has_its_images_and_labels(indices: object) -> None:
    split = small()
    subset = split.subset(indices)
    assert len(split) == 6
    assert len(subset) == 2
    expected = np.flatnonzero(indices) if np.asarray(indices).dtype == bool else indices
    np.testing.assert_array_equal(subset.pixels, split.pixels[expected])
    np.testing.assert_array_equal(subset.labels, split.labels[expected])


def test_a_subset_outside_the_split_is_refused() -> None:
    with pytest.raises(DataError, match="a subset of 6 images: index 6"):
        small().subset([6])


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (np.zeros((2, 1, 4, 4), np.float32), np.zeros(2, np.int64), "pixels are uint8"),
        (np.zeros(2, np.uint8), np.zeros(2, np.int64), "pixels are uint8"),
        (np.zeros((2, 16), np.uint8), np.zeros(2, np.int32), "labels are int64"),
        (np.zeros((2, 16), np.uint8), np.zeros((2, 1), np.int64), "labels are int64"),
        (np.zeros((2, 16), np.uint8), np.zeros(3, np.int64), "received 2 images and 3 labels"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(
    pixels: Pixels, labels: NDArray[np.int64], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Split(pixels, labels)


def test_a_data_set_has_one_shape_and_names_for_its_labels() -> None:
    with pytest.raises(DataError, match=r"one shape, received \(1, 4, 4\) and \(1, 4, 5\)"):
        Dataset("x", small(), small(shape=(1, 4, 5)), ("a", "b", "c"))
    with pytest.raises(DataError, match="labels are 0 to 1, received 0 to 2"):
        Dataset("x", small(), small(), ("a", "b"))


def test_a_data_set_is_fitted_in_both_parts_and_names_itself_in_errors() -> None:
    dataset = Dataset("things", small(), small(4), ("a", "b", "c"))
    fitted = dataset.fit((3, 5, 5))
    assert fitted.shape == (3, 5, 5)
    assert fitted.test.pixels.shape == (4, 3, 5, 5)
    assert fitted.class_names == dataset.class_names
    np.testing.assert_array_equal(fitted.train.labels, dataset.train.labels)
    assert dataset.fit(dataset.shape) is dataset
    with pytest.raises(DataError, match="things: a network of vectors expects 5"):
        dataset.fit((5,))


def test_a_stratified_part_has_its_share_of_every_class() -> None:
    labels = np.repeat([0, 1, 2], [10, 20, 40])
    split = Split(np.arange(70, dtype=np.uint8)[:, None], labels)
    rest, part = split.stratified(0.3, seed=1)
    assert np.bincount(part.labels).tolist() == [3, 6, 12]
    assert sorted([*rest.pixels[:, 0], *part.pixels[:, 0]]) == list(range(70))
    for one in (rest, part):
        np.testing.assert_array_equal(one.labels, labels[one.pixels[:, 0]])
    np.testing.assert_array_equal(split.stratified(0.3, seed=1)[1].pixels, part.pixels)
    assert not np.array_equal(split.stratified(0.3, seed=2)[1].pixels, part.pixels)


def test_statistics_are_those_of_each_channel() -> None:
    split = Split(random_pixels(5_000, 3, 2, 3), np.zeros(5_000, np.int64))
    mean, deviation = split.statistics()
    images = split.pixels / 255
    np.testing.assert_allclose(mean, images.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(deviation, images.std(axis=(0, 2, 3)))
    assert split.subset(np.arange(0)).statistics() == ((0,) * 3, (0,) * 3)


def test_a_validation_part_takes_the_place_of_the_test() -> None:
    digits = data.load("digits")
    validated = digits.with_validation(0.1, seed=5)
    rest, part = digits.train.stratified(0.1, 5)
    np.testing.assert_array_equal(validated.train.pixels, rest.pixels)
    np.testing.assert_array_equal(validated.test.pixels, part.pixels)
    assert validated.class_names == digits.class_names
    with pytest.raises(DataError, match="digits: the part that is held out"):
        digits.with_validation(0)


@pytest.mark.parametrize(
    ("labels", "fraction", "message"),
    [
        ([0, 0, 1], 0.5, "2 images of every class at least; class 1 has 1"),
        ([], 0.5, "there are none"),
        ([0, 0, 1, 1], 0.1, "cannot give every one of 2 classes its share"),
        ([0, 0, 1, 1], 1.5, "more than 0 and less than 1, received 1.5"),
    ],
)
def test_a_part_that_cannot_be_is_refused(labels: list[int], fraction: float, message: str) -> None:
    split = Split(np.zeros((len(labels), 1), np.uint8), np.array(labels, np.int64))
    with pytest.raises(DataError, match=message):
        split.stratified(fraction)


# ---- digits


def test_digits_are_scikit_learns() -> None:
    digits = data.load("digits")
    assert digits.shape == (1, 8, 8)
    assert (len(digits.train), len(digits.test)) == (1437, 360)
    assert digits.class_names == tuple("0123456789")
    pictures, classes = load_digits(return_X_y=True)
    expected = {
        (*np.rint(picture * 255 / 16).astype(int), digit)
        for picture, digit in zip(pictures, classes, strict=True)
    }
    received = {
        (*image.ravel().astype(int), label)
        for split in (digits.train, digits.test)
        for image, label in zip(split.pixels, split.labels, strict=True)
    }
    assert received == expected


def test_the_split_of_digits_is_drawn_by_seed_and_stratified() -> None:
    first, again, other = (
        data.load("digits", seed=3),
        data.load("digits", seed=3),
        data.load("digits", seed=4),
    )
    np.testing.assert_array_equal(first.test.pixels, again.test.pixels)
    assert not np.array_equal(first.test.pixels, other.test.pixels)
    for dataset in (first, other):
        train, test = (np.bincount(split.labels, minlength=10) for split in (dataset.train, dataset.test))
        assert np.abs(test - 0.2 * (train + test)).max() < 1


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(DataError, match=f"less than 2\\^32, received {seed}"):
        data.load("digits", seed=seed)


# ---- names and folders


def test_names_are_those_that_load() -> None:
    assert data.names() == ("cifar10", "digits", "fashion-mnist", "mnist")
    assert set(SOURCES) == set(data.names()) - {"cifar10", "digits"}


def test_an_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown data set 'minst'; did you mean mnist"):
        data.load("minst")
    with pytest.raises(DataError, match="no such file or folder"):
        data.load(tmp_path / "missing")
    with pytest.raises(DataError, match="no such file or folder"):
        data.load(f"{tmp_path}/missing")
    with pytest.raises(DataError, match="file name too long"):
        data.load("x" * 5000)


def idx(values: Pixels) -> bytes:
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def contents(train: int = 6, test: int = 3) -> dict[str, bytes]:
    arrays = [
        random_pixels(train, 5, 4),
        np.arange(train) % 3,
        random_pixels(test, 5, 4),
        np.arange(test) % 3,
    ]
    return {name: idx(array.astype(np.uint8)) for name, array in zip(FILES, arrays, strict=True)}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def zipped(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


@pytest.mark.parametrize("pack", [dict, zipped])
def test_a_folder_of_idx_files_is_a_data_set(tmp_path: Path, pack: object) -> None:
    folder = write(tmp_path, pack(contents()))
    for source in (folder, str(folder)):
        dataset = data.load(source)
        assert dataset.name == str(folder)
        assert dataset.shape == (1, 5, 4)
        assert dataset.class_names == ("0", "1", "2")
        np.testing.assert_array_equal(dataset.train.pixels, random_pixels(6, 5, 4)[:, None])
        assert dataset.test.labels.tolist() == [0, 1, 2]


def test_a_folder_without_the_files_says_which(tmp_path: Path) -> None:
    files = contents()
    del files["t10k-labels-idx1-ubyte"]
    with pytest.raises(DataError, match=r"expects the IDX files train-images.*; no t10k-labels-idx1-ubyte"):
        data.load(write(tmp_path, files))
    with pytest.raises(DataError, match="a data set is a name or a folder of pictures"):
        data.load(tmp_path / "train-images-idx3-ubyte")


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    files = contents() | {"train-labels-idx1-ubyte": idx(np.zeros(5, np.uint8))}
    with pytest.raises(FormatError, match=r"do not belong together: .* 6 images and 5 labels"):
        data.load(write(tmp_path, files))


# ---- published sets


def source_at(*mirrors: str) -> Source:
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in contents().items()}
    return Source("mnist", mirrors, sha256, ("a", "b", "c"))


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """PELLUCID_DATA and the cache's folder of the data set, neither there yet."""
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data" / "mnist", tmp_path / "cache" / "data" / "mnist"


def test_a_missing_set_is_downloaded_once_and_kept(places: tuple[Path, Path]) -> None:
    behaviour = Behaviour(files=zipped(contents()))
    seen: set[str] = set()
    with serve(behaviour) as address:
        for _ in range(2):
            dataset = load_published(source_at(address), lambda path, *_: seen.add(path.name))
            np.testing.assert_array_equal(dataset.train.pixels, random_pixels(6, 5, 4)[:, None])
    assert len(behaviour.requested) == 4
    assert seen == {f"{name}.gz" for name in FILES}
    assert sorted(path.name for path in places[1].iterdir()) == sorted(seen)


def test_the_users_folder_comes_before_the_cache_and_the_cache_before_the_network(
    places: tuple[Path, Path],
) -> None:
    files = contents()
    first, *rest = files
    write(places[0], {first: files[first]})
    write(places[1], {first: b"never read", **zipped({name: files[name] for name in rest})})
    dataset = load_published(source_at())
    assert dataset.class_names == ("a", "b", "c")
    assert len(dataset.test) == 3


def test_a_wrong_file_of_the_users_is_an_error(places: tuple[Path, Path]) -> None:
    write(places[0], contents(train=7))
    with pytest.raises(FormatError, match=f"{places[0]}/train-images-idx3-ubyte: not the published file"):
        load_published(source_at())


@pytest.mark.parametrize("damaged", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"])
def test_a_wrong_file_in_the_cache_is_downloaded_again(places: tuple[Path, Path], damaged: str) -> None:
    write(places[1], zipped(contents()) | {damaged: b"damaged"})
    if not damaged.endswith(".gz"):
        (places[1] / f"{damaged}.gz").unlink()
    behaviour = Behaviour(files=zipped(contents()))
    with serve(behaviour) as address:
        for _ in range(2):
            assert len(load_published(source_at(address)).train) == 6
    assert len(behaviour.requested) == 1


def test_the_next_mirror_helps_out(places: tuple[Path, Path]) -> None:
    empty, full = Behaviour(), Behaviour(files=zipped(contents()))
    with serve(empty) as first, serve(full) as second:
        assert len(load_published(source_at(first, second)).train) == 6
    assert (len(empty.requested), len(full.requested)) == (4, 4)


def test_no_mirror_says_where_to_put_the_file(places: tuple[Path, Path]) -> None:
    with (
        serve(Behaviour()) as address,
        pytest.raises(DownloadError, match="or set PELLUCID_DATA to a folder that holds mnist/train-images"),
    ):
        load_published(source_at(address))


def test_the_published_sets_are_complete() -> None:
    for source in (MNIST, FASHION_MNIST):
        assert source.sha256.keys() == FILES.keys()
        assert len(source.class_names) == 10
        assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in source.mirrors)


@pytest.mark.skipif(
    not any(Path(os.environ.get("PELLUCID_DATA", "")).glob("mnist/train-images-idx3-ubyte*")),
    reason="PELLUCID_DATA has no MNIST",
)
def test_mnist_is_mnist() -> None:
    mnist = data.load("mnist")
    assert mnist.train.pixels.shape == (60_000, 1, 28, 28)
    assert mnist.test.pixels.shape == (10_000, 1, 28, 28)
    assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(mnist.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # LeCun et al. and everyone since: mean 0.1307, standard deviation 0.3081.
    assert mnist.train.pixels.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert mnist.train.pixels.std() / 255 == pytest.approx(0.3081, abs=5e-5)
