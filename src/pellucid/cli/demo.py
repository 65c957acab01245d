"""`pellucid demo`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pellucid import data, zoo
from pellucid.cli.common import EngineOption, ThreadsOption, choose_engine, console
from pellucid.cli.predict import guesses
from pellucid.cli.studio import has_screen, run_studio
from pellucid.data import Dataset
from pellucid.engines.engine import Array
from pellucid.formats import load
from pellucid.model import Model
from pellucid.storage import make_folder
from pellucid.summary import summary_table
from pellucid.training import train

NETWORK, SHOWN = "lenet5", 5
SHADES = {True: " ░▒▓█", False: " .:*#"}
"""From black to white, by whether the output can show block characters; one pixel is two of them wide."""


def demo_command(
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Passes over the digits.")] = 20,
    output: Annotated[Path, typer.Option("--output", help="The model's file; replaced if it exists.")] = Path(
        "runs/demo/model.pellucid"
    ),
    engine: EngineOption = None,
    threads: ThreadsOption = None,
    studio: Annotated[
        bool, typer.Option("--studio/--no-studio", help="Open the Studio in the browser at the end.")
    ] = True,
) -> None:
    """Train LeNet-5 on the bundled digits, show it at work, and open the Studio on it."""
    make_folder(output.parent)
    dataset = data.load("digits")
    model = zoo.create(NETWORK, engine=choose_engine(engine, threads))
    console().print(summary_table(model))
    typer.echo(
        f"training {NETWORK} on {len(dataset.train):,} handwritten digits; {len(dataset.test):,} are held out"
    )
    history = train(model, dataset, epochs=epochs)
    model.save(output)
    last = history.epochs[-1]
    typer.echo(
        f"accuracy {last.test_accuracy:.2%} on the {len(dataset.test):,} held-out digits "
        f"after {history.seconds:.1f} s of training\n"
    )
    typer.echo(gallery(model, dataset, SHOWN))
    typer.echo(f"\nmodel in {output}; what to type next:")
    for command in (
        f"pellucid evaluate {output} --data digits",
        f"pellucid studio {output}",
        f"pellucid summary {output}",
        f"pellucid predict {output} IMAGE... --resize",
        f"pellucid train {NETWORK} --data mnist --epochs 3",
    ):
        typer.echo(f"  {command}")
    if studio and is_watched():
        typer.echo()
        show_in_studio(output)


def is_watched() -> bool:
    """Whether somebody sits before a terminal and a screen; scripts must not wait for a Ctrl-C."""
    return sys.stdin.isatty() and sys.stdout.isatty() and has_screen()


def show_in_studio(path: Path) -> None:
    """Open the page on the network that was just trained, with a network for colour pictures beside it."""
    from pellucid.studio.opening import EMBEDDED_NAMES, Opened, open_embedded

    run_studio((lambda: Opened(load(path)), partial(open_embedded, EMBEDDED_NAMES[0])))


def gallery(model: Model, dataset: Dataset, count: int) -> str:
    """The first held-out images side by side, under each its label and what the model says."""
    shown = dataset.test.subset(np.arange(min(count, len(dataset.test))))
    outputs = np.asarray(model.predict(dataset.fit(model.graph.shapes["input"]).test.images[: len(shown)]))
    columns = []
    for pixels, label, output in zip(shown.pixels, shown.labels, outputs, strict=True):
        drawing = draw(pixels[0])
        captions = [f"label {dataset.class_names[label]}", *guesses(model, output, 1)]
        width = max(map(len, (*drawing, *captions)))
        columns.append([line.ljust(width) for line in (*drawing, *captions)])
    return "\n".join("  ".join(lines).rstrip() for lines in zip(*columns, strict=True))


def draw(pixels: Array) -> list[str]:
    """(H, W) uint8 as H lines of 2 W characters."""
    encoding = sys.stdout.encoding or "ascii"
    shades = SHADES[encoding.lower().startswith("utf")]
    levels = pixels.astype(int) * len(shades) // 256
    return ["".join(shades[level] * 2 for level in row) for row in levels]
