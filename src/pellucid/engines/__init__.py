"""Engines: ways to run one graph. engine.py is the contract, each folder fulfils it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.errors import UnknownNameError

if TYPE_CHECKING:
    from pellucid.engines.engine import Engine

NAMES = ("native", "reference")


def select(name: str, *, threads: int | None = None) -> Engine:
    """An engine by name.

    Args:
        name: one of NAMES.
        threads: of the native engine; PELLUCID_THREADS or every available core when left out.
    """
    if name == "native":
        from pellucid.engines.native import NativeEngine

        return NativeEngine(threads=threads)
    if name == "reference":
        from pellucid.engines.reference import ReferenceEngine

        return ReferenceEngine()
    raise UnknownNameError("engine", name, NAMES)
