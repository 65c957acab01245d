"""What else can be asked."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from pellucid.studio.messages.maps import Class
from pellucid.studio.messages.models import Axis, ImageInfo


class TargetWish(TypedDict):
    """What is differentiated: a class's score, or with loss=true the loss against that class."""

    number: NotRequired[int | None]
    loss: NotRequired[bool]


class Edit(TypedDict):
    """One intervention of a what-if.

    kind "channel": node, channel; "weight" (biases too): parameter, at; "cell": node, at; "patch": node,
    corner, size. value: what it becomes, 0 to silence.
    """

    kind: Literal["channel", "weight", "cell", "patch"]
    node: NotRequired[str]
    parameter: NotRequired[str]
    channel: NotRequired[int]
    at: NotRequired[list[int]]
    corner: NotRequired[list[int]]
    size: NotRequired[list[int]]
    value: float


class Changed(TypedDict):
    """A channel that a what-if changed."""

    node: str
    channel: int
    amount: float
    relative: float


class WhatIf(TypedDict):
    """The outputs with and without the edits; `trace` names the edited pass, whose maps can be asked for."""

    trace: str
    before: list[Class]
    after: list[Class]
    changed: list[Changed]


class Heat(TypedDict):
    """An attribution: what it is, and its map in [-1, 1] of its largest value, row by row."""

    method: str
    sentences: list[str]
    verdict: str | None
    height: int
    width: int
    signed: bool
    largest: float
    values: list[float]


class FieldBox(TypedDict):
    """Pixels that a cell sees: the box within the image, and the one that its padding reaches.

    heat: how much it listens to each pixel of the box within the image, 0 to 1, row by row; null unless
    asked for.
    """

    node: str
    cell: list[int]
    start: list[int] | None
    stop: list[int] | None
    unclipped_start: list[int] | None
    unclipped_stop: list[int] | None
    heat: list[float] | None


class HealthFinding(TypedDict):
    """One thing that is not as it should be, as a sentence that names the layer."""

    kind: str
    node: str
    value: float
    threshold: float
    sentence: str
    remedy: str


class Health(TypedDict):
    """All findings, worst first; none when the network is well."""

    findings: list[HealthFinding]
    images: int


class SandboxWish(TypedDict):
    """A setting of the sandbox."""

    input: int
    kernel: int
    stride: int
    padding: int
    padding_mode: str
    dilation: int
    transposed: bool
    output_padding: int


class Sandbox(TypedDict):
    """What a setting gives; `problem` is the rule in words where it is invalid, and the rest then empty.

    windows: for each output column, the input columns under the kernel's taps, -1 where padding lies there.
    """

    output: int
    axis: Axis | None
    windows: list[list[int]]
    unused: list[int]
    problem: str | None


class TopPatch(TypedDict):
    """One of the patches of a data set that a channel answers most."""

    image: str
    value: float
    start: list[int]
    stop: list[int]


class Mistake(TypedDict):
    """An image that the network is wrong about."""

    image: ImageInfo
    predicted: int
    probability: float


class Mistakes(TypedDict):
    """How a model does on a data set: confusion[label][predicted] images, and the worst mistakes."""

    confusion: list[list[int]]
    worst: list[Mistake]
    images: int


class Problem(TypedDict):
    """Why a request was refused: one line that says what to do."""

    error: str
