"""IDX files are read exactly or refused."""

from __future__ import annotations

import gzip
import hashlib
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pellucid import data
from pellucid.data.idx import LARGEST, read_idx
from pellucid.data.mnist import FILES
from pellucid.errors import FormatError

IMAGES = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
LABELS = np.array([0, 1, 2, 1, 0], np.uint8)


def idx(values: NDArray[np.uint8]) -> bytes:
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def claim(*shape: int) -> bytes:
    return bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "values"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("values", [IMAGES, LABELS], ids=["images", "labels"])
def test_values_come_back(file: Path, values: NDArray[np.uint8], pack: object) -> None:
    file.write_bytes(pack(idx(values)))
    read = read_idx(file, values.ndim)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, values)


def test_a_gzipped_file_in_several_members_is_one_file(file: Path) -> None:
    content = idx(IMAGES)
    file.write_bytes(gzip.compress(content[:20]) + gzip.compress(content[20:]))
    np.testing.assert_array_equal(read_idx(file, 3), IMAGES)


def test_the_checksum_is_that_of_the_uncompressed_file(file: Path) -> None:
    sha256 = hashlib.sha256(idx(IMAGES)).hexdigest()
    file.write_bytes(gzip.compress(idx(IMAGES)))
    np.testing.assert_array_equal(read_idx(file, 3, sha256=sha256), IMAGES)
    file.write_bytes(gzip.compress(idx(IMAGES[::-1])))
    with pytest.raises(FormatError, match="not the published file"):
        read_idx(file, 3, sha256=sha256)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "received nothing"),
        (b"\0\0", "received 0000"),
        (idx(LABELS), "3 dimension.* begins with 00000803, received 00000801"),
        (b"\0\0\x0d\3" + idx(IMAGES)[4:], "received 00000d03"),
        (idx(IMAGES)[:15], "truncated in its header"),
        (idx(IMAGES)[:-1], r"truncated, 60 values of \(5, 4, 3\) expected and 59 there|size cannot hold"),
        (idx(IMAGES) + b"\0", "goes on after the 60 values"),
        (claim(0, 28, 28), r"its header claims \(0, 28, 28\)"),
        (claim(60_000, 28, 28), "which its size cannot hold"),
        (claim(2**32 - 1, 2**32 - 1, 2**32 - 1), "which its size cannot hold"),
    ],
)
def test_what_is_wrong_is_named(file: Path, content: bytes, message: str, pack: object) -> None:
    file.write_bytes(pack(content))
    with pytest.raises(FormatError, match=message) as caught:
        read_idx(file, 3)
    assert str(caught.value).startswith(f"{file}: ")


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[:30], lambda b: b[:-8] + bytes(8)])
def test_corrupt_gzip_is_named(file: Path, damage: object) -> None:
    file.write_bytes(damage(gzip.compress(idx(IMAGES))))
    with pytest.raises(FormatError, match="the gzip data are truncated or corrupt"):
        read_idx(file, 3)


def test_what_is_not_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is a directory"):
        read_idx(tmp_path, 3)
    with pytest.raises(FormatError, match="no such file"):
        read_idx(tmp_path / "missing", 3)
    if Path("/dev/zero").exists():
        with pytest.raises(FormatError, match="regular file"):
            read_idx("/dev/zero", 3)


@pytest.mark.parametrize("content", [claim(1, 1, LARGEST), claim(1, 1000, 1000) + bytes(10**8)])
def test_a_hostile_file_takes_no_memory(file: Path, content: bytes) -> None:
    """A header that lies, and a gzip bomb that goes on for a hundred times what its header says."""
    file.write_bytes(gzip.compress(content, 1))
    tracemalloc.start()
    with pytest.raises(FormatError):
        read_idx(file, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


def test_a_file_larger_than_any_data_set_is_refused_unread(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.write(claim(2, 1, LARGEST))
        sparse.truncate(2 * LARGEST + 16)
    with pytest.raises(FormatError, match="cannot hold"):
        read_idx(file, 3)


@given(drawn=st.data())
def test_no_damage_gives_anything_but_a_data_set_or_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, drawn: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    victim = drawn.draw(st.sampled_from(sorted(FILES)))
    for name, dimensions in FILES.items():
        content = idx(IMAGES if dimensions == 3 else LABELS)
        zipped = drawn.draw(st.booleans())
        content = gzip.compress(content, mtime=0) if zipped else content
        if name == victim:
            damaged = bytearray(content[: drawn.draw(st.integers(0, len(content)))] or content)
            for position in drawn.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=4)):
                damaged[position] ^= drawn.draw(st.integers(1, 255))
            content = bytes(damaged)
        (folder / f"{name}{'.gz' * zipped}").write_bytes(content)
    result = outcome(folder)
    if isinstance(result, FormatError):
        assert str(folder) in str(result)
        assert "\n" not in str(result)
    else:
        assert result.shape == (1, 4, 3)
        assert len(result.train) == len(result.test) == 5


def outcome(folder: Path) -> data.Dataset | FormatError:
    try:
        return data.load(folder)
    except FormatError as error:
        return error
