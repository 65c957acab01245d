"""`pellucid explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pellucid.cli.attribution import explain_places
from pellucid.cli.common import EngineOption, ThreadsOption, choose_engine, open_network
from pellucid.cli.page import ENDINGS, write_page
from pellucid.data.images import read_image
from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.explain import Arithmetic, GradientArithmetic, arithmetic, gradient_arithmetic
from pellucid.explain.attribution import METHODS
from pellucid.explain.evidence import Evidence
from pellucid.explain.target import choose_target, class_number
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
            help="With --gradient or --method: the class whose score is explained, by name or number; the "
            "one that the network finds if left out.",
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
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            metavar="NAME",
            help=f"Which places of the picture matter: {', '.join(METHODS)}; may be repeated.",
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="NAME", help="With --method grad-cam: whose maps."),
    ] = None,
    sanity: Annotated[
        bool, typer.Option("--sanity", help="With --method: does the map change when weights are random?")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="With --method: where to draw, .png, .svg or .pdf. Alone: a page of it all, .html.",
        ),
    ] = None,
    resize: Annotated[bool, typer.Option("--resize", help="Fit a picture of another size.")] = False,
    engine: EngineOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Print a number's sum, say which places matter, or write a page.

    A cell of an activation (--node conv2 --at 3,5,7), or with --gradient its gradient, or that of a weight.
    With --method a map of the picture, for a class or such a cell. With -o page.html alone everything, to be
    looked into without a server.
    """
    if output is not None and output.suffix in ENDINGS:
        if method or node is not None or gradient or target is not None:
            raise DataError(f"{output}: a page shows all numbers, so --output FILE.html stands alone")
        write_page(open_network(model, choose_engine(engine, threads)), image, output)
        typer.echo(f"wrote {output}")
        return
    if method:
        _check_method(node, at, others=gradient or loss or prove or latex or parameter is not None)
    elif layer is not None or sanity or output is not None:
        raise DataError("--layer, --sanity and --output are about maps, so they need --method")
    cell = (
        _check(node, parameter, at, gradient=gradient, target=target, loss=loss)
        if not method or node is not None
        else ()
    )
    network = open_network(model, choose_engine(engine, threads))
    pixels = read_image(image, input_shape(network), resize=resize)
    if method:
        goal = choose_target(network, pixels[None], cell, node=node) if node else _class(target)
        explain_places(
            network, pixels, method, target=goal, layer=layer, check=sanity, output=output, title=image.name
        )
        return
    found: Arithmetic | GradientArithmetic
    if gradient:
        found = _gradient(network, pixels, node, parameter, cell, target, loss=loss)
    else:
        assert node is not None
        found = arithmetic(network, Evidence(network, pixels), node, cell)
    typer.echo(found.latex() if latex else str(found))
    if prove:
        typer.echo(str(found.prove()))


def _check_method(node: str | None, at: str | None, *, others: bool) -> None:
    """Which options go together with --method."""
    if others or (node is None) != (at is None):
        raise DataError("--method explains a --target, or a cell by --node and --at, and nothing else")


def _class(given: str | None) -> int | str | None:
    return int(given) if given is not None and given.isdecimal() else given


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
    named = _class(target)
    if not loss:
        return gradient_arithmetic(network, read, at=cell, parameter=parameter, node=node, target=named)
    if named is None:
        raise DataError("--loss needs the class that is right: --target NAME or a number")
    if isinstance(named, str):
        named = class_number(network, named)
    targets = np.array([named])
    return gradient_arithmetic(network, read, at=cell, parameter=parameter, node=node, targets=targets)
