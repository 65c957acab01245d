"""CIFAR-10's binary files, from a folder, from the archive, and in other forms."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from file_server import Behaviour, serve
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_cases import collection, folder, tar, zipped_tar

from pellucid import data
from pellucid.data import cifar
from pellucid.data.cifar import ARCHIVE, CLASSES, FOLDER, META, RECORD, TEST, TRAIN, Source, load_published
from pellucid.errors import DownloadError, FormatError

COUNT = 4


def records(seed: int, count: int = COUNT) -> bytes:
    """Whole records: a class, then 3,072 values."""
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 256, (count, RECORD), np.uint8)
    values[:, 0] = (seed + np.arange(count)) % 10
    return values.tobytes()


def files() -> dict[str, bytes]:
    return {name: records(number) for number, name in enumerate((*TRAIN, *TEST))}


def archived(path: Path, content: dict[str, bytes] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen = files() if content is None else content
    return zipped_tar(path, {f"{FOLDER}/{name}": bytes_ for name, bytes_ in chosen.items()})


def check(dataset: data.Dataset) -> None:
    assert dataset.class_names == CLASSES
    assert (len(dataset.train), len(dataset.test)) == (5 * COUNT, COUNT)
    third = np.frombuffer(files()[TRAIN[2]], np.uint8).reshape(COUNT, RECORD)
    np.testing.assert_array_equal(
        dataset.train.pixels[2 * COUNT : 3 * COUNT].reshape(COUNT, -1), third[:, 1:]
    )
    np.testing.assert_array_equal(dataset.train.labels[2 * COUNT : 3 * COUNT], third[:, 0])
    assert dataset.test.labels.tolist() == [5, 6, 7, 8]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """PELLUCID_DATA and the cache's folder of the data set, neither there yet."""
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data" / "cifar10", tmp_path / "cache" / "data" / "cifar10"


# ---- by path


@pytest.mark.parametrize("inner", ["", FOLDER])
def test_a_folder_of_the_binary_files_is_a_data_set(tmp_path: Path, inner: str) -> None:
    folder(tmp_path / "x" / inner, files())
    dataset = data.load(tmp_path / "x")
    assert dataset.name == str(tmp_path / "x")
    check(dataset)


def test_the_archive_is_a_data_set_too(tmp_path: Path) -> None:
    check(data.load(archived(tmp_path / ARCHIVE)))


