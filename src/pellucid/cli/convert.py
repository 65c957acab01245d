"""`pellucid convert`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from pellucid.cli.common import open_network
from pellucid.engines import select
from pellucid.errors import DataError
from pellucid.formats.pytorch import save_state_dict
from pellucid.formats.weights import write_state_dict
from pellucid.model import Model

Writer = Callable[[Model, Path], None]

WRITERS: Mapping[str, tuple[str, Writer]] = MappingProxyType(
    {
        ".pellucid": ("the model, its recipe and its tuning", lambda model, path: model.save(path)),
        ".onnx": ("the model for other programs", lambda model, path: model.to_onnx(path)),
        ".safetensors": (
            "its weights by name",
            lambda model, path: write_state_dict(path, model.parameters),
        ),
        ".pth": ("its weights for PyTorch's load_state_dict", save_state_dict),
    }
)
"""What is written, by the ending of the file: in words, and how."""


def convert_command(
    source: Annotated[
        str, typer.Argument(metavar="MODEL|NETWORK", help="A model file of any format, or a name of the zoo.")
    ],
    target: Annotated[Path, typer.Argument(metavar="FILE", help=f"To write: {', '.join(WRITERS)}.")],
) -> None:
    """Write a model in another format, chosen by the file's ending."""
    if target.suffix not in WRITERS:
        raise DataError(f"{target}: files are written as {', '.join(WRITERS)}, received {target.suffix!r}")
    what, write = WRITERS[target.suffix]
    model = open_network(source, select("reference"))
    write(model, target)
    typer.echo(f"{target}: {what}, {len(model.graph.nodes)} nodes, {model.parameter_count:,} parameters")
