"""What must not reach the Studio does not, and it goes on afterwards."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from studio_cases import HOST, TOKEN, Page, client_of, small_network, studio_of

from pellucid.studio.limits import Limits

SMALL = Limits(json=2000, image=20_000, pixels=10_000, model=50_000, parameters=100_000, images=3, models=3)


@pytest.fixture
def client() -> Iterator[TestClient]:
    """Checks after each test that the server still answers."""
    with client_of(studio_of(small_network(), limits=SMALL)) as client:
        yield client
        assert client.get("/api/state").status_code == 200
        assert Page(client).overview()[0]["classes"]


def images(client: TestClient) -> str:
    return f"/api/models/{client.get('/api/state').json()['models'][0]['id']}/images"


def picture(side: int = 20, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


# ---- who asks


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1", "127.0.0.1:9999", "localhost.evil.example:8765", ""],
)
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    found = client.get("/api/state", headers={"host": host})
    assert found.status_code == 403
    assert "host" in found.json()["error"]


@pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.1:8765", "[::1]:8765", "LOCALHOST:8765"])
def test_this_machine_has_three_names(client: TestClient, host: str) -> None:
    assert client.get("/api/state", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "https://127.0.0.1:8765", "http://127.0.0.1:8766", "http://127.0.0.1"],
)
@pytest.mark.parametrize("path", ["/api/state", "/"])
def test_a_foreign_origin_is_refused(client: TestClient, origin: str, path: str) -> None:
    assert client.get(path, headers={"origin": origin}).status_code == 403


def test_the_pages_own_origin_is_let_in(client: TestClient) -> None:
    assert client.get("/api/state", headers={"origin": f"http://{HOST}"}).status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "ü"])
def test_a_wrong_token_is_refused(client: TestClient, token: str) -> None:
    found = client.get("/api/state", headers={"x-token": token.encode()})
    assert found.status_code == 401
    assert "token" in found.json()["error"]


def test_every_question_needs_the_token(client: TestClient) -> None:
    paths = {route.path: route.methods for route in client.app.app.routes if hasattr(route, "methods")}
    asked = 0
    for path, methods in paths.items():
        for method in methods or ():
            if path.startswith("/api/"):
                found = client.request(method, path, headers={"x-token": "wrong"})
                assert found.status_code == 401, (method, path)
                asked += 1
    assert asked > 20


def test_a_token_in_the_address_reads_and_never_writes(client: TestClient) -> None:
    del client.headers["x-token"]
    assert client.get("/api/state", params={"token": TOKEN}).status_code == 200
    assert client.post("/api/overview", params={"token": TOKEN}, json={}).status_code == 401
    client.headers["x-token"] = TOKEN


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"origin": "http://evil.example"}, f"token={TOKEN}"),
        ({}, f"token={TOKEN}"),
        ({"origin": f"http://{HOST}"}, "token=wrong"),
        ({"origin": f"http://{HOST}"}, ""),
    ],
)
def test_a_foreign_websocket_is_refused(client: TestClient, headers: dict[str, str], query: str) -> None:
    del client.headers["x-token"]
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(f"ws://{HOST}/api/training?{query}", headers=headers),
    ):
        pass
    client.headers["x-token"] = TOKEN


def test_answers_forbid_frames_foreign_scripts_and_referrers(client: TestClient) -> None:
    for path in ("/api/state", "/", "/api/nothing"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "script-src 'self';" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


# ---- how much


def test_a_large_message_is_refused(client: TestClient) -> None:
    found = client.post("/api/overview", json={"model": "m" * 3000})
    assert (found.status_code, "2,000 bytes" in found.json()["error"]) == (413, True)


def test_a_body_is_counted_as_it_comes_whatever_it_claims(client: TestClient) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1000
            yield bytes(1000)

    found = client.post(images(client), content=endless())
    assert found.status_code == 413
    found = client.post("/api/models/upload", content=endless())
    assert found.status_code == 413


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that claims so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(101, 100), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    client: TestClient, width: int, height: int
) -> None:
    found = client.post(images(client), content=bomb(width, height))
    assert found.status_code == 422
    assert "at most" in found.json()["error"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        picture()[:200],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0",
    ],
    ids=["empty", "text", "truncated", "svg", "postscript"],
)
def test_what_is_no_picture_is_refused(client: TestClient, content: bytes) -> None:
    found = client.post(images(client) + "?name=it.png", content=content)
    assert found.status_code == 422
    assert found.json()["error"].startswith("it.png: ")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "WEBP"])
def test_a_picture_is_taken_and_fitted(client: TestClient, form: str) -> None:
    found = client.post(images(client) + "?name=../../etc/it%0a.png", content=picture(form=form))
    assert found.status_code == 200
    info = found.json()
    assert (info["name"], info["shape"]) == ("it.png", [3, 12, 12])
    assert client.get(f"{images(client)}/{info['id']}").content.startswith(b"\x89PNG")


def test_only_the_latest_images_are_kept(client: TestClient) -> None:
    sent = [client.post(images(client), content=picture()).json()["id"] for _ in range(5)]
    answers = [client.get(f"{images(client)}/{identity}").status_code for identity in sent]
    assert answers == [404, 404, 200, 200, 200]


# ---- models


def test_a_model_file_is_opened_and_closed(client: TestClient, tmp_path: Path) -> None:
    small_network().save(tmp_path / "mine.pellucid")
    found = client.post(
        "/api/models/upload?name=mine.pellucid", content=(tmp_path / "mine.pellucid").read_bytes()
    )
    assert found.status_code == 200, found.text
    assert client.delete(f"/api/models/{found.json()['id']}").status_code == 200
    assert client.delete(f"/api/models/{found.json()['id']}").status_code == 404


def test_an_onnx_file_is_opened(client: TestClient, tmp_path: Path) -> None:
    small_network().to_onnx(tmp_path / "mine.onnx")
    found = client.post("/api/models/upload?name=mine.onnx", content=(tmp_path / "mine.onnx").read_bytes())
    assert found.status_code == 200, found.text
    assert [node["kind"] for node in found.json()["nodes"]].count("convolution") == 2


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 415),
        (b"\x80\x04\x95K\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94", 415),
        (b"PK\x03\x04" + bytes(100), 415),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), 415),
        (b'{"modelTopology": {}}', 415),
    ],
    ids=["empty", "pickle", "zip", "hdf5", "json"],
)
def test_other_model_files_are_refused(client: TestClient, content: bytes, status: int) -> None:
    found = client.post("/api/models/upload?name=theirs.pt", content=content)
    assert found.status_code == status, found.text
    assert "theirs.pt" in found.json()["error"]


@pytest.mark.parametrize("ending", [".pellucid", ".onnx"])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_truncated_model_is_refused(client: TestClient, tmp_path: Path, ending: str, part: float) -> None:
    path = tmp_path / f"mine{ending}"
    small_network().save(path) if ending == ".pellucid" else small_network().to_onnx(path)
    content = path.read_bytes()
    found = client.post(f"/api/models/upload?name=mine{ending}", content=content[: int(len(content) * part)])
    assert found.status_code in (415, 422)
    assert str(tmp_path) not in found.text
    assert "/tmp" not in found.text


@pytest.mark.parametrize(
    "source", ["/etc/passwd", "../model.pellucid", "lenet5@/etc/passwd", "http://evil.example/x"]
)
def test_a_model_is_named_by_the_zoo_and_never_by_a_path(client: TestClient, source: str) -> None:
    found = client.post("/api/models", json={"source": source})
    assert found.status_code in (404, 422)


def test_a_network_of_too_many_parameters_is_refused_before_it_is_made(client: TestClient) -> None:
    found = client.post("/api/models", json={"source": "vgg16"})
    assert (found.status_code, "138,357,544" in found.json()["error"]) == (413, True)


def test_models_are_counted(client: TestClient) -> None:
    answers = [client.post("/api/models", json={"source": "lenet5"}).status_code for _ in range(3)]
    assert answers == [200, 200, 422]


# ---- what is no question


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[1]", "application/json", 422),
        (b'{"model": NaN}', "application/json", 400),
        (b"[" * 1500, "application/json", 400),
        (b'{"a":' + b"[" * 500 + b"]" * 500 + b"}", "application/json", 422),
        (b"model=m1", "application/x-www-form-urlencoded", 415),
        (b'{"model": "m1"}', "text/plain", 415),
        (b'{"model": 7}', "application/json", 422),
        (b"{}", "application/json", 422),
        (b'{"model": "m1", "image": "i2", "channels": 1e400}', "application/json", 422),
        (b'{"model": "m1", "image": "i2", "channels": -1}', "application/json", 422),
        (
            b'{"model": "m1", "image": "i2", "edits": [{"kind": "channel", "value": 0}]}',
            "application/json",
            422,
        ),
        (b'{"model": "m1", "image": "i2", "edits": [{"kind": "exec", "value": 0}]}', "application/json", 422),
    ],
)
def test_a_malformed_message_is_refused(client: TestClient, content: bytes, kind: str, status: int) -> None:
    found = client.post("/api/overview", content=content, headers={"content-type": kind})
    assert found.status_code == status, found.text
    assert set(found.json()) == {"error"}


@pytest.mark.parametrize(
    "path",
    ["/api/nothing", "/assets/../secret", "/assets/%2e%2e/secret", "/../secret", "/assets//etc/passwd"],
)
def test_only_the_pages_files_are_served(tmp_path: Path, path: str) -> None:
    (tmp_path / "page" / "assets").mkdir(parents=True)
    (tmp_path / "page" / "index.html").write_text("the page")
    (tmp_path / "page" / "assets" / "a.js").write_text("its script")
    (tmp_path / "page" / "secret").write_text("secret")
    with client_of(studio_of(small_network()), tmp_path / "page") as client:
        del client.headers["x-token"]  # which the page's own files do without
        assert client.get("/").text == "the page"
        assert client.get("/assets/a.js").text == "its script"
        assert client.get(path).status_code in (401, 404)


def test_a_malformed_command_is_answered_and_the_line_stays_open(client: TestClient) -> None:
    url = f"ws://{HOST}/api/training"
    with client.websocket_connect(url, headers={"origin": f"http://{HOST}"}) as socket:
        for text in ("{", "[]", '{"action": "fly"}', '{"action": "open", "model": "m99"}'):
            socket.send_text(text)
            state: dict[str, Any] = json.loads(socket.receive_text())
            assert state["status"] == "failed"
            assert state["problem"]


def test_an_image_is_not_fetched_unless_that_was_allowed(client: TestClient) -> None:
    found = client.post(f"{images(client)}/url", json={"url": "https://example.org/cat.png"})
    assert (found.status_code, "--allow-url" in found.json()["error"]) == (403, True)