def test_the_archive_names_the_classes(tmp_path: Path) -> None:
    names = "a b c d e f g h i j"
    path = folder(tmp_path, files() | {META: "\n".join(names.split()).encode() + b"\n\n"})
    assert data.load(path).class_names == tuple(names.split())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({TRAIN[3]: b""}, r"data_batch_4\.bin: CIFAR-10 consists of records of 3073 bytes, received 0 bytes"),
        ({TEST[0]: records(0)[:-1]}, r"test_batch\.bin: .* received 12291 bytes"),
        ({TRAIN[0]: b"\x0a" + bytes(RECORD - 1)}, r"data_batch_1\.bin: classes are 0 to 9, received 10"),
        ({META: b"cat\ncat\n"}, r"2 to 256 different classes, received 2"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, bytes], message: str) -> None:
    for path in (folder(tmp_path / "x", files() | change), archived(tmp_path / ARCHIVE, files() | change)):
        with pytest.raises(FormatError, match=message) as caught:
            data.load(path)
        assert str(caught.value).startswith(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    content = files()
    del content[TRAIN[4]]
    for path in (folder(tmp_path / "x", content), archived(tmp_path / ARCHIVE, content)):
        with pytest.raises(FormatError, match=r"no data_batch_5\.bin"):
            data.load(path)


ANY_CONTENT = (
    st.binary(max_size=9)
    | st.integers(0, 3).map(lambda count: records(7, count))
    | st.binary(min_size=RECORD, max_size=RECORD)
)


@settings(max_examples=40, deadline=None)
@given(
    content=st.binary(max_size=9)
    | st.integers(0, 3).map(lambda n: records(7, n))
    | st.binary(min_size=RECORD, max_size=RECORD),
    name=st.sampled_from((*TRAIN, *TEST)),
)
def test_no_bytes_give_anything_but_records_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    path = folder(tmp_path_factory.mktemp("damaged"), files() | {name: content})
    whole = len(content) % RECORD == 0 and content and max(content[::RECORD]) < 10
    if whole:
        assert len(data.load(path).train) >= 4 * COUNT
    else:
        with pytest.raises(FormatError, match=f"^{path}/{name}: .*"):
            data.load(path)


# ---- by name


def published(content: bytes, address: str) -> Source:
    return Source(f"{address}{ARCHIVE}", hashlib.sha256(content).hexdigest())


def test_a_missing_set_is_downloaded_once_and_kept(places: tuple[Path, Path], tmp_path: Path) -> None:
    content = archived(tmp_path / "made").read_bytes()
    behaviour = Behaviour(files={ARCHIVE: content})
    with serve(behaviour) as address:
        for _ in range(2):
            check(load_published(published(content, address)))
    assert len(behaviour.requested) == 1
    assert [path.name for path in places[1].iterdir()] == [ARCHIVE]


def test_the_users_own_archive_must_be_the_published_one(places: tuple[Path, Path]) -> None:
    path = archived(places[0] / ARCHIVE)
    check(load_published(published(path.read_bytes(), "http://localhost/")))
    with pytest.raises(FormatError, match=f"{path}: not the published file, its sha256 differs"):
        data.load("cifar10")


def test_no_server_says_what_to_do(places: tuple[Path, Path]) -> None:
    with (
        serve(Behaviour()) as address,
        pytest.raises(DownloadError, match="or set PELLUCID_DATA to a folder whose cifar10/ holds"),
    ):
        load_published(published(b"", address))


@pytest.mark.parametrize("inner", ["", FOLDER])
def test_the_users_binary_files_are_found(places: tuple[Path, Path], inner: str) -> None:
    folder(places[0] / inner, files())
    dataset = data.load("cifar10")
    assert dataset.name == "cifar10"
    check(dataset)


@pytest.mark.parametrize("form", ["folder", "tar", "tar.gz"])
def test_the_users_pictures_are_found(places: tuple[Path, Path], form: str) -> None:
    places[0].mkdir(parents=True)
    pictures = {f"cifar/{name}": content for name, content in collection(3).items()}
    if form == "folder":
        folder(places[0], pictures)
    elif form == "tar":
        tar(places[0] / "pictures.tar", pictures)
    else:
        zipped_tar(places[0] / "pictures.tar.gz", pictures)
    dataset = data.load("cifar10")
    assert dataset.name == "cifar10"
    assert (len(dataset.train), len(dataset.test)) == (6, 6)
    assert dataset.class_names == ("cat", "dog")


def test_the_published_archive_is_pinned() -> None:
    assert cifar.PUBLISHED.url.startswith("https://")
    assert len(cifar.PUBLISHED.sha256) == 64


@pytest.mark.skipif(
    not any(Path(os.environ.get("PELLUCID_DATA", "")).glob("cifar10/cifar-10-jpeg.tar.gz")),
    reason="PELLUCID_DATA has no pictures of CIFAR-10",
)
def test_cifar_10_is_cifar_10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path))
    dataset = data.load("cifar10")
    assert dataset.class_names == CLASSES
    assert dataset.train.pixels.shape == (50_000, 3, 32, 32)
    assert np.bincount(dataset.train.labels).tolist() == [5_000] * 10
    assert np.bincount(dataset.test.labels).tolist() == [1_000] * 10
    # Everyone since: mean 0.4914, 0.4822, 0.4465; the JPEG copy is 0.4731 in all.
    assert dataset.train.pixels.mean() / 255 == pytest.approx(0.4733, abs=1e-3)
