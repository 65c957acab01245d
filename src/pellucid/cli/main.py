"""The entry point of the command `pellucid`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pellucid.cli import interrupted


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0, 2 with one line on stderr that names what is wrong, or 130.

    Args:
        arguments: without the program's name; those of the process when left out.
    """
    try:
        # Here, so that Ctrl-C while everything loads ends in one line too.
        from pellucid.cli.app import run

        status = run(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:
        status = interrupted()
    sys.exit(status)
