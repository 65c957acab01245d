"""How much disk does Pellucid take with everything it needs at run time, beside PyTorch?

Counted from what each installed distribution lists, compiled Python files left out.
"""

from __future__ import annotations

import json
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pellucid
from benchmarks.measurement import Outcome, Row, Samples

MEGABYTE = 1e6


def requirements(name: str) -> set[str]:
    """A distribution and everything it needs at run time, extras left out."""
    found: set[str] = set()
    waiting = [canonicalize_name(name)]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        for line in distribution(current).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return found


def installed_bytes(name: str) -> int:
    """Size of a distribution's files."""
    found = distribution(name)
    files = {Path(str(file.locate())).resolve() for file in found.files or ()}
    if _is_editable(found):
        files.update(path.resolve() for path in Path(pellucid.__file__).parent.rglob("*"))
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".pyc")


def _is_editable(found: Distribution) -> bool:
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    return bool(origin.get("dir_info", {}).get("editable", False))


def install_size(case: str, repeats: int) -> list[Outcome]:
    """One row, in megabytes. Nothing varies, so each side is measured once."""
    ours, theirs = (
        sum(installed_bytes(part) for part in requirements(name)) / MEGABYTE for name in ("pellucid", "torch")
    )
    peer_name = f"PyTorch {distribution('torch').version}"
    return [Row(case, Samples((ours,)), Samples((theirs,)), peer_name, "MB")]
