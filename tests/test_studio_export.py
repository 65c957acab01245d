"""The page that stands alone carries what the server would answer."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_cases import Run
from studio_cases import Page, client_of, embedded, floats, maps_of, parted, studio_of

from pellucid import explain
from pellucid.data.dataset import TO_UNIT
from pellucid.data.images import read_pixels
from pellucid.studio import built_page
from pellucid.studio.presets import presets

INDEX = """<!doctype html><html><head>
<script type="module" crossorigin src="./assets/index-a1.js"></script>
<link rel="stylesheet" crossorigin href="./assets/index-b2.css">
</head><body><div id="page"></div>
  </body></html>"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page like those that Vite builds."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "index-a1.js").write_text('const end = "</script>"; const group = "\\\\1 \\\\g<0>";')
    (folder / "assets" / "index-b2.css").write_text("body { color: black }")
    return folder


@pytest.fixture(scope="module")
def exported(built: Path) -> Iterator[tuple[Page, str]]:
    with client_of(studio_of(embedded("tiny-vgg")), built) as client:
        page = Page(client)
        page.images = page.images[:5]
        images = [image["id"] for image in page.images]
        wish = {"model": page.model["id"], "images": images, "language": "zh"}
        yield page, client.post("/api/export", json=wish).text


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="pellucid-data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def test_nothing_is_left_to_fetch(exported: tuple[Page, str]) -> None:
    _, text = exported
    assert not re.search(r'\s(src|href)="(?!data:)', text)
    assert 'const end = "<\\/script>"; const group = "\\\\1 \\\\g<0>";' in text
    assert "<style>body { color: black }</style>" in text


def test_five_images_of_the_embedded_network_take_less_than_3_megabytes(exported: tuple[Page, str]) -> None:
    assert len(exported[1].encode()) < 3_000_000 - 300_000  # which leaves room for the page itself


def test_values_and_maps_are_the_networks(exported: tuple[Page, str]) -> None:
    page, text = exported
    data, model = data_of(text), embedded("tiny-vgg")
    assert data["language"] == "zh"
    for image, picture in zip(page.images, presets(model), strict=False):
        head, payload = parted(unpacked(data["atlases"][image["id"]]))
        trace = model.trace(picture.pixels[None].astype(np.float32) * TO_UNIT)
        for node in head["nodes"]:
            exact = floats(unpacked(data["values"][f"{head['trace']} {node['node']}"]))
            assert np.array_equal(exact, trace[node["node"]][0])
            shown = maps_of(node, payload)
            assert np.abs(shown - exact.reshape(shown.shape)).max() <= np.ptp(exact) / 255 / 2 + 1e-5
    for name, array in model.parameters.items():
        assert np.array_equal(floats(unpacked(data["parameters"][name])), array)


def test_sums_that_the_page_does_not_form_are_the_librarys(exported: tuple[Page, str]) -> None:
    page, text = exported
    data, model = data_of(text), embedded("tiny-vgg")
    trace = parted(unpacked(data["atlases"][page.images[0]["id"]]))[0]["trace"]
    image = presets(model)[0].pixels.astype(np.float32) * TO_UNIT
    for number in range(10):
        key = f'arithmetic {{"at":[{number}],"limit":12,"node":"softmax","trace":"{trace}"}}'
        found = json.loads(unpacked(data["answers"][key]))
        assert found["text"] == str(explain.arithmetic(model, image, "softmax", (number,)))


def test_a_name_cannot_break_out_of_the_data(built: Path) -> None:
    model = embedded("tiny-vgg")
    model.name = "</script><script>alert(1)</script>"
    with client_of(studio_of(model), built) as client:
        page = Page(client)
        wish = {"model": page.model["id"], "images": [page.images[0]["id"]], "language": "en"}
        text = client.post("/api/export", json=wish).text
    assert "<script>alert" not in text
    assert data_of(text)["state"]["models"][0]["name"] == model.name


@pytest.mark.parametrize(
    ("change", "status"), [({"language": "fr"}, 422), ({"images": []}, 422), ({"images": ["i99"]}, 404)]
)
def test_what_cannot_be_exported_says_why(
    exported: tuple[Page, str], change: dict[str, object], status: int
) -> None:
    page, _ = exported
    wish = {"model": page.model["id"], "images": [page.images[0]["id"]], "language": "en", **change}
    assert page.refused("export", **wish)[0] == status


def test_without_a_built_page_the_export_says_how_to_get_it() -> None:
    with client_of(studio_of(embedded("lenet5"))) as client:
        page = Page(client)
        wish = {"model": page.model["id"], "images": [page.images[0]["id"]], "language": "en"}
        status, text = page.refused("export", **wish)
    assert (status, "install pellucid again" in text) == (422, True)


def test_the_command_writes_a_page(
    pellucid_command: Run, built: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(built_page, "PAGE", built)
    embedded("lenet5").save(tmp_path / "net.pellucid")
    with client_of(studio_of(embedded("lenet5"))) as client:
        page = Page(client)
        content = client.get(f"/api/models/{page.model['id']}/images/{page.images[3]['id']}").content
    (tmp_path / "digit.png").write_bytes(content)
    status, output, _ = pellucid_command("explain", "net.pellucid", "digit.png", "-o", "page.html")
    assert (status, output) == (0, "wrote page.html\n")
    data = data_of((tmp_path / "page.html").read_text())
    shown = next(image for image in data["state"]["images"].values())
    assert [image["name"] for image in shown] == ["digit.png"]
    head, _ = parted(unpacked(data["atlases"][shown[0]["id"]]))
    pixels = read_pixels("digit.png", content, (1, 28, 28))
    expected = embedded("lenet5").predict(pixels[None].astype(np.float32) * TO_UNIT)[0]
    assert head["classes"][0]["number"] == int(expected.argmax())


def test_a_missing_picture_is_named(pellucid_command: Run) -> None:
    status, _, error = pellucid_command("explain", "lenet5", "none.png", "-o", "page.html")
    assert (status, "none.png" in error) == (2, True)


def test_a_page_stands_alone_on_the_command_line(pellucid_command: Run) -> None:
    status, _, error = pellucid_command(
        "explain", "lenet5", "x.png", "-o", "page.html", "--method", "saliency"
    )
    assert (status, "stands alone" in error) == (2, True)
