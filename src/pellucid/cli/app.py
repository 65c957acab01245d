"""The subcommands of `pellucid`, and how failures end."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from pellucid import __version__
from pellucid.cli import INTERRUPTED
from pellucid.cli.convert import convert_command
from pellucid.cli.demo import demo_command
from pellucid.cli.doctor import doctor_command
from pellucid.cli.evaluate import evaluate_command
from pellucid.cli.explain import explain_command
from pellucid.cli.figure import figure_app
from pellucid.cli.predict import predict_command
from pellucid.cli.studio import studio_command
from pellucid.cli.summary import summary_command
from pellucid.cli.train import train_command
from pellucid.errors import PellucidError
from pellucid.training import TrainingInterruptedError

FAILED = 2
"""Exit status of bad input, and of a failure with a reason."""

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""What a wrong command line raises: Typer's versions agree on this class, not on where it lives."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Build, train and open up convolutional neural networks.",
)
app.command("demo")(demo_command)
app.command("train")(train_command)
app.command("evaluate")(evaluate_command)
app.command("predict")(predict_command)
app.command("explain")(explain_command)
app.command("summary")(summary_command)
app.command("studio")(studio_command)
app.command("convert")(convert_command)
app.command("doctor")(doctor_command)
app.add_typer(figure_app, name="figure")


@app.callback(invoke_without_command=True)
def _pellucid(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"pellucid {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit status; a failure prints one line on stderr."""
    try:
        result = app(args=arguments, prog_name="pellucid", standalone_mode=False)
        sys.stdout.flush()
    except USAGE_ERROR as error:
        return _fail(_usage_text(error), FAILED)
    except TrainingInterruptedError as error:
        return _fail(str(error), INTERRUPTED)
    except PellucidError as error:
        return _fail(str(error), FAILED)
    except typer.Abort:  # what older versions of Typer make of Ctrl-C
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        # The reader has gone (| head). Nothing more can be said, not even while Python closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if result == INTERRUPTED:  # what newer versions of Typer make of Ctrl-C
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _usage_text(error: Exception) -> str:
    text = error.format_message() if isinstance(error, typer.BadParameter) else str(error)
    return text[:1].lower() + text[1:]


def _fail(text: str, status: int) -> int:
    print("pellucid:", " ".join(text.split()), file=sys.stderr)
    return status
