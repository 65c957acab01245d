"""A check-up: one pass over images, in batches that fit a given memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.data import Dataset, Split
from pellucid.data.dataset import TO_UNIT
from pellucid.data.fit import fit_pixels
from pellucid.engines.engine import Array, CompileOptions, Program, Purpose, Trace, Wanted
from pellucid.engines.loss_nodes import loss_nodes
from pellucid.errors import DataError
from pellucid.explain.health.activations import ActivationCounts
from pellucid.explain.health.confidence import ConfidenceCounts
from pellucid.explain.health.origin import bad_activation, bad_gradient, bad_parameter
from pellucid.explain.health.report import DEFAULT_THRESHOLDS, Finding, LayerHealth, Report, Thresholds
from pellucid.explain.health.signals import SignalSums, merged
from pellucid.explain.health.structure import structure
from pellucid.model import Float32, Model

BATCH = 64
"""Images at a time, or fewer where they would not fit."""

MEMORY = 256 * 2**20
"""Bytes that the activations and gradients of a batch may take, unless told otherwise."""

KINDS = (
    "non-finite",
    "exploding",
    "vanishing",
    "large update",
    "lost update",
    "dead",
    "saturated",
    "calibration",
    "duplicate filters",
    "unused columns",
)
"""Of findings, the gravest first."""


def check_health(
    model: Model,
    data: Dataset | Split | ArrayLike,
    targets: ArrayLike | None = None,
    *,
    learning_rate: float | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    memory: int = MEMORY,
) -> Report:
    """What is not as it should be with a network, layer by layer.

    Without targets: dead rectifiers, saturated units, numbers that are not finite, unused input columns and
    near-duplicate filters. With them also vanishing and exploding error signals, the size of the optimiser's
    step by the model's recipe, and the calibration of its probabilities.

    Args:
        model: with one input, as in inference: running statistics, no dropout.
        data: images (N, *shape), uint8 or float32; a split; or a data set, whose held-out images are taken.
        targets: (N,) classes or (N, *output shape) numbers, for images alone.
        learning_rate: of the step that is tried; the recipe's largest when left out.
        thresholds: from where a number is a finding.
        memory: bytes that the activations and gradients of a batch may take; one image always is.

    Raises:
        DataError: no image, or images or targets that do not fit.

    Example:
        >>> import pellucid
        >>> net = pellucid.zoo.create("lenet5", engine="reference")
        >>> report = pellucid.explain.check_health(net, pellucid.data.load("digits").test.subset(range(20)))
        >>> report.layers["relu1"].dead, report.layers["relu1"].channels
        (0, 6)
    """
    given = _given(model, data, targets)
    with np.errstate(all="ignore"):  # numbers that are not finite are findings here, not warnings
        return _checked(model, given, learning_rate, thresholds, memory)


@dataclass(frozen=True, eq=False)
class _Given:
    images: Array
    targets: Array | None

    def batch(self, part: slice) -> Float32:
        pixels = np.ascontiguousarray(self.images[part], np.float32)
        return pixels * TO_UNIT if self.images.dtype == np.uint8 else pixels


def _checked(
    model: Model, given: _Given, learning_rate: float | None, thresholds: Thresholds, memory: int
) -> Report:
    layers: dict[str, LayerHealth] = {}
    findings: list[Finding] = []
    for name, found, own in structure(model, thresholds):
        layers[name] = merged(layers.get(name, LayerHealth()), found)
        findings += own
    broken = bad_parameter(model)
    activations = ActivationCounts(model.graph, thresholds)
    confidences = ConfidenceCounts(model)
    signals = None if given.targets is None else SignalSums(model, thresholds, learning_rate)
    if broken is None:
        broken = _read(model, given, activations, confidences, signals, memory)
    counted: list[ActivationCounts | SignalSums] = (
        [activations] if signals is None else [activations, signals]
    )
    if broken is not None:
        return _report(model, given, [broken, *findings], layers, None)
    for counts in counted:
        for name, found in counts.layers():
            layers[name] = merged(layers.get(name, LayerHealth()), found)
        findings += counts.findings()
    findings += confidences.findings(thresholds)
    return _report(model, given, findings, layers, confidences)


def _given(model: Model, data: Dataset | Split | ArrayLike, targets: ArrayLike | None) -> _Given:
    if len(model.graph.inputs) != 1:
        raise DataError(f"{model.name}: expects one input, received {len(model.graph.inputs)}")
    (entrance,) = model.graph.inputs
    shape = model.graph.shapes[entrance]
    split = data.test if isinstance(data, Dataset) else data
    if isinstance(split, Split):
        if targets is not None:
            raise DataError("a split has its own classes; targets come with images alone")
        images, targets = np.asarray(fit_pixels(split.pixels, shape)), split.labels
    else:
        images = np.asarray(split)
    if images.shape[1:] != shape or len(images) == 0:
        raise DataError(f"{entrance}: expects one image or more of shape {shape}, received {images.shape}")
    return _Given(images, None if targets is None else model.targets(targets, len(images)))


def _read(
    model: Model,
    given: _Given,
    activations: ActivationCounts,
    confidences: ConfidenceCounts,
    signals: SignalSums | None,
    memory: int,
) -> Finding | None:
    """Count every batch; stops at the first number that is not finite and says where it arose."""
    recipe = model.recipe
    heads = loss_nodes(model.graph, recipe.objective, recipe.loss_weights) if signals else {}
    scores = (confidences.node, *model.graph.outputs)
    keep = tuple(dict.fromkeys((*activations.nodes, *scores, *heads)))
    wanted = signals.nodes if signals else ()
    capacity = _capacity(model, (*keep, *wanted), len(given.images), memory)
    objective = recipe.objective if signals else None
    weights = recipe.loss_weights if signals else ()
    options = CompileOptions(capacity, Purpose.TRACE, keep, objective, loss_weights=weights)
    program = model.program(options)
    for start in range(0, len(given.images), capacity):
        part = slice(start, start + capacity)
        pixels = given.batch(part)
        trace = program.trace(pixels)
        broken = bad_activation(model, pixels, trace, start)
        if broken is not None:
            return broken
        activations.add(trace, len(pixels))
        if signals is None or given.targets is None:
            continue
        broken = _backward(model, program, trace, given.targets[part], signals)
        if broken is not None:
            return broken
        classes: NDArray[np.int64] = given.targets[part]
        if confidences.applies and classes.ndim == 1:
            confidences.add(trace[confidences.node], classes)
    return None


def _backward(
    model: Model, program: Program, trace: Trace, targets: Array, signals: SignalSums
) -> Finding | None:
    loss, seeds = program.loss(trace, targets)
    gradients = program.backward(trace, seeds, wanted=Wanted(signals.nodes, signals.parameters))
    broken = bad_gradient(model, gradients, loss)
    if broken is None:
        signals.add(gradients, len(targets))
    return broken


def _capacity(model: Model, nodes: Sequence[str], images: int, memory: int) -> int:
    """Images of a batch whose arrays at these nodes fit."""
    each = 4 * sum(math.prod(model.graph.shapes[name]) for name in nodes)
    return max(1, min(BATCH, images, memory // max(1, each)))


def _report(
    model: Model,
    given: _Given,
    findings: Sequence[Finding],
    layers: dict[str, LayerHealth],
    confidences: ConfidenceCounts | None,
) -> Report:
    ranked = sorted(findings, key=lambda finding: KINDS.index(finding.kind))
    ordered = {node.name: layers[node.name] for node in model.graph.nodes if node.name in layers}
    calibration = confidences.calibration() if confidences else None
    return Report(model.name, len(given.images), tuple(ranked), ordered, calibration)
