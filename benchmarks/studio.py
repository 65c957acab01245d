"""Does the Studio keep pace with a person? Measured in Chromium, without a window, against a running server.

The peer of each case is the goal that it is held to. "first-paint" is the time from an image being handed to
the page until its overview has been painted, of images that the server has never seen; "cold" is the first
image of a model, "warm" any other. "hover" is the 95th percentile, over pointer moves from map to map, of all
work on the page's main thread until the next move, 40 ms later: handlers, style, layout, paint (words in the
footer follow only when the pointer rests). "memory" is what the server's resident memory grows by from the
100th to the 1,000th image.
"""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from benchmarks.measurement import NotMeasured, Outcome, Row, Samples
from benchmarks.studio_browser import NoBrowserError, Server, chromium, studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GOALS: Mapping[str, tuple[float, str]] = {
    "studio/first-paint-tiny-vgg": (150, "ms"),
    "studio/first-paint-vgg16": (1500, "ms"),
    "studio/hover-512-maps": (8, "ms"),
    "studio/memory-1000-images": (20, "MB"),
}
"""What a case may take."""

STUDIO_CASES = tuple(GOALS)

PATIENCE = 120_000
"""Milliseconds before the browser gives up."""

MOVES = 200

TRACED = ("devtools.timeline", "disabled-by-default-devtools.timeline")

MOVE_PAUSE = 40
"""Milliseconds between two moves: more than a frame, so that each is painted."""

PAINTED = "(count) => performance.getEntriesByName('overview-painted').length > count"

COLD = """() => {
  const asked = performance.getEntriesByType("resource").find((one) => one.name.includes("/api/overview"));
  return performance.getEntriesByName("overview-painted")[0].startTime - asked.startTime;
}"""

WAIT = """() => {
  const given = performance.getEntriesByName("image-given").at(-1).startTime;
  const painted = performance.getEntriesByName("overview-painted").at(-1).startTime;
  return painted - given;
}"""


def picture(seed: int) -> bytes:
    """A PNG that no server has seen: soft noise, about as large as a thumbnail from a camera."""
    noise = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC).save(content, "PNG")
    return content.getvalue()


def opened(browser: Browser, server: Server) -> Page:
    """A tab with the page, its first overview painted."""
    tab = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    tab.set_default_timeout(PATIENCE)
    tab.goto(server.address)
    tab.wait_for_function(PAINTED, arg=0)
    return tab


def first_paint(tab: Page, seed: int) -> float:
    """Milliseconds from handing an image over to its overview on the screen."""
    tab.get_by_role("button", name="Add an image").click()
    tab.evaluate("() => performance.clearMarks()")
    file: Any = {"name": f"{seed}.png", "mimeType": "image/png", "buffer": picture(seed)}
    tab.get_by_label("Upload").set_input_files(file)
    tab.wait_for_function(PAINTED, arg=0)
    return float(tab.evaluate(WAIT))


def _first_paints(case: str, browser: Browser, repeats: int) -> list[Outcome]:
    network = case.removeprefix("studio/first-paint-")
    with studio(*([network] if network != "tiny-vgg" else [])) as server:
        tab = opened(browser, server)
        cold = float(tab.evaluate(COLD))
        warm = [first_paint(tab, seed) for seed in range(repeats + 1)][1:]
    return [_row(case, warm), _row(f"{case}-cold", [cold], case)]


def _hovering(case: str, browser: Browser) -> list[Outcome]:
    with studio("vgg16") as server:
        tab = opened(browser, server)
        while tab.locator("[data-map]").count() < 512:
            tab.locator("button.more").first.click()
            tab.wait_for_timeout(300)
        places = _centres(tab)
        browser.start_tracing(page=tab, categories=list(TRACED))
        for x, y in places:
            tab.mouse.move(x, y)
            tab.wait_for_timeout(MOVE_PAUSE)
        steps = work_between_moves(json.loads(browser.stop_tracing())["traceEvents"])
    return [_row(case, [float(np.quantile(steps, 0.95))])]


def _centres(tab: Page) -> list[tuple[float, float]]:
    """Middles of maps in sight, in an order that jumps about."""
    found = tab.evaluate(
        """() => [...document.querySelectorAll("[data-map]")].map((map) => map.getBoundingClientRect())
          .filter((box) => box.right < innerWidth && box.bottom < innerHeight - 80 && box.top > 80)
          .map((box) => [box.x + box.width / 2, box.y + box.height / 2])"""
    )
    order = np.random.default_rng(0).integers(0, len(found), MOVES)
    return [(found[k][0], found[k][1]) for k in order]


def work_between_moves(events: Sequence[Mapping[str, Any]]) -> list[float]:
    """Milliseconds of all tasks of the page's main thread from each pointer move to the next."""
    moves = [one for one in events if one["name"] == "EventDispatch" and _type(one) == "pointermove"]
    thread = moves[0]["pid"], moves[0]["tid"]
    tasks = [
        one
        for one in events
        if one["name"] == "RunTask" and one.get("ph") == "X" and (one["pid"], one["tid"]) == thread
    ]
    starts = np.array([one["ts"] for one in moves])
    work = np.zeros(len(moves))
    for task in tasks:
        step = int(np.searchsorted(starts, task["ts"] + task["dur"])) - 1
        if step >= 0:
            work[step] += task["dur"] / 1000
    return [float(each) for each in work[:-1]]


def _type(event: Mapping[str, Any]) -> str:
    return str(event.get("args", {}).get("data", {}).get("type", ""))


def _memory(case: str) -> list[Outcome]:
    with studio() as server:
        parts = urlsplit(server.address)
        token = parse_qs(parts.query)["token"][0]

        def ask(path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
            place = f"{parts.scheme}://{parts.netloc}/api/{path}"
            asked = urllib.request.Request(place, body, {"x-token": token, "content-type": kind})
            with urllib.request.urlopen(asked, timeout=60) as answer:
                content = answer.read()
                return json.loads(content) if "json" in answer.headers["content-type"] else content

        model = ask("state")["models"][0]["id"]
        held = {}
        for number in range(1, 1001):
            image = ask(f"models/{model}/images?name={number}.png", picture(number), "image/png")["id"]
            wish = {"model": model, "image": image, "what": "activation"}
            ask("overview", json.dumps(wish).encode())
            held[number] = server.resident_bytes()
    return [_row(case, [max(held[1000] - held[100], 1) / 1e6])]


def _row(case: str, values: Sequence[float], goal_of: str = "") -> Row:
    goal, unit = GOALS[goal_of or case]
    return Row(case, Samples(tuple(values)), Samples((goal,)), "the goal", unit)


def studio_case(case: str, repeats: int) -> list[Outcome]:
    """One row, or two where the first image of a model takes longer than others."""
    if case.startswith("studio/memory"):
        return _memory(case)
    if find_spec("playwright") is None:
        return [NotMeasured(case, "playwright not found: pip install '.[benchmark]'")]
    try:
        with chromium() as browser:
            if case.startswith("studio/hover"):
                return _hovering(case, browser)
            return _first_paints(case, browser, repeats)
    except NoBrowserError as error:
        return [NotMeasured(case, str(error))]
