"""`pellucid summary`."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.common import EngineOption, choose_engine, console, open_network
from pellucid.summary import summary_table


def summary_command(
    network: Annotated[
        str, typer.Argument(metavar="MODEL|NETWORK", help="A model file or a name of the zoo.")
    ],
    engine: EngineOption = None,
) -> None:
    """Print a network's layers, shapes, parameters and cost."""
    console().print(summary_table(open_network(network, choose_engine(engine, None))))
