"""Places for the blocks of a diagram: rows by depth, few crossings, straight lines (Sugiyama et al. 1981)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

SWEEPS = 12
"""Times that the rows are passed, down and up."""

FINAL = 4
"""Last of them, in which keys look both ways."""

FIRM, LOOSE = 24.0, 1.0
"""How much a block and a point of a line that passes a row insist on their places."""

Key = str | tuple[str, str, int]
"""A block, or the point where the line between two blocks passes a row."""


@dataclass
class Layout:
    """Where everything lies.

    Attributes:
        rows: keys in each row, from left to right.
        x: the middle of every key.
    """

    rows: list[list[Key]]
    x: dict[Key, float] = field(default_factory=dict)

    def route(self, source: str, target: str) -> list[Key]:
        """The points of a line from one block to another, both included."""
        first, last = self._row(source), self._row(target)
        return [source, *((source, target, row) for row in range(first + 1, last)), target]

    def _row(self, name: str) -> int:
        return next(number for number, row in enumerate(self.rows) if name in row)


def depths(inputs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Row of every block: one below the lowest that feeds it; a source just above what it feeds."""
    depth: dict[str, int] = {}
    for name, sources in inputs.items():
        depth[name] = 1 + max((depth[source] for source in sources), default=-1)
    consumers: dict[str, list[str]] = {name: [] for name in inputs}
    for name, sources in inputs.items():
        for source in sources:
            consumers[source].append(name)
    for name, sources in inputs.items():
        if not sources and consumers[name]:
            depth[name] = min(depth[consumer] for consumer in consumers[name]) - 1
    return depth


def arrange(
    inputs: Mapping[str, Sequence[str]], extents: Mapping[str, tuple[float, float]], line: float
) -> Layout:
    """Rows, their order, and places along them.

    Args:
        inputs: for every block those that feed it; these come before it.
        extents: how far a block reaches to the left and to the right of its middle.
        line: the same for a line that passes.
    """
    depth = depths(inputs)
    layout = Layout([[] for _ in range(1 + max(depth.values()))])
    neighbours: dict[Key, list[Key]] = {}
    for name in inputs:
        layout.rows[depth[name]].append(name)
    for target, sources in inputs.items():
        for source in sources:
            points: list[Key] = [(source, target, row) for row in range(depth[source] + 1, depth[target])]
            for row, point in enumerate(points, depth[source] + 1):
                layout.rows[row].append(point)
            chain: list[Key] = [source, *points, target]
            for above, below in pairwise(chain):
                neighbours.setdefault(above, []).append(below)
                neighbours.setdefault(below, []).append(above)
    _order(layout, neighbours)
    _place(layout, neighbours, extents, line)
    return layout


def _order(layout: Layout, neighbours: Mapping[Key, Sequence[Key]]) -> None:
    """Sort every row by the mean place of its neighbours in the row before, down and up."""
    for sweep in range(SWEEPS):
        for row, near in _passes(layout.rows, upwards=sweep % 2 == 1):
            place = {key: number for number, key in enumerate(near)}

            def middle(key: Key, place: Mapping[Key, int] = place, row: list[Key] = row) -> float:
                found = [place[other] for other in neighbours.get(key, ()) if other in place]
                return sum(found) / len(found) if found else row.index(key)

            ranks = {key: middle(key) for key in row}
            row.sort(key=ranks.__getitem__)


def _passes(rows: list[list[Key]], upwards: bool) -> Iterator[tuple[list[Key], list[Key]]]:
    """Every row with the one before it on the way."""
    order = rows[::-1] if upwards else rows
    return zip(order[1:], order, strict=False)


def _place(
    layout: Layout,
    neighbours: Mapping[Key, Sequence[Key]],
    extents: Mapping[str, tuple[float, float]],
    line: float,
) -> None:
    """Move every key towards its neighbours' mean, as far as the order and the widths of its row allow.

    A block alone in its row stays in the middle: such blocks are the spine of the diagram.
    """
    for row in layout.rows:
        widths = _separations(row, extents, line)
        places = np.cumsum([0.0, *widths])
        layout.x |= dict(zip(row, (places - places.mean()).tolist(), strict=True))
    depth = {key: number for number, row in enumerate(layout.rows) for key in row}
    for sweep in range(SWEEPS):
        upwards, final = sweep % 2 == 1, sweep >= SWEEPS - FINAL
        for row in layout.rows[::-1] if upwards else layout.rows:
            if len(row) == 1:
                continue
            wished = []
            for key in row:
                near = neighbours.get(key, ())
                fixed = near if final else [n for n in near if (depth[n] > depth[key]) == upwards]
                wished.append(_wish([(layout.x[n], _firmness(n)) for n in fixed], layout.x[key]))
            settled = apart(wished, _separations(row, extents, line), [_firmness(key) for key in row])
            layout.x |= dict(zip(row, settled, strict=True))


def _firmness(key: Key) -> float:
    return FIRM if isinstance(key, str) else LOOSE


def _wish(weighted: Sequence[tuple[float, float]], otherwise: float) -> float:
    """The weighted mean of places."""
    total = sum(weight for _, weight in weighted)
    return sum(x * weight for x, weight in weighted) / total if total else otherwise


def _separations(row: Sequence[Key], extents: Mapping[str, tuple[float, float]], line: float) -> list[float]:
    sides = [extents[key] if isinstance(key, str) else (line, line) for key in row]
    return [left[1] + right[0] for left, right in pairwise(sides)]


def apart(wished: Sequence[float], separations: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The places nearest to those wished for that keep the order and the distances (least squares)."""
    from sklearn.isotonic import isotonic_regression

    offsets = np.cumsum([0.0, *separations])
    fitted = isotonic_regression(np.asarray(wished) - offsets, sample_weight=np.asarray(weights))
    return [float(place) for place in fitted + offsets]


def columns(layout: Layout, count: int) -> list[range]:
    """Rows in about this many columns of like height, cut where a single block holds all lines together."""
    total = len(layout.rows)
    cuts = [number + 1 for number, row in enumerate(layout.rows[:-1]) if len(row) == 1]
    wished = [k * total / count for k in range(1, count)] if cuts else []
    chosen = {cuts[int(np.abs(np.subtract(cuts, place)).argmin())] for place in wished}
    ends = [0, *sorted(chosen), total]
    return [range(start, stop) for start, stop in pairwise(ends)]
