"""The Studio's page: built when its sources have changed, and left alone when they have not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from build_backend.node import NodeError, run_npm

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "studio-ui"
PAGE = ROOT / "src" / "pellucid" / "studio" / "page"

LEAVE_OUT = "PELLUCID_WITHOUT_PAGE"
"""Environment variable: set to anything, it builds the package without the page."""

TOP_LEVEL = {".html", ".js", ".json", ".ts"}
"""Kinds of the files beside the folder `src`."""

STAMP = "sources.sha256"
"""A file of the built page: what it was built from."""


def source_files(sources: Path) -> Iterator[Path]:
    """Every file that the page depends on, in a fixed order."""
    yield from (path for path in sorted(sources.iterdir()) if path.suffix in TOP_LEVEL)
    yield from (path for path in sorted((sources / "src").rglob("*")) if path.is_file())


def digest(sources: Path) -> str:
    """What names the sources: the same for the same names and contents."""
    found = hashlib.sha256()
    for path in source_files(sources):
        found.update(f"{path.relative_to(sources).as_posix()} {path.stat().st_size}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def is_current(sources: Path, page: Path) -> bool:
    """Whether the page that lies there was built from these sources."""
    stamp = page / STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii") == digest(sources)


def is_wanted() -> bool:
    """Whether there is anything to build."""
    return not os.environ.get(LEAVE_OUT) and not is_current(SOURCES, PAGE)


def install_tools(sources: Path) -> None:
    """What the page is built and checked with, in the lock file's versions; nothing where that is there.

    Raises:
        NodeError: there is no Node, or npm cannot reach its registry.
    """
    lock, installed = sources / "package-lock.json", sources / "node_modules" / ".package-lock.json"
    if installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    try:
        run_npm("ci", "--prefer-offline", "--no-audit", "--no-fund", folder=sources)
    except NodeError as error:
        raise NodeError(
            f"{error}: let npm reach its registry, or set {LEAVE_OUT}=1 to install without the Studio's page"
        ) from None


def build() -> None:
    """Build the page, unless it is current or to be left out.

    Raises:
        NodeError: there is no Node, npm cannot reach its registry, or the sources do not build.
    """
    if not is_wanted():
        return
    install_tools(SOURCES)
    run_npm("run", "build", folder=SOURCES)
    (PAGE / STAMP).write_text(digest(SOURCES), encoding="ascii")
