"""The hooks that pip calls: scikit-build-core's, after the page has been built.

Node is required of the registry only where the page must be built and the machine has none.
"""

from __future__ import annotations

from scikit_build_core import build as native

from build_backend import page
from build_backend.node import REQUIREMENT, NodeError, machine_npm

Settings = dict[str, list[str] | str] | None

prepare_metadata_for_build_wheel = native.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = native.prepare_metadata_for_build_editable


def build_wheel(folder: str, settings: Settings = None, metadata: str | None = None) -> str:
    """Into a wheel."""
    _build_page()
    return native.build_wheel(folder, settings, metadata)


def build_editable(folder: str, settings: Settings = None, metadata: str | None = None) -> str:
    """Into a wheel that points here."""
    _build_page()
    return native.build_editable(folder, settings, metadata)


def build_sdist(folder: str, settings: Settings = None) -> str:
    """Into an archive that holds the built page, so that its users need no Node."""
    _build_page()
    return native.build_sdist(folder, settings)


def get_requires_for_build_wheel(settings: Settings = None) -> list[str]:
    """What a wheel takes besides pyproject.toml's list."""
    return [*native.get_requires_for_build_wheel(settings), *_node()]


def get_requires_for_build_editable(settings: Settings = None) -> list[str]:
    """What an editable install takes besides pyproject.toml's list."""
    return [*native.get_requires_for_build_editable(settings), *_node()]


def get_requires_for_build_sdist(settings: Settings = None) -> list[str]:
    """What a source archive takes besides pyproject.toml's list."""
    return [*native.get_requires_for_build_sdist(settings), *_node()]


def _build_page() -> None:
    try:
        page.build()
    except NodeError as error:
        raise SystemExit(f"error: {error}") from None


def _node() -> list[str]:
    return [REQUIREMENT] if page.is_wanted() and machine_npm() is None else []
