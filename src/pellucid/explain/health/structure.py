"""What needs no images: filters that are nearly the same, and input columns that no window reaches."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from pellucid.engines.engine import Array
from pellucid.explain.health.report import Finding, LayerHealth, Thresholds, number
from pellucid.graph import Node
from pellucid.layers import Convolution, Linear, TransposedConvolution
from pellucid.model import Model
from pellucid.summary import unused_columns

FEWEST_WEIGHTS = 9
"""Of a filter that can be told from another: two of fewer weights come near each other by chance."""

BLOCK = 256
"""Filters that are compared with all others at a time."""

KEPT_PAIRS = 20
"""Nearest pairs of a layer that are named; they are few in a sound one."""

DIRECTIONS, MARGIN = 128, 0.05
"""Of a sketch, and how far its cosine may lie below that of near filters: 25 standard deviations at 0.99."""


def structure(model: Model, thresholds: Thresholds) -> Iterator[tuple[str, LayerHealth, tuple[Finding, ...]]]:
    """For every layer that has something to say: its numbers, and findings."""
    for name, unused in unused_columns(model.graph).items():
        most = max(unused)
        findings = (_unused_finding(name, unused, thresholds),) if most >= thresholds.unused_columns else ()
        yield name, LayerHealth(unused=unused), findings
    for node in model.graph.nodes:
        pairs = duplicate_filters(model, node, thresholds.duplicate_cosine)
        if pairs:
            yield node.name, LayerHealth(duplicates=pairs), (_duplicate_finding(node, pairs, thresholds),)


def _unused_finding(name: str, unused: tuple[int, ...], thresholds: Thresholds) -> Finding:
    axes = ("row", "column") if len(unused) == 2 else ("position",)
    parts = [
        f"{count} {axis}{'s' if count > 1 else ''}"
        for count, axis in zip(unused, axes, strict=False)
        if count
    ]
    return Finding(
        "unused columns",
        name,
        max(unused),
        thresholds.unused_columns,
        f"{name}: its stride leaves the last {' and '.join(parts)} of its input unused",
        "Pad its input, or choose kernel, stride and input size so that the windows come out even",
    )


def _duplicate_finding(
    node: Node, pairs: tuple[tuple[int, int, float], ...], thresholds: Thresholds
) -> Finding:
    first, second, cosine = pairs[0]
    sign = " but for their sign" if cosine < 0 else ""
    several = f", and {len(pairs) - 1} more pair{'s' if len(pairs) > 2 else ''} are" if len(pairs) > 1 else ""
    more = ", and many more pairs are" if len(pairs) == KEPT_PAIRS else several
    return Finding(
        "duplicate filters",
        node.name,
        abs(cosine),
        thresholds.duplicate_cosine,
        f"{node.name}: filters {first} and {second} are nearly the same{sign} "
        f"(cosine {cosine:.4f}, from {number(thresholds.duplicate_cosine)}){more}",
        "One of them can go: use fewer filters, or start from other random weights",
    )


def duplicate_filters(model: Model, node: Node, cosine: float) -> tuple[tuple[int, int, float], ...]:
    """Pairs of a layer's filters in nearly the same or opposite directions, nearest first.

    Only filters that see the same inputs are compared; KEPT_PAIRS at most are returned.
    """
    groups = _filters(model, node)
    if groups is None or groups.shape[2] < FEWEST_WEIGHTS:
        return ()
    pairs: list[tuple[int, int, float]] = []
    count = groups.shape[1]
    for group, filters in enumerate(groups):
        sketch = _sketch(filters)
        nearby = cosine if sketch is filters else cosine - MARGIN
        lengths = np.sqrt(np.einsum("fw,fw->f", sketch, sketch, dtype=np.float64))
        inverse = np.where((lengths > 0) & np.isfinite(lengths), 1 / lengths, 0)
        for start in range(0, count, BLOCK):
            part = slice(start, start + BLOCK)
            cosines = np.abs((sketch[part] @ sketch[start:].T) * inverse[part, None] * inverse[start:])
            near = np.argwhere(np.triu(cosines, 1) >= nearby)
            nearest = near[np.argsort(-cosines[tuple(near.T)], kind="stable")[:KEPT_PAIRS]]
            for i, j in nearest + start:
                exact = _cosine(filters[i], filters[j])
                if abs(exact) >= cosine:
                    pairs.append((group * count + int(i), group * count + int(j), exact))
        pairs = sorted(pairs, key=lambda pair: -abs(pair[2]))[:KEPT_PAIRS]
    return tuple(pairs)


def _sketch(filters: Array) -> Array:
    """Long filters in few random directions, which nearly keep angles (Johnson & Lindenstrauss 1984)."""
    if filters.shape[1] <= 2 * DIRECTIONS:
        return filters
    directions = np.random.default_rng(0).standard_normal((filters.shape[1], DIRECTIONS), np.float32)
    sketch: Array = filters @ directions
    return sketch


def _cosine(a: Array, b: Array) -> float:
    dots = [float(np.einsum("w,w->", x, y, dtype=np.float64)) for x, y in ((a, b), (a, a), (b, b))]
    return float(np.clip(dots[0] / math.sqrt(dots[1] * dots[2]), -1, 1)) if dots[1] * dots[2] > 0 else 0.0


def _filters(model: Model, node: Node) -> Array | None:
    """(groups, filters, weights) of a layer whose filters can be compared; None for any other."""
    layer = node.layer
    if isinstance(layer, Convolution) and layer.connections is not None:
        return None
    if not isinstance(layer, Convolution | TransposedConvolution | Linear):
        return None
    weights = model.parameters[f"{node.name}.weight"]
    if isinstance(layer, Linear):
        return weights[None]
    if isinstance(layer, TransposedConvolution):
        inputs = weights.shape[0] // layer.groups
        split = weights.reshape(layer.groups, inputs, weights.shape[1], -1).swapaxes(1, 2)
        return split.reshape(layer.groups, weights.shape[1], -1)
    return weights.reshape(layer.groups, len(weights) // layer.groups, -1)
