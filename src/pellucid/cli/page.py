"""`pellucid explain MODEL IMAGE -o page.html`: one file that shows everything, and needs no server."""

from __future__ import annotations

from pathlib import Path

from pellucid.errors import DataError
from pellucid.model import Model
from pellucid.storage import reason, write_bytes

ENDINGS = (".html", ".htm")


def write_page(network: Model, image: Path, output: Path) -> None:
    """Write what the Studio shows of an image, fitted to the network, as a page that stands alone."""
    from pellucid.studio.built_page import PAGE
    from pellucid.studio.entrance import keep_image
    from pellucid.studio.export import one_file
    from pellucid.studio.jobs import Attention
    from pellucid.studio.opening import Opened
    from pellucid.studio.studio import Studio

    studio = Studio()
    model = studio.workspace.add(Opened(network)).id
    try:
        content = image.read_bytes()
    except OSError as error:
        raise DataError(f"{image}: {reason(error)}") from None
    shown = keep_image(studio, model, image.name, content)["id"]
    write_bytes(output, one_file(studio, model, [shown], "en", PAGE, Attention()))
