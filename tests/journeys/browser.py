"""Chromium on this machine, and a record of all that a page complains of or asks for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
INSTALL = "chromium not found: apt install chromium"


def unavailable(told: str) -> NoReturn:
    """What is missing: continuous integration must have it, elsewhere its tests are skipped."""
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        unavailable(INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


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
