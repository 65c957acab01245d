"""`pellucid studio`."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.cli import interrupted

if TYPE_CHECKING:
    from pellucid.studio.opening import Opened

SCREENS = {"DISPLAY", "WAYLAND_DISPLAY"}
"""Environment variables that name a screen on Linux."""

PATIENCE = 0.5
"""Seconds that an answer under way has left after Ctrl-C."""


def studio_command(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Networks of the zoo (vgg16, vgg16@imagenet, vgg16@FILE of weights), model files, or "
            "folders of training runs; two small trained networks if left out.",
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="To listen on; 8765, or a free one.")
    ] = None,
    allow_url: Annotated[
        bool, typer.Option("--allow-url", help="Let the page fetch images from the internet.")
    ] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Open networks in the browser, several to compare them. Only this machine can reach it."""
    from pellucid.studio.limits import Limits
    from pellucid.studio.opening import EMBEDDED_NAMES, open_embedded, open_source

    if models:
        openers = [partial(open_source, model, Limits()) for model in models]
    else:
        openers = [partial(open_embedded, name) for name in EMBEDDED_NAMES]
    run_studio(openers, port=port, allow_url=allow_url, browser=browser)


def run_studio(
    openers: Sequence[Callable[[], Opened]],
    *,
    port: int | None = None,
    allow_url: bool = False,
    browser: bool = True,
) -> None:
    """Show networks until Ctrl-C.

    Args:
        openers: give the networks, the one to begin with first.
        port: to listen on; the usual or a free one when left out.
        allow_url: whether the page may fetch images from the internet.
        browser: open the page where there is a screen.
    """
    from pellucid.studio.built_page import PAGE, index_of
    from pellucid.studio.server import Address, serve
    from pellucid.studio.studio import Studio

    index_of(PAGE)
    studio = Studio(allow_url=allow_url)
    studio.open(*openers)

    def ready(address: Address) -> None:
        typer.echo(f"the Studio is at {address.url}\nCtrl-C ends it")
        if browser and has_screen():
            webbrowser.open(address.url)

    try:
        serve(studio, port=port, ready=ready)
    except KeyboardInterrupt:
        if not studio.jobs.have_ended(within=PATIENCE):
            _leave()
        raise


def _leave() -> None:
    """End though threads still work, which would be waited for: nobody wants what they find any more."""
    status = interrupted()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def has_screen() -> bool:
    """Whether a browser can be opened for somebody to see.

    Elsewhere one that runs in the terminal would be opened, and hold it.
    """
    if "PELLUCID_NO_BROWSER" in os.environ:
        return False
    return not sys.platform.startswith("linux") or bool(SCREENS & set(os.environ))
