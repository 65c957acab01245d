"""Every error Pellucid raises on purpose.

PellucidError
├── LayerError          hyper-parameters or shapes that break a layer's rule (also a ValueError)
├── GraphError          wiring that is not a directed acyclic graph of known nodes (also a ValueError)
├── UnsupportedLayer    an engine without this layer; the message names the engines that have it
├── UnknownNameError    no such network, data set, node, ...; names the nearest (also a KeyError)
├── DataError           images, labels or folders that cannot be used (also a ValueError)
├── DownloadError       a file that could not be fetched or whose checksum is wrong
├── FormatError         a file that is truncated, corrupt, hostile or of another format
├── EngineError         an instruction set this processor lacks, an engine that does not exist
└── NonFiniteError      training met a NaN or an infinity; the weights are as they were before the step
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PellucidError(Exception):
    """Base of all errors raised on purpose; its text is one line a person can act on."""


class LayerError(PellucidError, ValueError):
    """A layer's rule is broken by its hyper-parameters or by the shape it received."""


class GraphError(PellucidError, ValueError):
    """Nodes that cannot be wired as asked."""


class UnsupportedLayer(PellucidError):  # noqa: N818 - the name the design fixed
    """An engine was asked for a layer it does not have."""


class DataError(PellucidError, ValueError):
    """Images, labels or folders that cannot be used as asked."""


class DownloadError(PellucidError):
    """A file could not be fetched, or did not match its checksum."""


class FormatError(PellucidError):
    """A file is truncated, corrupt, hostile, or not of the expected format."""


class EngineError(PellucidError):
    """The engine cannot run as asked on this machine."""


class NonFiniteError(PellucidError):
    """A NaN or an infinity arose in training; `step` and `node` say where."""

    def __init__(self, message: str, *, step: int, node: str) -> None:
        super().__init__(message)
        self.step = step
        self.node = node


class UnknownNameError(PellucidError, KeyError):
    """A name that is not among the known ones."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names) or 'none'}"
        self.message = f"unknown {what} {name!r}; {hint}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message  # KeyError would print the repr
