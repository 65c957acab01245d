"""Images of one's own: drawn, uploaded, photographed, or from an address."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FilePayload
from sklearn.datasets import load_sample_image

from benchmarks.studio_browser import studio
from journeys.numbers import Oracle
from journeys.page import Studio


def add_image(page: Studio) -> None:
    page.tab.get_by_role("button", name="Add an image").click()


def predicted(page: Studio) -> None:
    """The percentages on screen are those of the image on the server, computed anew."""
    name = page.view["model"]
    output = Oracle.of(page, name).output()
    for percent, expected in zip(page.classes.values(), output, strict=True):
        assert percent == "<0.1%" if expected < 0.001 else abs(float(percent[:-1]) - 100 * expected) < 0.06


def draw_a_one(page: Studio) -> None:
    """One stroke down the middle, with the mouse."""
    canvas = page.tab.locator("[data-drawing]")
    box = canvas.bounding_box()
    assert box is not None
    middle, top = box["x"] + box["width"] / 2, box["y"]
    mouse = page.tab.mouse
    mouse.move(middle + 10, top + 0.2 * box["height"])
    mouse.down()
    mouse.move(middle, top + 0.5 * box["height"], steps=5)
    mouse.move(middle - 8, top + 0.8 * box["height"], steps=5)
    mouse.up()


def test_a_drawn_one_is_read_as_a_one(page: Studio) -> None:
    page.open_model("lenet5")
    before = page.classes
    assert float(before["0"].rstrip("%")) > 80
    add_image(page)
    page.tab.get_by_role("button", name="Draw", exact=True).click()
    draw_a_one(page)
    page.tab.get_by_role("button", name="Use the drawing").click()
    page.image_named("drawing.png")
    after = page.classes
    assert after != before
    assert max(after, key=lambda name: float(after[name].strip("<%"))) == "1"
    predicted(page)


def test_a_stroke_can_be_cleared(page: Studio) -> None:
    page.open_model("lenet5")
    add_image(page)
    page.tab.get_by_role("button", name="Draw", exact=True).click()
    drawing = page.tab.locator("[data-drawing]")
    empty = drawing.evaluate("(canvas) => canvas.toDataURL()")
    draw_a_one(page)
    assert drawing.evaluate("(canvas) => canvas.toDataURL()") != empty
    page.tab.get_by_role("button", name="Clear").click()
    assert drawing.evaluate("(canvas) => canvas.toDataURL()") == empty


def jpeg() -> bytes:
    content = io.BytesIO()
    Image.fromarray(load_sample_image("flower.jpg")).resize((320, 213)).save(content, "JPEG")
    return content.getvalue()


def test_an_uploaded_photograph_is_shown_and_judged(page: Studio) -> None:
    before = page.classes
    add_image(page)
    file: FilePayload = {"name": "my flower.jpg", "mimeType": "image/jpeg", "buffer": jpeg()}
    page.tab.get_by_label("Upload").set_input_files(file)
    page.image_named("my flower.jpg")
    assert page.classes != before
    predicted(page)


def test_a_file_that_is_no_image_is_refused_in_words_and_the_page_goes_on(page: Studio) -> None:
    before = page.classes
    add_image(page)
    file: FilePayload = {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture at all"}
    page.tab.get_by_label("Upload").set_input_files(file)
    assert "notes.png" in page.tab.get_by_role("alert").inner_text()
    page.watch.expect_refusal(422)
    page.tab.get_by_role("button", name="Try again").click()
    page.settled()
    assert page.classes == before


def test_the_camera_gives_an_image(page: Studio) -> None:
    add_image(page)
    page.tab.get_by_role("button", name="Camera").click()
    page.tab.wait_for_function("() => document.querySelector('video')?.videoWidth > 0")
    page.tab.get_by_role("button", name="Take the picture").click()
    page.image_named("camera.png")
    assert np.ptp(Oracle.of(page, "tiny-vgg").pixels) > 0.1
    predicted(page)


def test_an_address_is_asked_for_only_where_it_is_allowed(
    page: Studio, browser: Browser, new_studio: Callable[..., Studio]
) -> None:
    add_image(page)
    assert page.tab.get_by_label("Address of an image").count() == 0
    with studio("--allow-url") as server:
        allowed = new_studio(server.address).go()
        before = allowed.classes
        add_image(allowed)
        allowed.tab.get_by_label("Address of an image").fill("http://localhost/picture.png")
        allowed.tab.get_by_role("button", name="Load", exact=True).click()
        assert "localhost" in allowed.tab.get_by_role("alert").inner_text()
        allowed.watch.expect_refusal(403)
        allowed.tab.get_by_role("button", name="Try again").click()
        assert allowed.settled().classes == before
