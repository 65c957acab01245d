"""Figures of training and its result: learning curves, the confusion matrix, the worst mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.common import (
    DataOption,
    EngineOption,
    SeedOption,
    SkipBrokenOption,
    ThreadsOption,
    choose_engine,
)
from pellucid.cli.evaluate import evaluated
from pellucid.cli.figure_options import LanguageOption, OutputOption, check_output, write
from pellucid.errors import DataError, FormatError
from pellucid.storage import reason
from pellucid.training import History
from pellucid.training.checkpoint import HISTORY

ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")]


def curves_command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or their history.json.")
    ],
    output: OutputOption,
    language: LanguageOption = "en",
) -> None:
    """Draw loss and accuracy over the epochs of one run or several."""
    check_output(output)
    from pellucid import plot

    write(plot.learning_curves([read_history(run) for run in runs], language=language), output)


def confusion_command(
    model: ModelArgument,
    output: OutputOption,
    data: DataOption = "digits",
    skip_broken: SkipBrokenOption = False,
    seed: SeedOption = None,
    language: LanguageOption = "en",
    engine: EngineOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Draw which class is taken for which on a data set's held-out images."""
    check_output(output)
    from pellucid import plot

    result, dataset, _ = evaluated(model, data, skip_broken, seed, choose_engine(engine, threads))
    write(plot.confusion_matrix(result, dataset.class_names, language=language), output)


def mistakes_command(
    model: ModelArgument,
    output: OutputOption,
    data: DataOption = "digits",
    count: Annotated[int, typer.Option("--count", min=1, help="Mistakes at most.")] = 12,
    skip_broken: SkipBrokenOption = False,
    seed: SeedOption = None,
    language: LanguageOption = "en",
    engine: EngineOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Draw the held-out images that a model is most wrongly sure of."""
    check_output(output)
    from pellucid import plot

    result, dataset, _ = evaluated(model, data, skip_broken, seed, choose_engine(engine, threads))
    names = dataset.class_names
    write(plot.worst_mistakes(result, dataset.test.pixels, names, count=count, language=language), output)


def read_history(run: Path) -> History:
    """What a run's folder, or its history file, says of its epochs.

    Raises:
        DataError: there is none.
        FormatError: it is not a history.
    """
    path = run / HISTORY if run.is_dir() else run
    try:
        return History.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None
    except (ValueError, TypeError, FormatError) as error:
        raise FormatError(f"{path}: not the history of a run: {error}") from None
