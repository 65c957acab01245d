"""Large sets of pictures are decoded once, on several threads, and kept until they change."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from picture_cases import PACKS, Pack, collection, encoded, folder, pixels_of

from pellucid import data
from pellucid.data import pictures
from pellucid.data.pictures import reading, workers
from pellucid.errors import FormatError

BROKEN = dict.fromkeys(("train/cat/1.png", "train/dog/0.png", "train/dog/3.png", "test/cat/0.png"), b"broken")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data" / "pictures"


@pytest.fixture(params=list(PACKS))
def pack(request: pytest.FixtureRequest) -> Pack:
    return PACKS[request.param]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small collections are treated like large ones, and many threads read them."""
    monkeypatch.setattr(pictures, "LARGE", 1)
    monkeypatch.setattr(reading, "BLOCK", 3)
    monkeypatch.setattr(workers, "BYTES_A_THREAD", 1)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few pictures are worth starting processes for."""
    monkeypatch.setattr(workers, "MANY", 1)
    monkeypatch.setattr(reading, "BLOCK", 3)
    monkeypatch.setattr(workers.os, "sched_getaffinity", lambda process: {0, 1, 2})


def test_processes_read_what_threads_read(tmp_path: Path, pack: Pack, processes: None) -> None:
    path = pack(tmp_path / "x", collection() | BROKEN)
    many = data.load(path, on_broken="skip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "MANY", 1 << 30)
        one = data.load(path, on_broken="skip")
    for split, other in ((many.train, one.train), (many.test, one.test)):
        np.testing.assert_array_equal(split.pixels, other.pixels)
        np.testing.assert_array_equal(split.labels, other.labels)
    assert many.skipped == one.skipped
    assert len(many.skipped) == 4


def test_processes_name_a_broken_picture(tmp_path: Path, processes: None) -> None:
    path = folder(tmp_path / "x", collection() | BROKEN)
    with pytest.raises(FormatError, match=f"^{path}/test/cat/0.png: |^{path}/train/.*: "):
        data.load(path)


def test_processes_find_colours_behind_grey_ones(tmp_path: Path, processes: None) -> None:
    files = collection()
    first = min(name for name in files if name.startswith("train/"))
    files[first] = encoded(pixels_of(5)[:, :, 0])
    assert data.load(folder(tmp_path / "x", files)).shape[0] == 3


def test_a_large_set_is_decoded_once(tmp_path: Path, kept: None, pack: Pack, cache: Path) -> None:
    path = pack(tmp_path / "x", collection() | BROKEN)
    first = data.load(path, on_broken="skip")
    assert [path.suffix for path in sorted(cache.iterdir())] == [".json", ".pixels"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading.Reader, "read", None)
        second = data.load(path, on_broken="skip")
    for one, other in ((first.train, second.train), (first.test, second.test)):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.labels, other.labels)
    assert (first.class_names, first.skipped) == (second.class_names, second.skipped)
    assert len(second.skipped) == 4


def test_what_changed_is_decoded_again_and_the_old_goes(
    tmp_path: Path, kept: None, pack: Pack, cache: Path
) -> None:
    path = pack(tmp_path / "x", collection())
    data.load(path)
    before = {path.name for path in cache.iterdir()}
    changed = collection() | {"train/cat/0.png": encoded(pixels_of(99))}
    pack(path, changed)
    for file in (path, *path.rglob("*")):
        os.utime(file, (1e9, 1e9))
    np.testing.assert_array_equal(data.load(path).train.pixels[0], pixels_of(99).transpose(2, 0, 1))
    after = {path.name for path in cache.iterdir()}
    assert len(after) == 2
    assert not after & before


def test_sets_of_two_shapes_are_kept_beside_each_other(tmp_path: Path, kept: None, cache: Path) -> None:
    path = folder(tmp_path / "x", collection())
    shapes = (None, (1, 4, 4), (3, 8, 8))
    for shape in shapes:
        data.load(path, input_shape=shape)
    assert len(list(cache.glob("*.pixels"))) == len(shapes)
    data.load(path, on_broken="skip")
    assert len(list(cache.glob("*.pixels"))) == len(shapes)


def test_another_wish_is_another_set(tmp_path: Path, kept: None) -> None:
    path = folder(tmp_path / "x", collection(10, ("",)))
    tests = [data.load(path, seed=seed).test for seed in (1, 2)]
    assert not np.array_equal(tests[0].pixels, tests[1].pixels)
    assert data.load(path, input_shape=(1, 4, 4)).shape == (1, 4, 4)
    assert data.load(path, test_fraction=0.5).test.labels.tolist() == [0] * 5 + [1] * 5


@pytest.mark.parametrize("damage", ["truncated", "index", "no index", "labels", "shape"])
def test_what_is_damaged_in_the_cache_is_made_again(
    tmp_path: Path, kept: None, cache: Path, damage: str
) -> None:
    path = folder(tmp_path / "x", collection())
    expected = data.load(path).train.pixels.copy()
    index, pixels = sorted(cache.iterdir())
    if damage == "truncated":
        pixels.write_bytes(b"short")
    elif damage == "index":
        index.write_text('{"rows": []}')
    elif damage in ("labels", "shape"):
        values = json.loads(index.read_text())
        values |= {"train": [0] * 99} if damage == "labels" else {"shape": [0, 0, 0]}
        index.write_text(json.dumps(values))
    else:
        index.unlink()
    np.testing.assert_array_equal(data.load(path).train.pixels, expected)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, kept: None, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("in the way")
    assert len(data.load(folder(tmp_path / "x", collection())).train) == 10


def test_an_error_leaves_nothing_in_the_cache(tmp_path: Path, kept: None, cache: Path) -> None:
    with pytest.raises(FormatError):
        data.load(folder(tmp_path / "x", collection() | BROKEN))
    assert list(cache.iterdir()) == []


def test_the_first_broken_picture_is_the_one_that_is_named(tmp_path: Path, kept: None) -> None:
    files = collection(40) | {f"train/dog/{number}.png": b"" for number in (7, 9, 30)}
    path = folder(tmp_path / "x", files)
    with pytest.raises(FormatError, match=re.escape(f"{path}/train/dog/30.png")):
        data.load(path)
