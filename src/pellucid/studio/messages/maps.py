"""What an image makes of a model: maps as bytes, values as floats."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

What = Literal["activation", "gradient"]
"""Which numbers of a node: its values, or how J changes with them."""


class MapRange(TypedDict):
    """Where a channel's map lies in an atlas and what its bytes mean: low + byte / 255 * (high - low)."""

    channel: int
    low: float
    high: float


class NodeMaps(TypedDict):
    """The shown channels of one node: height x width bytes each, one after another from `offset`.

    A vector is one map of height 1. total: channels in all; those shown are the strongest, in order of
    their numbers. low, high: over all channels of the node.
    """

    node: str
    offset: int
    height: int
    width: int
    total: int
    low: float
    high: float
    maps: list[MapRange]


class Class(TypedDict):
    """One class of the output."""

    number: int
    name: str
    score: float
    probability: float


class Atlas(TypedDict):
    """Head of the answer to an overview: the bytes of all maps follow it.

    The answer is binary: the length of this head as four bytes, little-endian, the head in UTF-8, the bytes.
    trace: to be named in questions about these numbers. j: what was differentiated, in words, for gradients.
    """

    trace: str
    model: str
    image: str
    what: What
    j: str | None
    nodes: list[NodeMaps]
    classes: list[Class]
    milliseconds: float


class Values(TypedDict):
    """Head of float32 values, in the same binary form as an Atlas.

    like: in a one-file export, the node whose number stands wherever the bits are 0x7FC05A3E.
    """

    node: str
    what: What
    shape: list[int]
    like: NotRequired[str]
