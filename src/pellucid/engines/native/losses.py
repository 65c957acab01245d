"""Losses into steps."""

from __future__ import annotations

import math

from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.plan import Attributes, Buffer, Layout
from pellucid.errors import LayerError
from pellucid.graph import Graph
from pellucid.objectives import CrossEntropy, MaximumAPosteriori, Objective

TOTALS_BYTES = 16
"""Of a shard's loss and number of right answers; native/kernels/loss/totals.h."""


def lower_loss(
    builder: PlanBuilder,
    graph: Graph,
    node: str,
    objective: Objective,
    scores: Buffer,
    *,
    classes: bool,
    indexed: bool,
) -> Buffer:
    """Append J and its gradient with respect to the scores of a node; returns the latter.

    Args:
        builder: of the plan.
        graph: the node's.
        node: whose output the loss reads.
        objective: the loss.
        scores: that output.
        classes: whether targets are classes (external "targets", int64) or arrays (float32).
        indexed: whether the external "indices" says which targets belong to the batch.
    """
    shape = graph.shapes[node]
    cells = math.prod(shape)
    targets = builder.external("targets", "int64" if classes else "float32")
    indices = builder.external("indices", "int64") if indexed else None
    gathered = builder.lanes_buffer("targets", 1 if classes else cells, "int32" if classes else "float32")
    gather = {"cells": 1 if classes else cells, "scale": 1.0}
    operation = "gather_classes" if classes else "gather_floats"
    builder.tile(operation, node, (targets, indices, gathered), gather)

    name, attributes = _kernel(node, objective, shape, classes)
    gradient = builder.lanes_buffer(f"d {node}", cells)
    totals = builder.shard_sums("loss totals", TOTALS_BYTES, Layout.FLAT, "totals")
    builder.tile(name, node, (scores, gathered, gradient, totals), attributes)
    reports = (totals, builder.external("losses", "float64"), builder.external("correct", "int64"))
    builder.later(GRADIENT_TURN, "report_loss", node, reports, {"cells": 1}, extent=1)
    return gradient


def _kernel(node: str, objective: Objective, shape: tuple[int, ...], classes: bool) -> tuple[str, Attributes]:
    attributes = {
        "classes": math.prod(shape),
        "has_rubbish": int(isinstance(objective, MaximumAPosteriori)),
        "smoothing": objective.label_smoothing if isinstance(objective, CrossEntropy) else 0.0,
        "rubbish_distance": (
            objective.rubbish_distance if isinstance(objective, MaximumAPosteriori) else 0.0
        ),
    }
    kind = "classes" if classes else "arrays"
    if not isinstance(objective, CrossEntropy | MaximumAPosteriori):
        return f"squared_error_{kind}", attributes
    if len(shape) != 1:
        name = type(objective).__name__
        raise LayerError(f"{node}: {name} expects an output of shape (classes,), received {shape}")
    return f"cross_entropy_{kind}", attributes
