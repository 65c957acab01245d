"""`pellucid studio`."""

from __future__ import annotations

import os
from typing import Annotated

import typer


def studio_command(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A network of the zoo (vgg16@imagenet), a model file, or the folder of a training run; two "
            "small trained networks if left out.",
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
    """Open a network in the browser. Only this machine can reach it."""
    from pellucid.studio.opening import EMBEDDED_NAMES, open_embedded, open_source
    from pellucid.studio.server import Address, serve
    from pellucid.studio.studio import Studio

    studio = Studio(allow_url=allow_url)
    if model is None:
        studio.open(*(lambda name=name: open_embedded(name) for name in EMBEDDED_NAMES))
    else:
        studio.open(lambda: open_source(model, studio.limits))

    def ready(address: Address) -> None:
        typer.echo(f"the Studio is at {address.url}\nCtrl-C ends it")
        if browser and "PELLUCID_NO_BROWSER" not in os.environ:
            open_browser(address.url)

    serve(studio, port=port, ready=ready)


def open_browser(url: str) -> None:
    """Open a page, where there is a browser; quietly nothing where there is none."""
    import webbrowser

    webbrowser.open(url)
