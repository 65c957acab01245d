"""`python -m benchmarks.studio_pictures FOLDER`: the Studio's views as small PNG files for the docs."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.studio_browser import chromium, studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser

COLOURS = 256
"""Of a picture: a palette makes it a third as large."""


@dataclass(frozen=True)
class View:
    """One picture.

    Attributes:
        name: of the file.
        address: what stands behind the # of the page's address.
        language: of the page.
        dark: which theme.
        width: of the window.
        train: whether a run of three epochs is shown at its end.
    """

    name: str
    address: str
    language: str = "en-GB"
    dark: bool = False
    width: int = 1280
    train: bool = False


VIEWS = (
    View("studio-overview", ""),
    View("studio-convolution", "open=conv2,3,9,12"),
    View("studio-formula", "open=conv2,3,9,12&source=1"),
    View("studio-activation", "open=relu1,1,12,8", dark=True),
    View("studio-pooling", "open=pool1,8,8,1"),
    View("studio-dense", "open=fc1,0,0,8"),
    View("studio-softmax", "open=softmax,0,0,8"),
    View("studio-backward", "backward=", dark=True),
    View("studio-attribution", "panel=attribution"),
    View("studio-training", "model=lenet5", train=True),
    View("studio-narrow", "", width=390),
    View("studio-overview-zh", "", language="zh-CN"),
    View("studio-convolution-zh", "open=conv2,3,9,12", language="zh-CN"),
    View("studio-formula-zh", "open=conv2,3,9,12&source=1", language="zh-CN"),
)


def photographed(browser: Browser, address: str, view: View) -> bytes:
    """A view as the browser draws it, when every answer is there."""
    context = browser.new_context(
        viewport={"width": view.width, "height": 760},
        color_scheme="dark" if view.dark else "light",
        locale=view.language,
        reduced_motion="reduce",
    )
    tab = context.new_page()
    tab.goto(f"{address}#{view.address or 'model=tiny-vgg'}")
    tab.locator("[data-node-canvas]").first.wait_for()
    tab.wait_for_load_state("networkidle")
    if view.train:
        tab.locator("label.panels select").select_option("training")
        tab.get_by_label("Data").select_option("digits")
        tab.locator('[data-train="open"]').click()
        tab.locator('[data-train="run"]').click()
        tab.locator('[data-status="finished"]').wait_for()
        tab.wait_for_load_state("networkidle")
    tab.wait_for_timeout(500)
    content = bytes(tab.screenshot())
    context.close()
    return content


def small(content: bytes) -> bytes:
    """The same picture with a palette."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    reduced = io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(reduced, "PNG", optimize=True)
    return reduced.getvalue()


def main(arguments: Sequence[str]) -> int:
    """Write every picture whose name contains the second argument, or all."""
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    wanted = arguments[1] if len(arguments) > 1 else ""
    with studio() as server, chromium() as browser:
        for view in VIEWS:
            if wanted in view.name:
                content = small(photographed(browser, server.address, view))
                (folder / f"{view.name}.png").write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
