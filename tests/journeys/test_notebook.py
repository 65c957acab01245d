"""The page in a notebook's cell: the widget's own script, its frame, and a kernel in this process.

A small page takes the notebook's place: it runs the script and hands messages on, as anywidget does.
"""

from __future__ import annotations

import base64
import json
import queue
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, Route, expect

import pellucid
from journeys.browser import Watch
from pellucid.studio.opening import open_embedded
from pellucid.training.history import EpochRecord, History

ADDRESS = "http://127.0.0.1:9/"
"""Answered by the test; nothing listens there."""

NOTEBOOK = """<!doctype html><html lang="en"><title>Notebook</title><main></main><script type="module">
const letters = (bytes) => Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
const coded = (bytes) => btoa(letters(bytes));
const decoded = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
const hearers = new Set();
const model = {
  send: (message, _, buffers = []) => window.toKernel(JSON.stringify(message), buffers.map(coded)),
  on: (_, hear) => hearers.add(hear),
  off: (_, hear) => hearers.delete(hear),
};
setInterval(async () => {
  for (const [message, buffers] of await window.fromKernel()) {
    hearers.forEach((hear) => hear(JSON.parse(message), buffers.map(decoded)));
  }
}, 20);
const widget = await import("./widget.js");
widget.default.render({ model, el: document.querySelector("main") });
</script></html>"""

PATIENCE = 90_000
"""Milliseconds, for machines that do other work besides."""

Show = Callable[[Any], FrameLocator]
"""Shows a widget in a tab; gives the frame."""


@pytest.fixture
def show(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    with ExitStack() as stack:

        def shown(widget: Any) -> FrameLocator:
            told: queue.Queue[tuple[str, list[str]]] = queue.Queue()

            def send(_: Any, message: Any, buffers: list[bytes]) -> None:
                told.put((json.dumps(message), [base64.b64encode(content).decode() for content in buffers]))

            monkeypatch.setattr(type(widget), "send", send)
            context = browser.new_context(locale="en-GB", reduced_motion="reduce")
            stack.callback(context.close)
            stack.callback(widget.close)
            tab = context.new_page()
            watch = Watch(tab)
            stack.callback(lambda: check(watch))
            tab.expose_function("toKernel", lambda message, buffers: hear(widget, message, buffers))
            tab.expose_function("fromKernel", lambda: [told.get() for _ in range(told.qsize())])
            answer(tab, ADDRESS, NOTEBOOK, "text/html")
            answer(tab, f"{ADDRESS}widget.js", widget._esm, "text/javascript")
            tab.goto(ADDRESS)
            return tab.frame_locator("iframe")

        yield shown


def hear(widget: Any, message: str, buffers: list[str]) -> None:
    widget._handle_custom_msg(json.loads(message), [base64.b64decode(text) for text in buffers])


def answer(tab: Page, address: str, body: str, kind: str) -> None:
    def fulfil(route: Route) -> None:
        route.fulfill(body=body, content_type=kind)

    tab.route(address, fulfil)


def check(watch: Watch) -> None:
    assert watch.errors == []
    assert watch.hosts() == {"127.0.0.1"}


def test_a_cell_shows_the_numbers_of_the_model_in_the_kernel(show: Show) -> None:
    net = open_embedded("lenet5").model
    image = pellucid.data.load("digits").fit((1, 28, 28)).test.images[3]
    frame = show(net.explain(image))
    frame.locator('[data-node="conv1"][data-map="2"]').click()
    spoken = frame.get_by_text(re.compile(r"^conv1, channel 2: "))
    expect(spoken).to_be_visible()
    ends = [float(word.replace("−", "-")) for word in re.findall(r"[−\d.]+", spoken.inner_text())[2:]]
    values = net.trace(image[None])["conv1"][0, 2]
    assert ends == pytest.approx([float(values.min()), float(values.max())], abs=0.006)
    shown = frame.locator("header img").first
    assert shown.evaluate("image => image.naturalWidth") == 28, "pictures come through messages too"


def test_a_run_trains_in_the_cell(show: Show) -> None:
    frame = show(open_embedded("lenet5").model.explain())
    frame.locator("header select").last.select_option("training")
    frame.get_by_label("Data").select_option("digits")
    frame.locator('[data-train="open"]').click()
    frame.locator('[data-status="ready"]').wait_for()
    frame.locator('[data-train="run"]').click()
    frame.locator('[data-status="finished"][data-epoch="3"]').wait_for(timeout=PATIENCE)


def test_a_runs_curves_end_at_its_numbers(show: Show) -> None:
    epochs = tuple(EpochRecord(n, 1 / n, 1 - 0.5 / n, 2 / n, 1 - 0.75 / n, 1.0, 1000.0) for n in range(1, 6))
    frame = show(History("lenet5", "digits", epochs).show())
    expect(frame.get_by_role("img")).to_have_count(4)
    names = [frame.get_by_role("img").nth(n).get_attribute("aria-label") for n in range(4)]
    assert names == ["Loss 0.20", "Held-out loss 0.40", "Accuracy 90.0%", "Held-out accuracy 85.0%"]
    assert frame.locator("circle").count() == 4 * len(epochs)
