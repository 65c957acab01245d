"""The command line: how people without Python reach Pellucid."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT."""


def interrupted() -> int:
    """Say that Ctrl-C ended the command; returns the exit status."""
    print("pellucid: interrupted", file=sys.stderr)
    return INTERRUPTED
