"""Archives of pictures are read to the end or refused; nothing leaves them, nothing large comes of them."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_cases import collection, encoded, pixels_of, tar, zip_archive, zipped_tar

from pellucid import data
from pellucid.data.pictures import listing
from pellucid.data.pictures import zip as zip_module
from pellucid.data.tar import BLOCK, open_tar, walk
from pellucid.data.wishes import OnBroken
from pellucid.errors import DataError, FormatError, PellucidError

PNG = encoded(pixels_of(0))
FILES = collection(2)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))


def members(path: Path) -> list[tuple[str, bytes]]:
    with open_tar(path) as file:
        found = []
        for member in walk(path, file):
            file.seek(member.offset)
            found.append((member.name, file.read(member.size)))
        return found


# ---- tar


LONG = "a" * 90 + "/" + "ü" * 150 + "/1.png"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_come_back_from_every_form_of_tar(tmp_path: Path, mode: str, form: int) -> None:
    files = {
        "b/empty.txt": b"",
        "b/1.png": PNG,
        "a/block": bytes(range(256)) * 2,
        "f" * 99 + "/" + "g" * 90: b"x",
    }
    if form != tarfile.USTAR_FORMAT:
        files[LONG] = b"long"
    assert members(tar(tmp_path / "x.tar", files, mode, format=form)) == list(files.items())


def test_folders_links_and_devices_have_no_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for kind in (tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo("other")
            member.type = kind
            archive.addfile(member)
        member = tarfile.TarInfo("file")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    assert members(path) == [("file", b"abc")]


def test_numbers_in_base_256_are_read(tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar", {"file": b"abc"})
    content = bytearray(path.read_bytes())
    content[124:136] = b"\x80" + (3).to_bytes(11, "big")
    header = bytes(content[:148]) + b" " * 8 + bytes(content[156:BLOCK])
    content[148:156] = f"{sum(header):06o}\0 ".encode()
    path.write_bytes(content)
    assert members(path) == [("file", b"abc")]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_later_member_takes_the_place_of_an_earlier_one(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, mode) as archive:
        for content in (b"broken", PNG):
            for name in FILES:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    assert len(data.load(path).train) == 4


def test_an_archive_without_an_end_is_truncated(tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar", FILES)
    whole = path.read_bytes()
    size = sum(BLOCK + len(content) + -len(content) % BLOCK for content in FILES.values())
    assert not any(whole[size:])
    for length in (size, size - 1, size - BLOCK, BLOCK, 700):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"truncated|claims|not a tar"):
            data.load(path)


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar", FILES)
    content = bytearray(path.read_bytes())
    second = BLOCK + len(PNG) + -len(PNG) % BLOCK
    content[second + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(FormatError, match="header's checksum or size is wrong"):
        data.load(path)


@pytest.mark.parametrize("cut", [20, 200, -9, -1])
def test_truncated_gzip_is_named(tmp_path: Path, cut: int) -> None:
    path = zipped_tar(tmp_path / "x.tar.gz", FILES)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises((FormatError, DataError), match=f"^{path}: "):
        data.load(path)


# ---- hostile archives


@pytest.mark.parametrize("write", [tar, zipped_tar, zip_archive])
@pytest.mark.parametrize("name", ["../outside/1.png", "/etc/cat/1.png", "train/../../1.png"])
def test_names_that_lead_out_are_refused(tmp_path: Path, write: Callable[..., Path], name: str) -> None:
    path = write(tmp_path / "x", FILES | {name: PNG})
    with pytest.raises(FormatError, match=f"^{path}: .* leads out of the archive"):
        data.load(path)


@pytest.mark.parametrize("write", [tar, zipped_tar, zip_archive])
def test_bottomless_folders_are_refused(tmp_path: Path, write: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match="more than 32 folders deep"):
        data.load(write(tmp_path / "x", FILES | {"a/" * 40 + "1.png": PNG}))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.GNUTYPE_SPARSE])
def test_a_picture_that_is_a_link_is_refused_in_a_tar(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("train/cat/1.png")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(FormatError, match=r"train/cat/1.png is a link or sparse"):
        data.load(path)


def test_a_picture_that_is_a_link_is_refused_in_a_zip(tmp_path: Path) -> None:
    path = zip_archive(tmp_path / "x.zip", FILES)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("train/cat/9.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(FormatError, match=r"train/cat/9.png is a link"):
        data.load(path)


def peak(act: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refused(path: Path) -> Callable[[], None]:
    def act() -> None:
        with pytest.raises((FormatError, DataError), match=f"^{path}: "):
            data.load(path)

    return act


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
@pytest.mark.parametrize("size", [1 << 28, 1 << 34])
def test_a_bomb_in_a_tar_takes_no_memory(tmp_path: Path, kind: bytes, size: int) -> None:
    member = tarfile.TarInfo("train/cat/bomb.png")
    member.type, member.size = kind, size
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)))
    assert peak(refused(path)) < 8 << 20


def test_a_bomb_in_a_zip_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_module, "LEAST_LARGEST", 1 << 24)
    path = zip_archive(tmp_path / "bomb.zip", {f"a/{number}.png": bytes(1 << 20) for number in range(30)})
    assert path.stat().st_size < 1 << 16
    assert peak(refused(path)) < 8 << 20


@pytest.mark.parametrize("write", [tar, zip_archive])
def test_too_many_files_are_refused(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_FILES", 7)
    with pytest.raises(FormatError, match="more than 7 files"):
        data.load(write(tmp_path / "x", FILES))


def test_a_table_of_files_too_large_for_a_zip_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zip_archive(tmp_path / "x.zip", FILES)
    monkeypatch.setattr(zip_module, "LARGEST_DIRECTORY", 300)
    with pytest.raises(FormatError, match="its table of files is larger than 300 bytes"):
        data.load(path)


def test_an_encrypted_picture_is_named(tmp_path: Path) -> None:
    path = zip_archive(tmp_path / "x.zip", FILES)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"x.zip/test/cat/0.png: is encrypted"):
        data.load(path)


def test_a_name_that_would_break_the_line_is_escaped(tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar", FILES | {"train/cat/\n\x1b[31m.png": b"broken"})
    with pytest.raises(FormatError, match=r"train/cat/\\n\\x1b\[31m\.png: not a picture"):
        data.load(path)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    for content in (b"", b"hello", bytes(10_000), gzip.compress(b"hello"), PNG):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"^{path}: a data set is a name or a folder of pictures"):
            data.load(path)


# ---- any damage


def outcome(path: Path, on_broken: OnBroken) -> data.Dataset | PellucidError:
    try:
        return data.load(path, on_broken=on_broken)
    except (FormatError, DataError) as error:
        return error


@pytest.mark.parametrize("write", [tar, zipped_tar, zip_archive])
@settings(max_examples=60, deadline=None)
@given(drawn=st.data())
def test_no_damage_gives_anything_but_a_data_set_or_an_error_of_one_line(
    tmp_path_factory: pytest.TempPathFactory, write: Callable[..., Path], drawn: st.DataObject
) -> None:
    path = write(tmp_path_factory.mktemp("damaged") / "x", FILES)
    content = bytearray(path.read_bytes())
    content = content[: drawn.draw(st.integers(1, len(content)))]
    for position in drawn.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[position] ^= drawn.draw(st.integers(1, 255))
    path.write_bytes(content)
    result = outcome(path, drawn.draw(st.sampled_from(["error", "skip"])))
    if isinstance(result, data.Dataset):
        assert result.train.pixels.dtype == np.uint8
    else:
        assert str(result).startswith(str(path))
        assert "\n" not in str(result)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=2000), magic=st.sampled_from([b"", b"PK\3\4", b"PK\5\6", b"\x1f\x8b\x08"]))
def test_no_bytes_are_taken_for_a_data_set(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, magic: bytes
) -> None:
    path = tmp_path_factory.mktemp("random") / "x"
    path.write_bytes(magic + content)
    with pytest.raises((FormatError, DataError), match=f"^{path}: "):
        data.load(path)
