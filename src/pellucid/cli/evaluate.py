"""`pellucid evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from pellucid.cli.common import (
    DataOption,
    EngineOption,
    SeedOption,
    SkipBrokenOption,
    ThreadsOption,
    choose_engine,
    console,
    load_data,
)
from pellucid.data import Dataset
from pellucid.engines.engine import Engine
from pellucid.errors import PellucidError
from pellucid.formats import load
from pellucid.training import Evaluation, evaluate
from pellucid.training.checkpoint import read_saved_run
from pellucid.training.inputs import fit_dataset, input_shape

WORST = 10
"""Mistakes that are listed."""


def evaluate_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")],
    data: DataOption = "digits",
    skip_broken: SkipBrokenOption = False,
    seed: SeedOption = None,
    engine: EngineOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Measure a model on a data set's held-out images.

    The digits are split by a seed: that of the run in the model's folder, unless --seed says otherwise.
    """
    result, dataset, split_seed = evaluated(model, data, skip_broken, seed, choose_engine(engine, threads))
    source = data or "digits"
    split = f", split by seed {split_seed}" if source == "digits" else ""
    typer.echo(
        f"{model} on the {len(dataset.test):,} held-out images of {dataset.name}{split}: "
        f"accuracy {result.accuracy:.2%}, loss {result.loss:.4f}"
    )
    names = dataset.class_names
    console().print(class_table(result, names))
    worst = result.worst(WORST)
    if len(worst):
        typer.echo("most confident mistakes (image: label, taken for)")
    for image in worst:
        typer.echo(
            f"  {image:>6}: {names[result.labels[image]]}, {_name(names, int(result.predictions[image]))} "
            f"({result.confidences[image]:.2%})"
        )


def evaluated(
    model: Path, data: str | None, skip_broken: bool, seed: int | None, engine: Engine
) -> tuple[Evaluation, Dataset, int]:
    """What a model does on held-out images, the data set as it was loaded, and the seed of its split."""
    network = load(model, engine=engine)
    source = data or "digits"
    split_seed = run_seed(model, source) if seed is None else seed
    loaded = load_data(source, split_seed, input_shape=input_shape(network), skip_broken=skip_broken)
    return evaluate(network, fit_dataset(network, loaded).test), loaded, split_seed


def run_seed(model: Path, source: str) -> int:
    """Seed of the run that left this model, if its checkpoint lies beside it and used this data; else 0."""
    try:
        settings = read_saved_run(model.parent).settings
    except PellucidError:
        return 0
    return settings.seed if settings.data == source else 0


def class_table(result: Evaluation, names: tuple[str, ...]) -> Table:
    """One row a class: images, how many are found, and what the rest are taken for."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("class")
    for heading in ("images", "recall", "precision"):
        table.add_column(heading, justify="right")
    table.add_column("most often taken for")
    width = max(len(names), int(result.predictions.max()) + 1)
    confusion = result.confusion(width)
    for number, name in enumerate(names):
        row = confusion[number]
        right, images, taken = int(row[number]), int(row.sum()), int(confusion[:, number].sum())
        wrong = row.copy()
        wrong[number] = 0
        other = int(wrong.argmax())
        confused = f"{_name(names, other)} ({wrong[other]})" if wrong[other] else ""
        table.add_row(name, f"{images:,}", _share(right, images), _share(right, taken), confused)
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"


def _name(names: tuple[str, ...], number: int) -> str:
    return names[number] if number < len(names) else str(number)
