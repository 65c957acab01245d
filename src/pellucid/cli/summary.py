"""`pellucid summary`."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.common import EngineOption, ThreadsOption, choose_engine, console, open_network
from pellucid.errors import DataError
from pellucid.summary import options_of, plan_table, summary_table


def summary_command(
    network: Annotated[
        str, typer.Argument(metavar="MODEL|NETWORK", help="A model file or a name of the zoo.")
    ],
    engine: EngineOption = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print instead what the engine does, step by step.")
    ] = False,
    training: Annotated[bool, typer.Option("--training", help="With --plan: a step of training.")] = False,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", min=1, help="With --plan; 1, or the recipe's, if left out."),
    ] = None,
    threads: ThreadsOption = None,
) -> None:
    """Print a network's layers, cost and memory, or its plan."""
    if not plan and (training or batch_size is not None):
        raise DataError("--training and --batch-size say what to plan for, so they need --plan")
    model = open_network(network, choose_engine(engine, threads))
    if plan:
        options = options_of(model, batch_size=batch_size, training=training)
        console().print(plan_table(model, options))
    else:
        console().print(summary_table(model))
