"""Losses into steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.plan import Attributes, Buffer, Layout
from pellucid.graph import Graph
from pellucid.layers import Shape
from pellucid.objectives import (
    AbsoluteError,
    CrossEntropy,
    Hinge,
    MaximumAPosteriori,
    Objective,
    SquaredError,
)

TOTALS_BYTES = 16
"""Of a shard's loss and number of right answers; native/kernels/loss/totals.h."""

KERNELS: Mapping[type[Objective], str] = {
    AbsoluteError: "absolute_error",
    CrossEntropy: "cross_entropy",
    Hinge: "hinge",
    MaximumAPosteriori: "cross_entropy",
    SquaredError: "squared_error",
}
"""Of a loss, but for "_classes" or "_arrays"."""


@dataclass(frozen=True)
class Scored:
    """One of the outputs that are compared with the targets.

    Attributes:
        node: whose output the loss reads.
        scores: that output.
        weight: of its loss in the sum.
    """

    node: str
    scores: Buffer
    weight: float


def lower_loss(
    builder: PlanBuilder,
    graph: Graph,
    objective: Objective,
    outputs: Sequence[Scored],
    *,
    classes: bool,
    indexed: bool,
) -> dict[str, Buffer]:
    """Append J and its gradients with respect to the scores; returns the latter by node.

    Args:
        builder: of the plan.
        graph: the nodes'.
        objective: the loss.
        outputs: what is compared with the targets; right answers are counted by the first.
        classes: whether targets are classes (external "targets", int64) or arrays (float32).
        indexed: whether the external "indices" says which targets belong to the batch.
    """
    first = outputs[0].node
    cells = 1 if classes else math.prod(graph.shapes[first])
    targets = builder.external("targets", "int64" if classes else "float32")
    indices = builder.external("indices", "int64") if indexed else None
    gathered = builder.lanes_buffer("targets", cells, "int32" if classes else "float32")
    operation = "gather_classes" if classes else "gather_floats"
    builder.tile(operation, first, (targets, indices, gathered), {"cells": cells, "scale": 1.0})

    totals = builder.shard_sums("loss totals", TOTALS_BYTES, Layout.FLAT, "totals")
    gradients = {}
    for output in outputs:
        shape = graph.shapes[output.node]
        gradient = builder.lanes_buffer(f"d {output.node}", math.prod(shape))
        kernel = f"{KERNELS[type(objective)]}_{'classes' if classes else 'arrays'}"
        attributes = _attributes(objective, shape, output.weight, counted=output.node == first)
        builder.tile(kernel, output.node, (output.scores, gathered, gradient, totals), attributes)
        gradients[output.node] = gradient
    reports = (totals, builder.external("losses", "float64"), builder.external("correct", "int64"))
    builder.later(GRADIENT_TURN, "report_loss", first, reports, {"cells": 1}, extent=1)
    return gradients


def _attributes(objective: Objective, shape: Shape, weight: float, *, counted: bool) -> Attributes:
    rubbish = isinstance(objective, MaximumAPosteriori)
    return {
        "classes": shape[0],
        "positions": math.prod(shape[1:]),
        "counted": int(counted),
        "has_rubbish": int(rubbish),
        "smoothing": objective.label_smoothing if isinstance(objective, CrossEntropy) else 0.0,
        "rubbish_distance": objective.rubbish_distance if isinstance(objective, MaximumAPosteriori) else 0.0,
        "margin": objective.margin if isinstance(objective, Hinge) else 0.0,
        "weight": weight,
    }
