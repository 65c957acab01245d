"""Two models side by side: two moments of a run, or two runs."""

from __future__ import annotations

from typing import TypedDict

from pellucid.studio.messages.maps import Class


class Moved(TypedDict):
    """A parameter of two models: how far apart, relative to the first's norm; null for infinitely far."""

    parameter: str
    relative: float | None
    cosine: float


class Apart(TypedDict):
    """A node of two models on one image: the norm of the difference by the norm of the first's."""

    node: str
    relative: float | None


class Comparison(TypedDict):
    """What differs between two models of one description, on one image; each list the furthest first."""

    one: list[Class]
    other: list[Class]
    nodes: list[Apart]
    parameters: list[Moved]
