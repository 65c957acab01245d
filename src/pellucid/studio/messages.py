"""What server and page say to each other: every JSON message, typed once.

`studio/typescript.py` writes the same types for the page, and a test holds its copy to these. Names are those
of the library. Arrays are nested lists only where a person reads them; maps travel as bytes, see Atlas.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

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

What = Literal["activation", "gradient"]
"""Which numbers of a node: its values, or how J changes with them."""

Language = Literal["en", "zh"]


# ---- models


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
    the node in the last measured run; null until measured. groups: of a convolution, else 1.
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
    depth: int
    fold: str
    signed: bool
    field: list[int] | None
    milliseconds: float | None


class ModelInfo(TypedDict):
    """An open model, all that the stage needs before an image is chosen."""

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


# ---- what an image makes of a model


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
    """Head of float32 values, in the same binary form as an Atlas."""

    node: str
    what: What
    shape: list[int]


# ---- arithmetic


class Term(TypedDict):
    """One addend: input cell times weight, or an addend alone.

    source: the input's node, null for a bias; cell: where in it. weight_name, weight_cell: which weight.
    """

    source: str | None
    cell: list[int]
    input: float | None
    weight_name: str | None
    weight_cell: list[int]
    weight: float | None
    product: float


class Curve(TypedDict):
    """An elementwise activation at points along its input, to be drawn as a curve."""

    inputs: list[float]
    outputs: list[float]


class Partial(TypedDict):
    """The terms of one input channel together: the cell of a partial map."""

    source: str
    channel: int
    sum: float


class Arithmetic(TypedDict):
    """The sum behind one number.

    terms: at most as many as asked for, largest first, the bias always; rest, rest_count: the others. Where
    one input channel was asked for, those of that channel. Of a maximum pooling the cells of its window, and
    winner is the index of the largest. text, latex: the sum as a person would write it.
    """

    title: str
    node: str
    cell: list[int]
    formula: str
    function: str
    terms: list[Term]
    rest: float
    rest_count: int
    partials: list[Partial]
    winner: int | None
    total: float
    value: float
    engine: float
    difference: float
    tolerance: float
    agrees: bool
    text: str
    latex: str


class UpdateRow(TypedDict):
    """One number of an optimiser's step."""

    symbol: str
    equation: str
    value: float


class Update(TypedDict):
    """An optimiser's step of one weight, row by row."""

    parameter: str
    cell: list[int]
    formula: str
    rows: list[UpdateRow]
    engine: float
    same_bits: bool


class Proof(TypedDict):
    """The same number by another road."""

    title: str
    engine: float
    terms: float
    independent: float
    uncertainty: float
    agrees: bool
    method: str
    remarks: list[str]


# ---- questions


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


class Embedded(TypedDict):
    """What a one-file export holds in place of a server, for one model.

    Strings are binary answers, compressed by zlib, in base64. pictures: data URLs by image. atlases: by
    image, "gradient " before it for gradients. values: by "trace node". parameters: by name. answers: JSON
    answers by path and question, as the page writes them.
    """

    language: Language
    state: State
    pictures: dict[str, str]
    atlases: dict[str, str]
    values: dict[str, str]
    parameters: dict[str, str]
    answers: dict[str, str]


class Problem(TypedDict):
    """Why a request was refused: one line that says what to do."""

    error: str


# ---- training


class TrainWish(TypedDict):
    """What the page sends over the WebSocket.

    "open": load data, begin a run of a model; "step", "epoch", "run": go on by so much; "pause"; "scrub":
    show the model as it was at a step; "close".
    """

    action: Literal["open", "step", "epoch", "run", "pause", "scrub", "close"]
    model: NotRequired[str]
    data: NotRequired[str]
    epochs: NotRequired[int]
    step: NotRequired[int]


class TrainState(TypedDict):
    """What the server answers and reports on the way.

    model: id of the model at `step`, to be traced like any other. moments: steps that can be scrubbed to.
    losses, accuracies: (step, number) pairs; accuracies are of held-out images.
    """

    status: Literal["ready", "running", "paused", "finished", "failed", "scrubbed"]
    model: str
    step: int
    epoch: int
    epochs: int
    steps_per_epoch: int
    images_per_second: float
    loss: float | None
    accuracy: float | None
    losses: list[tuple[int, float]]
    accuracies: list[tuple[int, float]]
    moments: list[int]
    problem: str | None
