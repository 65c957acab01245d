"""`pellucid explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pellucid.cli.common import EngineOption, ThreadsOption, choose_engine, open_network
from pellucid.data.images import read_image
from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.explain import Arithmetic, GradientArithmetic, arithmetic, gradient_arithmetic
from pellucid.explain.evidence import Evidence
from pellucid.explain.target import class_number
from pellucid.model import Model
from pellucid.training.inputs import input_shape


def explain_command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A model file, or a network of the zoo (lenet5, vgg16@imagenet)."
        ),
    ],
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture.")],
    node: Annotated[
        str | None, typer.Option("--node", help="The node whose output to explain a cell of.", metavar="NAME")
    ] = None,
    parameter: Annotated[
        str | None,
        typer.Option(
            "--parameter", help="With --gradient: the parameter to explain a number of.", metavar="NAME"
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Which cell: 3,5,7 is channel 3, row 5, column 7.")
    ] = None,
    gradient: Annotated[
        bool, typer.Option("--gradient", help="Explain the gradient at the cell, not its value.")
    ] = False,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            help="With --gradient: the class whose score is differentiated, by name or number; the one that "
            "the network finds if left out.",
        ),
    ] = None,
    loss: Annotated[
        bool,
        typer.Option(
            "--loss", help="With --gradient: differentiate the loss against --target, not its score."
        ),
    ] = False,
    prove: Annotated[
        bool, typer.Option("--prove", help="Find the number by another road too, and compare.")
    ] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print the sum in LaTeX.")] = False,
    resize: Annotated[bool, typer.Option("--resize", help="Fit a picture of another size.")] = False,
    engine: EngineOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Print the sum behind one number of a network.

    A cell of an activation (--node conv2 --at 3,5,7), or with --gradient its gradient, or that of a weight.
    """
    cell = _check(node, parameter, at, gradient=gradient, target=target, loss=loss)
    network = open_network(model, choose_engine(engine, threads))
    pixels = read_image(image, input_shape(network), resize=resize)
    found: Arithmetic | GradientArithmetic
    if gradient:
        found = _gradient(network, pixels, node, parameter, cell, target, loss=loss)
    else:
        assert node is not None
        found = arithmetic(network, Evidence(network, pixels), node, cell)
    typer.echo(found.latex() if latex else str(found))
    if prove:
        typer.echo(str(found.prove()))


def _check(
    node: str | None,
    parameter: str | None,
    at: str | None,
    *,
    gradient: bool,
    target: str | None,
    loss: bool,
) -> tuple[int, ...]:
    """Which options go together; the cell."""
    if not gradient and (parameter is not None or target is not None or loss):
        raise DataError("--parameter, --target and --loss say what to differentiate, so they need --gradient")
    if (node is None) == (parameter is None):
        raise DataError("explain takes --node, or --parameter with --gradient: give one of them")
    if at is None:
        raise DataError("--at says which cell: --at 3,5,7 is channel 3, row 5, column 7")
    try:
        return tuple(int(number) for number in at.split(","))
    except ValueError:
        raise DataError(f"--at takes whole numbers between commas: 3,5,7; received {at!r}") from None


def _gradient(
    network: Model,
    pixels: Array,
    node: str | None,
    parameter: str | None,
    cell: tuple[int, ...],
    target: str | None,
    *,
    loss: bool,
) -> GradientArithmetic:
    read = Evidence(network, pixels)
    named: int | str | None = int(target) if target is not None and target.isdecimal() else target
    if not loss:
        return gradient_arithmetic(network, read, at=cell, parameter=parameter, node=node, target=named)
    if named is None:
        raise DataError("--loss needs the class that is right: --target NAME or a number")
    if isinstance(named, str):
        named = class_number(network, named)
    targets = np.array([named])
    return gradient_arithmetic(network, read, at=cell, parameter=parameter, node=node, targets=targets)
