"""What the figures of the command line share: where they go, in which language, and how lengths are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.errors import DataError
from pellucid.storage import make_folder

if TYPE_CHECKING:
    from pellucid.plot import Figure

OutputOption = Annotated[
    Path, typer.Option("--output", "-o", help="File to write: .svg, .png or .pdf.", show_default=False)
]
LanguageOption = Annotated[str, typer.Option("--language", help="Of the figure's words: en or zh.")]


def check_output(output: Path) -> None:
    """Make sure that the figure can be written, before any work is done.

    Raises:
        DataError: another ending than figures have, or a folder that cannot be written to.
    """
    from pellucid.plot.canvas import check_path

    check_path(output)
    make_folder(output.parent)


def write(figure: Figure, output: Path) -> None:
    """Write a figure and say where."""
    from pellucid.plot import save

    save(figure, output)
    width, height = figure.get_size_inches()
    typer.echo(f"{output}: {width:.1f} x {height:.1f} inches")


def lengths(option: str, text: str) -> int | tuple[int, ...]:
    """A number, or one an axis, "7x5"."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        raise DataError(f"{option} takes a number or HEIGHTxWIDTH, for example 7 or 7x5, received {text!r}")
    numbers = tuple(int(part) for part in parts)
    return numbers[0] if len(numbers) == 1 else numbers
