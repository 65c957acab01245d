"""One server and one browser for all journeys; each test has a context of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from benchmarks.studio_browser import studio
from journeys.browser import chromium, unavailable
from journeys.page import Studio
from pellucid.studio.app import PAGE

USUAL = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "reduced_motion": "reduce"}


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="package")
def address(browser: Browser) -> Iterator[str]:
    if not (PAGE / "index.html").is_file():
        unavailable("the page is not built: run `npm ci` and `npm run build` in studio-ui")
    with studio() as server:
        yield server.address


@pytest.fixture
def new_studio(browser: Browser, address: str) -> Iterator[Callable[..., Studio]]:
    """Opens tabs; the test fails if any of them complained or asked another machine."""
    with ExitStack() as stack:
        opened: list[Studio] = []

        def make(at: str = address, **options: Any) -> Studio:
            context = browser.new_context(**USUAL | options)
            stack.callback(context.close)
            opened.append(Studio(context.new_page(), at))
            return opened[-1]

        yield make
        for one in opened:
            assert one.watch.errors == []
            assert one.watch.hosts() <= {"127.0.0.1"}


@pytest.fixture
def page(new_studio: Callable[..., Studio]) -> Studio:
    """A tab that has the Studio open."""
    return new_studio().go()
