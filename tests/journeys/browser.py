"""Chromium on this machine, and a record of all that a page complains of or asks for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

import benchmarks.studio_browser
from benchmarks.studio_browser import NoBrowserError, chromium_path


def unavailable(told: str) -> NoReturn:
    """What is missing: continuous integration must have it, elsewhere its tests are skipped."""
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser."""
    try:
        chromium_path()
    except NoBrowserError as error:
        unavailable(str(error))
    with benchmarks.studio_browser.chromium() as browser:
        yield browser


class Watch:
    """What went wrong in a tab, and where it asked for anything."""

    def __init__(self, tab: Page) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        tab.on("console", self._hear)
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("request", self._see)
        tab.on("response", self._judge)

    def _hear(self, message: ConsoleMessage) -> None:
        # Of a refused answer the address says more than the browser's line.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.errors.append(message.text)

    def _judge(self, response: Response) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {urlsplit(response.url).path}")

    def _see(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob"):
            self.requests.append(request.url)

    def expect_refusal(self, status: int) -> None:
        """Forget that the server refused something, which it must have done."""
        told = [line for line in self.errors if line.startswith(f"{status} ")]
        assert told, self.errors
        self.errors = [line for line in self.errors if line not in told]

    def hosts(self) -> set[str]:
        """Machines that were asked."""
        return {host for url in self.requests if (host := urlsplit(url).hostname)}
