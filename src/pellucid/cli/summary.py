"""`pellucid summary`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.common import (
    NETWORK_HELP,
    AlgorithmOption,
    EngineOption,
    ThreadsOption,
    choose_engine,
    console,
    forced_algorithms,
    open_network,
)
from pellucid.errors import DataError
from pellucid.model import Model
from pellucid.summary import algorithm_table, plan_table, summary_table, timing_table
from pellucid.tuning import Candidate, shortest_run


def summary_command(
    network: Annotated[str, typer.Argument(metavar="MODEL|NETWORK", help=NETWORK_HELP)],
    engine: EngineOption = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print instead what the engine does, step by step.")
    ] = False,
    training: Annotated[bool, typer.Option("--training", help="With --plan: a step of training.")] = False,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", min=1, help="With --plan; 1, or the recipe's, if left out."),
    ] = None,
    algorithm: AlgorithmOption = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="With --plan: time layouts and algorithms here first.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", help="With --tune: file for the model with its tuning.")
    ] = None,
    threads: ThreadsOption = None,
) -> None:
    """Print a network's layers, cost and memory, or its plan."""
    if not plan and (training or batch_size is not None):
        raise DataError("--training and --batch-size say what to plan for, so they need --plan")
    if not plan and (algorithm or tune):
        raise DataError("--algorithm and --tune change a plan, so they need --plan")
    if output is not None and not tune:
        raise DataError("--output receives the model with its tuning, so it needs --tune")
    forced = forced_algorithms(algorithm)
    model = open_network(network, choose_engine(engine, threads))
    if not plan:
        console().print(summary_table(model))
        return
    if tune:
        _tune(model, batch_size, training, output)
    options = replace(model.options(batch_size=batch_size, training=training), algorithms=forced)
    schema = model.engine.describe(model.graph, options)
    console().print(plan_table(model, options, schema))
    if any(made.node is not None for made in schema.decisions):
        console().print(algorithm_table(schema))


@dataclass
class _Notes:
    """A stopwatch that writes down what it measures."""

    timings: list[tuple[Candidate, float]] = field(default_factory=list)

    def __call__(self, candidate: Candidate, run: Callable[[], object]) -> float:
        seconds = shortest_run(candidate, run)
        self.timings.append((candidate, seconds))
        return seconds


def _tune(model: Model, batch_size: int | None, training: bool, output: Path | None) -> None:
    notes = _Notes()
    tuning = model.tune(batch_size=batch_size, training=training, stopwatch=notes)
    if notes.timings:
        console().print(timing_table(notes.timings))
    if output is None:
        typer.echo(f"tuned for {tuning}; not stored: --output FILE would keep it")
    else:
        model.save(output)
        typer.echo(f"tuned for {tuning}; stored in {output}")
