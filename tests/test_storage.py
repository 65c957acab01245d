"""Files are written completely or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from pellucid.errors import DataError
from pellucid.storage import cache_folder, make_folder, write_aside, write_bytes


def test_the_bytes_arrive_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"one")
    write_bytes(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_bytes(tmp_path / "runs" / "a" / "model", b"x")
    assert (tmp_path / "runs" / "a" / "model").read_bytes() == b"x"


def test_a_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"x")
    write_bytes(tmp_path / "aside", b"x")
    assert (tmp_path / "aside").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model"
    write_bytes(path, b"old")

    def fill(file: BinaryIO) -> None:
        file.write(b"half of the new")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DataError) as caught:
        write_aside(path, fill)
    assert str(caught.value) == f"cannot write {path}: no space left on device"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model"
    write_bytes(path, b"old")

    def interrupted(file: BinaryIO) -> None:
        file.write(b"half of the new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_aside(path, interrupted)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_whole_until_the_new_one_is(tmp_path: Path) -> None:
    path = tmp_path / "model"
    write_bytes(path, b"old")
    seen: list[bytes] = []

    def write(file: BinaryIO) -> None:
        file.write(b"new")
        file.flush()
        seen.append(path.read_bytes())

    write_aside(path, write)
    assert seen == [b"old"]
    assert path.read_bytes() == b"new"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    write_bytes(tmp_path / "epoch-1", b"old")
    (tmp_path / "latest").symlink_to("epoch-1")
    write_bytes(tmp_path / "latest", b"new")
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "epoch-1").read_bytes() == b"new"


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with pytest.raises(DataError, match=f"cannot write {file}/a: {file} is in the way, and not a folder"):
        write_bytes(file / "a", b"x")
    with pytest.raises(DataError, match=f"cannot write {file}: {file} is in the way, and not a folder"):
        make_folder(file)
    with pytest.raises(DataError, match=f"cannot write {file}/a: not a directory"):
        make_folder(file / "a")


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(DataError, match="it exists and is not a regular file"):
            write_bytes(path, b"x")
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_that_can_be_written_is_returned_empty(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "runs" / "a")
    assert folder == make_folder(folder) == tmp_path / "runs" / "a"
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="permission denied"):
        make_folder(tmp_path)
    with pytest.raises(DataError, match="permission denied"):
        write_bytes(tmp_path / "a", b"x")


def test_the_cache_is_the_users_unless_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.delenv("PELLUCID_CACHE", raising=False)
    assert cache_folder() == tmp_path / "user" / "pellucid"
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / "chosen"
    assert list(tmp_path.iterdir()) == []
