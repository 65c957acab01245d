"""A download resumes, is trusted only by its checksum, and appears only when it is whole."""

from __future__ import annotations

import gzip
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from file_server import Behaviour, serve

from pellucid.download import fetch
from pellucid.errors import DownloadError

CONTENT = bytes(range(256)) * 1024
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[tuple[Behaviour, str]]:
    behaviour = Behaviour(files={"file": CONTENT})
    with serve(behaviour) as address:
        yield behaviour, f"{address}file"


Server = tuple[Behaviour, str]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    target = tmp_path / "deep" / "file"
    assert fetch(url, SHA256, target) == target
    assert target.read_bytes() == CONTENT
    assert files(target.parent) == ["file"]
    assert behaviour.requested == [None]


def test_a_file_that_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    (tmp_path / "file").write_bytes(CONTENT)
    fetch(url, SHA256.upper(), tmp_path / "file")
    assert behaviour.requested == []


def test_a_wrong_file_is_replaced(server: Server, tmp_path: Path) -> None:
    _, url = server
    (tmp_path / "file").write_bytes(CONTENT[:-1])
    fetch(url, SHA256, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_partial_file_is_continued(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    fetch(url, SHA256, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert behaviour.requested == ["bytes=1000-"]
    assert files(tmp_path) == ["file"]


def test_a_server_without_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    behaviour.ranges = False
    (tmp_path / "file.part").write_bytes(b"stale")
    fetch(url, SHA256, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert behaviour.requested == ["bytes=5-"]


def test_a_complete_partial_file_is_only_renamed(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    (tmp_path / "file.part").write_bytes(CONTENT)
    fetch(url, SHA256, tmp_path / "file")
    assert behaviour.requested == [f"bytes={len(CONTENT)}-"]
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize("stale", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)])
def test_a_partial_file_of_something_else_is_thrown_away(
    server: Server, tmp_path: Path, stale: bytes
) -> None:
    behaviour, url = server
    (tmp_path / "file.part").write_bytes(stale)
    fetch(url, SHA256, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert behaviour.requested == [f"bytes={len(stale)}-", None]


def test_a_broken_connection_is_continued(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    behaviour.break_after = 100_000
    fetch(url, SHA256, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert behaviour.requested == [None, "bytes=100000-", "bytes=200000-"]


def test_a_connection_that_brings_nothing_gives_up_and_keeps_what_came(
    server: Server, tmp_path: Path
) -> None:
    behaviour, url = server
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    behaviour.break_after = 0
    with pytest.raises(DownloadError, match="the connection broke after 1000 bytes; run again to go on"):
        fetch(url, SHA256, tmp_path / "file")
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:1000]
    behaviour.break_after = None
    fetch(url, SHA256, tmp_path / "file")
    assert behaviour.requested == ["bytes=1000-", "bytes=1000-"]


def test_another_file_than_expected_is_refused(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    behaviour.files["file"] = CONTENT[::-1]
    with pytest.raises(DownloadError, match=f"its sha256 differs from {SHA256}; get the file elsewhere"):
        fetch(url, SHA256, tmp_path / "file")
    assert files(tmp_path) == []


def test_a_part_from_elsewhere_in_the_file_is_refused(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    behaviour.shift = 1
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    with pytest.raises(DownloadError, match="another part than asked for"):
        fetch(url, SHA256, tmp_path / "file")


def test_an_error_of_the_server_says_what_to_do(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    behaviour.status = 503
    target = tmp_path / "file"
    with pytest.raises(DownloadError) as caught:
        fetch(url, SHA256, target)
    message = str(caught.value)
    assert message.startswith(f"cannot download {url}: the server answered 503 ")
    assert message.endswith(f"; run again to go on, or put the file at {target}")
    assert "\n" not in message


def test_no_server_is_named(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match="connection refused; run again"):
        fetch(f"http://127.0.0.1:{port}/file", SHA256, tmp_path / "file")


def test_a_silent_server_times_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(DownloadError, match="timed out"):
            fetch(url, SHA256, tmp_path / "file", timeout=0.05)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/file",
        "ftp://127.0.0.1/file",
        "file:///etc/passwd",
        "https:///file",
        "x",
        "http://[",
    ],
)
def test_only_https_is_used(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match="received"):
        fetch(url, SHA256, tmp_path / "file")
    assert files(tmp_path) == []


@pytest.mark.parametrize("elsewhere", ["http://example.org/file", "ftp://example.org/file"])
def test_a_redirect_away_from_https_is_not_followed(server: Server, tmp_path: Path, elsewhere: str) -> None:
    behaviour, url = server
    behaviour.redirect = elsewhere
    with pytest.raises(DownloadError):
        fetch(url, SHA256, tmp_path / "file")


def test_a_gzipped_file_is_judged_by_its_content(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    behaviour.files["file"] = gzip.compress(CONTENT, mtime=7)
    fetch(url, SHA256, tmp_path / "file", uncompressed=True)
    assert gzip.decompress((tmp_path / "file").read_bytes()) == CONTENT
    fetch(url, SHA256, tmp_path / "file", uncompressed=True)
    assert behaviour.requested == [None]


@pytest.mark.parametrize(
    "damaged", [CONTENT, gzip.compress(CONTENT)[:-9], b"\x1f\x8b\x08\x00garbage garbage"]
)
def test_a_damaged_gzipped_file_is_refused(server: Server, tmp_path: Path, damaged: bytes) -> None:
    behaviour, url = server
    behaviour.files["file"] = damaged
    with pytest.raises(DownloadError, match="its sha256 differs"):
        fetch(url, SHA256, tmp_path / "file", uncompressed=True)


def test_progress_ends_at_the_whole(server: Server, tmp_path: Path) -> None:
    _, url = server
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    seen: list[tuple[Path, int, int | None]] = []
    fetch(url, SHA256, tmp_path / "file", progress=lambda *report: seen.append(report))
    received = [count for _, count, _ in seen]
    assert received == sorted(received)
    assert received[0] > 1000
    assert seen[-1] == (tmp_path / "file", len(CONTENT), len(CONTENT))


def test_an_interrupted_download_goes_on_later(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    behaviour.files["file"] = CONTENT * 4

    def interrupt(*report: object) -> None:
        raise KeyboardInterrupt

    sha256 = hashlib.sha256(CONTENT * 4).hexdigest()
    with pytest.raises(KeyboardInterrupt):
        fetch(url, sha256, tmp_path / "file", progress=interrupt)
    kept = (tmp_path / "file.part").stat().st_size
    assert 0 < kept < len(CONTENT) * 4
    fetch(url, sha256, tmp_path / "file")
    assert behaviour.requested == [None, f"bytes={kept}-"]


def test_several_at_once_fetch_once(server: Server, tmp_path: Path) -> None:
    behaviour, url = server
    threads = [Thread(target=fetch, args=(url, SHA256, tmp_path / "file")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert behaviour.requested == [None]
    assert files(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    _, url = server
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(DownloadError, match="not a directory; run again"):
        fetch(url, SHA256, tmp_path / "taken" / "file")
