"""`pellucid summary`."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.common import EngineOption, choose_engine, console, open_network


def summary_command(
    network: Annotated[
        str, typer.Argument(metavar="MODEL|NETWORK", help="A model file or a name of the zoo.")
    ],
    engine: EngineOption = None,
) -> None:
    """Print a network's layers, shapes, parameters and cost."""
    console().print(open_network(network, choose_engine(engine, None)).summary())
