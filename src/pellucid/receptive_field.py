"""How much of the input one cell of a node can see (Araujo et al. 2019, Computing receptive fields)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.graph import Graph, Node


@dataclass(frozen=True)
class AxisField:
    """Along one axis: cell o sees the inputs start + o * stride up to that plus size - 1."""

    size: int
    stride: int
    start: int


ReceptiveField = tuple[AxisField, ...] | None
"""One field an axis; None when every cell may see the whole input."""


def receptive_fields(graph: Graph) -> Mapping[str, ReceptiveField]:
    """Theoretical receptive field of every node, in pixels of the input it comes from."""
    fields: dict[str, ReceptiveField] = {}
    for node in graph.nodes:
        if node.inputs:
            fields[node.name] = _union([_through(graph, node, fields[source]) for source in node.inputs])
        else:
            fields[node.name] = tuple(AxisField(1, 1, 0) for _ in graph.shapes[node.name][1:]) or None
    return fields


def _through(graph: Graph, node: Node, field: ReceptiveField) -> ReceptiveField:
    window = node.layer.window(graph.input_shapes(node))
    if field is None or window is None:
        return None
    if not window:
        return field
    return tuple(
        AxisField(
            size=before.size + (axis.extent - 1) * before.stride,
            stride=before.stride * axis.stride,
            start=before.start - axis.pad_start * before.stride,
        )
        for before, axis in zip(field, window, strict=True)
    )


def _union(fields: list[ReceptiveField]) -> ReceptiveField:
    known = [field for field in fields if field is not None]
    if len(known) < len(fields):
        return None
    result = []
    for axis in zip(*known, strict=True):
        start = min(field.start for field in axis)
        end = max(field.start + field.size for field in axis)
        result.append(AxisField(end - start, max(field.stride for field in axis), start))
    return tuple(result)
