"""`pellucid figure`: pictures for slides; here those that need no model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import typer

from pellucid.cli.figure_network import architecture_command, feature_maps_command, filters_command
from pellucid.cli.figure_options import LanguageOption, OutputOption, check_output, lengths, write
from pellucid.cli.figure_training import confusion_command, curves_command, mistakes_command
from pellucid.errors import DataError
from pellucid.layers.geometry import Padding, PaddingAmount, PaddingMode

AMOUNTS: Mapping[str, PaddingAmount] = MappingProxyType({"valid": "valid", "same": "same", "full": "full"})
MODES: Mapping[str, PaddingMode] = MappingProxyType(
    {"zeros": "zeros", "edge": "edge", "reflect": "reflect", "circular": "circular"}
)
"""What --padding and --padding-mode take."""

figure_app = typer.Typer(rich_markup_mode=None, help="Draw a figure for slides as SVG, PNG or PDF.")


@figure_app.callback(invoke_without_command=True)
def _figure(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@figure_app.command("convolution")
def convolution_command(
    output: OutputOption,
    input_size: Annotated[str, typer.Option("--input", help="Length, or HEIGHTxWIDTH, of the input.")] = "7",
    kernel: Annotated[str, typer.Option("--kernel", help="Length of the kernel, or HEIGHTxWIDTH.")] = "3",
    stride: Annotated[str, typer.Option("--stride", help="Step between windows, one or HEIGHTxWIDTH.")] = "1",
    padding: Annotated[
        str, typer.Option("--padding", help=f"Cells, or HEIGHTxWIDTH, or {', '.join(AMOUNTS)}.")
    ] = "0",
    padding_mode: Annotated[str, typer.Option("--padding-mode", help=f"{', '.join(MODES)}.")] = "zeros",
    dilation: Annotated[str, typer.Option("--dilation", help="Spacing of the kernel's taps.")] = "1",
    transposed: Annotated[bool, typer.Option("--transposed", help="A transposed convolution.")] = False,
    output_padding: Annotated[
        str, typer.Option("--output-padding", help="With --transposed: cells more at the end.")
    ] = "0",
    at: Annotated[str, typer.Option("--at", help="ROW,COLUMN of the output cell that is computed.")] = "0,0",
    language: LanguageOption = "en",
) -> None:
    """Draw one window of a convolution: input, padding, kernel, output, and columns it leaves unused."""
    check_output(output)
    from pellucid import plot

    if padding_mode not in MODES:
        raise DataError(f"--padding-mode is one of {', '.join(MODES)}, received {padding_mode!r}")
    figure = plot.convolution(
        lengths("--input", input_size),
        lengths("--kernel", kernel),
        stride=lengths("--stride", stride),
        padding=_padding(padding),
        padding_mode=MODES[padding_mode],
        dilation=lengths("--dilation", dilation),
        transposed=transposed,
        output_padding=lengths("--output-padding", output_padding),
        at=_cell(at),
        language=language,
    )
    write(figure, output)


@figure_app.command("activation")
def activation_command(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="relu, gelu, ...; all for every one of them.")
    ],
    output: OutputOption,
    language: LanguageOption = "en",
) -> None:
    """Draw activation functions with their derivatives."""
    check_output(output)
    from pellucid import plot

    write(plot.activation(plot.activation_names() if names == ["all"] else names, language=language), output)


def _padding(text: str) -> Padding:
    return AMOUNTS[text] if text in AMOUNTS else lengths("--padding", text)


def _cell(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise DataError(f"--at takes ROW,COLUMN, for example 0,2, received {text!r}")
    return int(parts[0]), int(parts[1])


figure_app.command("architecture")(architecture_command)
figure_app.command("filters")(filters_command)
figure_app.command("feature-maps")(feature_maps_command)
figure_app.command("curves")(curves_command)
figure_app.command("confusion")(confusion_command)
figure_app.command("mistakes")(mistakes_command)
