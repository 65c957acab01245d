"""How much of the input one cell of a node can see (Araujo et al. 2019, Computing receptive fields)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from pellucid.graph import Graph, Node
from pellucid.layers import AxisWindow, Parameter


@dataclass(frozen=True)
class AxisField:
    """Along one axis: cell o sees the inputs start + o * stride up to that plus size - 1.

    Padding hides some of them from cells at the edge. Behind layers that enlarge the map the numbers are
    nominal and may be fractions, as neighbouring cells see unlike blocks; `explain.theoretical_field` gives
    the block of any one cell exactly.
    """

    size: Fraction
    stride: Fraction
    start: Fraction


ReceptiveField = tuple[AxisField, ...] | None
"""One field an axis; None when every cell may see the whole input, empty when it sees none of it."""


def receptive_fields(graph: Graph) -> Mapping[str, ReceptiveField]:
    """Theoretical receptive field of every node, in pixels of the input it comes from."""
    fields: dict[str, ReceptiveField] = {}
    for node in graph.nodes:
        if node.inputs:
            fields[node.name] = _union(
                [_through(graph, node, source, fields[source]) for source in node.inputs]
            )
        elif isinstance(node.layer, Parameter):
            fields[node.name] = ()
        else:
            spatial = graph.shapes[node.name][1:]
            fields[node.name] = (AxisField(Fraction(1), Fraction(1), Fraction(0)),) * len(spatial) or None
    return fields


def _through(graph: Graph, node: Node, source: str, field: ReceptiveField) -> ReceptiveField:
    window = node.layer.window(graph.input_shapes(node))
    if field is None or (field and (window is None or _repeated(graph, node, source))):
        return None
    if not field or not window:
        return field
    return tuple(_widened(before, axis) for before, axis in zip(field, window, strict=True))


def _repeated(graph: Graph, node: Node, source: str) -> bool:
    """Whether one position of an input meets many of another, as the gates of squeeze and excitation do.

    It may be far away from some of them, so that these see whatever lies between.
    """
    lengths, wanted = graph.shapes[source][1:], graph.shapes[node.name][1:]
    merges = len(node.inputs) > 1 and len(lengths) == len(wanted)
    return merges and any(length == 1 < many for length, many in zip(lengths, wanted, strict=True))


def _widened(before: AxisField, axis: AxisWindow) -> AxisField:
    """The field behind one more window."""
    # With a fraction of f only every f-th place of the window holds an input cell.
    step = before.stride / axis.fraction
    cells = (axis.extent - 1) // axis.fraction
    return AxisField(
        size=before.size + cells * before.stride,
        stride=step * axis.stride,
        start=before.start - axis.pad_start * step,
    )


def _union(fields: list[ReceptiveField]) -> ReceptiveField:
    if any(field is None for field in fields):
        return None
    known = [field for field in fields if field]
    result = []
    for axis in zip(*known, strict=True):
        start = min(field.start for field in axis)
        end = max(field.start + field.size for field in axis)
        result.append(AxisField(end - start, max(field.stride for field in axis), start))
    return tuple(result)
