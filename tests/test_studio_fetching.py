"""Images come from the internet only, whatever a name or a redirection says."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image
from studio_cases import Page, client_of, small_network, studio_of

from pellucid.studio import fetching
from pellucid.studio.fetching import fetch, is_public
from pellucid.studio.refusals import RefusedError


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "8.8.8.8"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_others_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x.png",
        "http://localhost/x.png",
        "http://2130706433/x.png",
        "http://0x7f.1/x.png",
        "http://[::1]/x.png",
        "http://[::ffff:127.0.0.1]/x.png",
        "http://169.254.169.254/latest/meta-data",
        "http://example.org:22/x.png",
        "http://me@example.org/x.png",
    ],
)
def test_this_machine_and_its_network_are_refused(url: str) -> None:
    with pytest.raises(RefusedError) as refused:
        fetch(url, 1000)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.org/x", "gopher://x", "x.png", "http://", "http://[", ""],
)
def test_only_web_addresses_are_taken(url: str) -> None:
    with pytest.raises(RefusedError, match=r"fetched by http|no address"):
        fetch(url, 1000)


def test_one_private_address_among_many_is_enough() -> None:
    with pytest.raises(RefusedError, match="private"):
        fetch("http://two.example/x.png", 1000, resolving=lambda host, port: ["93.184.216.34", "10.0.0.1"])


class Answers(BaseHTTPRequestHandler):
    """A host with a picture, a long file and redirections."""

    def do_GET(self) -> None:
        buffer = io.BytesIO()
        Image.new("RGB", (12, 12), (255, 0, 0)).save(buffer, "PNG")
        moved = {"/away": "http://inside.example/secret", "/here": "/red.png", "/round": "/round"}
        self.send_response(302 if self.path in moved else 200 if self.path != "/gone" else 404)
        if self.path in moved:
            self.send_header("Location", moved[self.path])
        self.end_headers()
        self.wfile.write(bytes(100_000) if self.path == "/long" else buffer.getvalue())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A host that stands for the internet. Yields the addresses that were connected to."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        connected: list[str] = []

        def to_server(address: tuple[str, int], timeout: float) -> socket.socket:
            connected.append(address[0])
            made = socket.socket()
            made.settimeout(timeout)
            made.connect(server.server_address[:2])
            return made

        def lookup(host: str, port: int, type: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
            address = "10.0.0.1" if host == "inside.example" else "93.184.216.34"
            return [(socket.AF_INET, type, 0, "", (address, port))]

        monkeypatch.setattr(fetching.socket, "create_connection", to_server)
        monkeypatch.setattr(fetching.socket, "getaddrinfo", lookup)
        yield connected
        server.shutdown()
        thread.join()


def test_a_picture_is_fetched_from_the_address_that_was_looked_at(internet: list[str]) -> None:
    studio = studio_of(small_network(), allow_url=True)
    with client_of(studio) as client:
        page = Page(client)
        path = f"/api/models/{page.model['id']}/images/url"
        found = client.post(path, json={"url": "http://pictures.example/here"})
        assert found.status_code == 200, found.text
        assert (found.json()["name"], found.json()["shape"]) == ("here", [3, 12, 12])
    assert internet == ["93.184.216.34", "93.184.216.34"]


def test_a_redirection_to_a_private_address_is_refused(internet: list[str]) -> None:
    with pytest.raises(RefusedError, match=r"inside\.example: lies within a private network"):
        fetch("http://pictures.example/away", 100_000)
    assert internet == ["93.184.216.34"]


@pytest.mark.parametrize(
    ("path", "words"), [("long", "at most 1,000 bytes"), ("round", "redirected"), ("gone", "answers 404")]
)
def test_what_cannot_be_had_says_why(internet: list[str], path: str, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        fetch(f"http://pictures.example/{path}", 1000)
