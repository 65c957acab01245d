"""A Studio and a browser that looks at it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")

INSTALL = "chromium not found: apt install chromium"

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
"""It works in a container, asks nobody for anything, and has a camera that shows a pattern."""


class NoBrowserError(Exception):
    """Chromium is not here."""


def chromium_path() -> str:
    """The installed browser.

    Raises:
        NoBrowserError: there is none.
    """
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        raise NoBrowserError(INSTALL)
    return path


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window.

    Raises:
        NoBrowserError: it is not installed.
    """
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass(frozen=True)
class Server:
    """The command `pellucid studio`, running.

    Attributes:
        address: of the page, with the token.
        process: its number.
    """

    address: str
    process: int

    def resident_bytes(self) -> int:
        """Memory that it holds."""
        lines = Path(f"/proc/{self.process}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


@contextmanager
def studio(*arguments: str) -> Iterator[Server]:
    """A Studio that is started for this and ended afterwards."""
    command = [sys.executable, "-m", "pellucid", "studio", "--no-browser", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().split()[-1], process.pid)
        finally:
            process.terminate()
            process.wait(10)
