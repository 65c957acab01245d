"""What several commands share: their options, and finding networks and data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pellucid import data, zoo
from pellucid.data import Dataset, OnBroken
from pellucid.download import Progress
from pellucid.engines import select
from pellucid.engines.engine import Engine
from pellucid.errors import DataError, UnknownNameError
from pellucid.formats import load
from pellucid.layers import Shape
from pellucid.model import Model
from pellucid.tuning import ALGORITHMS

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_SKIPPED = 10
"""Broken pictures that are named; the rest are counted."""

PLAIN_WIDTH = 120
"""Columns of a table where the output is not a terminal."""

EngineOption = Annotated[
    str | None, typer.Option("--engine", help="native or reference.", show_default=False)
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of the native engine; every core if left out.")
]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        help=f"{', '.join(data.names())}; a folder, .tar, .tar.gz or .zip with a folder of pictures for each "
        "class; a .npz file; or a folder of the files of MNIST or CIFAR-10.",
    ),
]
SkipBrokenOption = Annotated[
    bool, typer.Option("--skip-broken", help="Leave broken pictures out and list them, instead of stopping.")
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of all that is random.")
]
AlgorithmOption = Annotated[
    list[str] | None,
    typer.Option(
        "--algorithm", metavar="NODE=NAME", help="Force a convolution's algorithm; may be repeated."
    ),
]

NETWORK_HELP = (
    "A name of the zoo, with @imagenet or @FILE for trained weights (resnet18@imagenet), or a model file."
)

Algorithms = tuple[tuple[str, str], ...]
"""(node, algorithm) pairs."""


def forced_algorithms(given: Sequence[str] | None) -> Algorithms:
    """What a command line's --algorithm options say.

    Raises:
        DataError: one is not NODE=NAME, or a node has two.
    """
    pairs: dict[str, str] = {}
    for text in given or ():
        node, equals, algorithm = text.rpartition("=")
        if not (node and equals and algorithm):
            raise DataError(
                f"--algorithm takes NODE=NAME, for example conv1={ALGORITHMS[0]}, received {text!r}"
            )
        if node in pairs:
            raise DataError(f"--algorithm gives {node} one algorithm, received {pairs[node]} and {algorithm}")
        pairs[node] = algorithm
    return tuple(sorted(pairs.items()))


def choose_engine(name: str | None, threads: int | None) -> Engine:
    """The engine that a command line asks for; native when it does not."""
    if name == "reference" and threads is not None:
        raise DataError("--threads is for the native engine; the reference engine has one thread")
    return select(name or "native", threads=threads)


def announced_downloads() -> Progress:
    """Says once of each file where it goes."""
    announced: set[Path] = set()

    def announce(path: Path, received: int, total: int | None) -> None:
        if path not in announced:
            announced.add(path)
            typer.echo(f"downloading {path.name} to {path.parent}")

    return announce


def load_data(
    source: str, seed: int, *, input_shape: Shape | None = None, skip_broken: bool = False
) -> Dataset:
    """A data set, saying where downloads go and which pictures are left out.

    Args:
        source: a name or a path.
        seed: of its split, where it has none of its own.
        input_shape: of the network that will read it; pictures are decoded to it.
        skip_broken: go on without broken pictures.
    """
    # Vectors are made of whole pictures, which augmentation sees before.
    shape = input_shape if input_shape is not None and len(input_shape) == 3 else None
    on_broken: OnBroken = "skip" if skip_broken else "error"
    dataset = data.load(
        source, seed=seed, input_shape=shape, on_broken=on_broken, progress=announced_downloads()
    )
    for line in dataset.skipped[:SHOWN_SKIPPED]:
        typer.echo(f"skipped {line}")
    if len(dataset.skipped) > SHOWN_SKIPPED:
        typer.echo(f"skipped {len(dataset.skipped) - SHOWN_SKIPPED:,} more broken pictures")
    return dataset


def name_and_weights(network: str) -> tuple[str, str | None]:
    """What a NETWORK means: "resnet18@imagenet" is a name of the zoo and its weights."""
    name, _, weights = network.partition("@")
    return (name, weights) if weights and zoo.is_known(name) else (network, None)


def check_network(network: str) -> None:
    """Make sure that a NETWORK is a name of the zoo, or meant as a file."""
    name, _ = name_and_weights(network)
    is_file_name = Path(name).suffix != "" or os.sep in name or Path(name).exists()
    if not zoo.is_known(name) and not is_file_name:
        raise UnknownNameError("network", name, zoo.names())


def network_shape(network: str) -> Shape | None:
    """What a network of the zoo reads; None for a model file."""
    name, _ = name_and_weights(network)
    return zoo.find(name).input_shape if zoo.is_known(name) else None


def short_name(network: str) -> str:
    """A NETWORK as part of a folder's name."""
    name, _ = name_and_weights(network)
    return name if zoo.is_known(name) else Path(name).stem


def open_network(network: str, engine: Engine, *, classes: int | None = None, seed: int = 0) -> Model:
    """A network of the zoo, freshly drawn or with weights, or the one in a file.

    Args:
        network: a name of the zoo, "name@imagenet" or "name@file", or the path of a model file.
        engine: that it will run on.
        classes: of a network of the zoo; its own number when left out.
        seed: of its first parameters.
    """
    check_network(network)
    name, weights = name_and_weights(network)
    if not zoo.is_known(name):
        return load(name, engine=engine)
    return zoo.create(
        name, classes=classes, seed=seed, engine=engine, weights=weights, progress=announced_downloads()
    )


def console() -> Console:
    """Standard output for tables, wide enough where it is not a terminal."""
    from rich.console import Console

    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)
