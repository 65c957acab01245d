"""Models and images: what the page finds when it opens."""

from __future__ import annotations

from typing import Literal, TypedDict

Kind = Literal[
    "input",
    "convolution",
    "dense",
    "pooling",
    "activation",
    "normalization",
    "softmax",
    "merge",
    "shape",
    "dropout",
    "other",
]
"""What view a node opens: by its layer's class, never by its name."""


class Axis(TypedDict):
    """How an output position sees one spatial axis of the input; see layers.AxisWindow."""

    input: int
    output: int
    kernel: int
    stride: int
    dilation: int
    pad_start: int
    pad_end: int
    fraction: int
    unused: int


class ParameterInfo(TypedDict):
    """One array of a node."""

    name: str
    shape: list[int]
    role: Literal["trainable", "buffer", "fixed"]


class NodeInfo(TypedDict):
    """A node of the graph.

    depth: the longest way from an input, in nodes: the column it stands in. fold: name of the repeated block
    that it belongs to, "" for none. signed: whether its values may be negative. settings: hyper-parameters by
    name, as text. field: pixels that one cell sees, a side an axis; null for all of them. milliseconds: of
    the node in the last measured run; null until measured. groups: of a convolution, else 1. connections: for
    every output map the input maps it sees, under a connection table; its kernels are in the table's order.
    """

    name: str
    layer: str
    kind: Kind
    formula: str
    inputs: list[str]
    shape: list[int]
    settings: dict[str, str]
    parameters: list[ParameterInfo]
    parameter_count: int
    multiply_adds: int
    nbytes: int
    axes: list[Axis] | None
    groups: int
    connections: list[list[int]] | None
    depth: int
    fold: str
    signed: bool
    field: list[int] | None
    milliseconds: float | None


class ModelInfo(TypedDict):
    """An open model, all that the stage needs before an image is chosen.

    run: where it was trained, for people. moments: steps of that run that were recorded.
    """

    id: str
    name: str
    nodes: list[NodeInfo]
    inputs: list[str]
    outputs: list[str]
    scores: str
    class_names: list[str]
    output_kind: Literal["logits", "probabilities", "scores"]
    parameter_count: int
    multiply_adds: int
    run: str | None
    moments: list[int]


class ImageInfo(TypedDict):
    """An image that can be shown to a model of its shape; `label` is its class where it is known."""

    id: str
    name: str
    shape: list[int]
    label: int | None


class State(TypedDict):
    """What the page finds when it opens."""

    version: str
    models: list[ModelInfo]
    images: dict[str, list[ImageInfo]]
    zoo: list[str]
    allow_url: bool
    data: list[str]
