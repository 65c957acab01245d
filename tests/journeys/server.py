"""The command `pellucid studio`, running."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def studio(*arguments: str) -> Iterator[str]:
    """The address of a Studio that is started for this and ended afterwards."""
    command = [sys.executable, "-m", "pellucid", "studio", "--no-browser", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().split()[-1]
            assert address.startswith("http://127.0.0.1:"), address
            yield address
        finally:
            process.terminate()
            process.wait(10)
