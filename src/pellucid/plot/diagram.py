"""The architecture of a network: its graph as blocks and lines, the shape beside every block."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from pellucid.graph import Graph
from pellucid.model import Model
from pellucid.plot.blocks import SIGNS, Block, blocks_of, shape_text
from pellucid.plot.canvas import FAINT, FIRST_CJK_LETTER, INK, LABEL, SMALL, TITLE, finished, new_figure
from pellucid.plot.language import Words
from pellucid.plot.layering import Key, Layout, arrange, columns

FILLS: Mapping[str, tuple[str, str]] = {
    "source": ("white", FAINT),
    "convolution": ("#dbe9f8", "#1f6fb4"),
    "pooling": ("#dcefe1", "#2a8f5c"),
    "dense": ("#fde8cd", "#c77700"),
    "merge": ("white", INK),
    "other": ("#eeeaf6", "#7b52ab"),
}
"""Ground and frame of every family of blocks."""

SPACE, LINE, RADIUS = 0.3, 0.14, 0.14
"""Between rows, around a line that passes a row, and of a sign's circle, in inches."""

ASPECT = 1.7
"""Width over height that a large diagram is wrapped to."""

TALL = 16
"""Rows that are never wrapped."""

Place = tuple[float, float]


@dataclass(frozen=True)
class _Drawing:
    """Everything that has a size or a place, in inches from the upper left corner."""

    blocks: Mapping[str, Block]
    layout: Layout
    names: bool
    groups: Sequence[range]
    tops: Sequence[float]
    heights: Sequence[float]
    lefts: Sequence[float]
    size: Place

    def column(self, row: int) -> int:
        return next(number for number, rows in enumerate(self.groups) if row in rows)

    def at(self, key: Key, row: int) -> Place:
        """Middle of a key."""
        return self.lefts[self.column(row)] + self.layout.x[key], self.tops[row] + self.heights[row] / 2


def architecture(
    network: Model | Graph, *, title: str = "", fold: bool = True, names: bool = True, language: str = "en"
) -> Figure:
    """A network's graph: a block a layer, branches side by side, the output's shape beside every block.

    Long networks are wrapped into columns, where a single block holds all lines together.

    Args:
        network: a model or a graph.
        title: of the figure; the model's name when left out.
        fold: write activations, normalisations, dropout and flattening into the block before them.
        names: write the nodes' names into the blocks.
        language: "en" or "zh".
    """
    words = Words(language)
    graph = network.graph if isinstance(network, Model) else network
    heading = title or (network.name if isinstance(network, Model) else "")
    blocks = blocks_of(graph, words, fold=fold)
    extents = {name: _extent(block, names) for name, block in blocks.items()}
    layout = arrange({name: block.inputs for name, block in blocks.items()}, extents, LINE)
    drawing = _measured(blocks, layout, extents, names, 0.55 if heading else 0.15)
    figure = new_figure(*drawing.size, arranged=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, drawing.size[0]), ylim=(drawing.size[1], 0))
    axes.set_axis_off()
    if heading:
        axes.text(drawing.size[0] / 2, 0.28, heading, fontsize=TITLE, ha="center", va="center", color=INK)
    rows = {key: number for number, row in enumerate(layout.rows) for key in row}
    for name, block in blocks.items():
        _draw_block(axes, block, drawing.at(name, rows[name]), names)
    for name, block in blocks.items():
        for source in block.inputs:
            _draw_line(axes, drawing, layout.route(source, name), rows)
    return finished(figure)


# ---- sizes


def _lines(block: Block, names: bool) -> list[tuple[str, float, str]]:
    """Text of a block: (line, size of its letters, colour)."""
    lines = [(block.name, SMALL - 1.5, FAINT)] if names and block.name != block.title else []
    lines.append((block.title, LABEL - 1, INK))
    if block.inside:
        lines.append((" · ".join(block.inside), SMALL - 1, INK))
    return lines


def _width(text: str, size: float) -> float:
    """About how wide letters run, in inches; Chinese ones are square."""
    return sum(1.0 if letter >= FIRST_CJK_LETTER else 0.58 for letter in text) * size / 72


def _beside(block: Block) -> str:
    """What stands to the right: the shape, and of a sign what follows it."""
    shape = shape_text(block.shape)
    return f"{' · '.join(block.inside)}  {shape}" if _is_sign(block) and block.inside else shape


def _is_sign(block: Block) -> bool:
    return block.title in SIGNS.values()


def _box(block: Block, names: bool) -> Place:
    """Width and height of a block's frame."""
    if _is_sign(block):
        return 2 * RADIUS, 2 * RADIUS
    lines = _lines(block, names)
    width = max(_width(text, size) for text, size, _ in lines) + 0.24
    return max(width, 0.9), sum(size for _, size, _ in lines) * 1.32 / 72 + 0.12


def _extent(block: Block, names: bool) -> Place:
    half = _box(block, names)[0] / 2
    return half + 0.12, half + 0.2 + _width(_beside(block), SMALL - 1)


def _measured(
    blocks: Mapping[str, Block], layout: Layout, extents: Mapping[str, Place], names: bool, top: float
) -> _Drawing:
    heights = [
        max((_box(blocks[key], names)[1] for key in row if isinstance(key, str)), default=2 * RADIUS)
        for row in layout.rows
    ]
    spans = [_span(row, layout, extents) for row in layout.rows]
    widest = max(right - left for left, right in spans)
    step = sum(heights) / len(heights) + SPACE
    wanted = math.sqrt(len(heights) * widest / (ASPECT * step))
    groups = columns(layout, max(1, round(len(heights) / max(TALL, wanted))))
    tops, lefts, x = [0.0] * len(heights), [], 0.25
    bottom = 0.0
    for rows in groups:
        y = top + (SPACE if len(groups) > 1 else 0)
        for row in rows:
            tops[row] = y
            y += heights[row] + SPACE
        bottom = max(bottom, y)
        left = min(spans[row][0] for row in rows)
        lefts.append(x - left)
        x += max(spans[row][1] for row in rows) - left + 0.45
    return _Drawing(blocks, layout, names, groups, tops, heights, lefts, (max(x - 0.2, 3.0), bottom))


def _span(row: Sequence[Key], layout: Layout, extents: Mapping[str, Place]) -> Place:
    """How far a row reaches to both sides."""
    sides = [(layout.x[key], extents[key] if isinstance(key, str) else (LINE, LINE)) for key in row]
    return min(x - left for x, (left, _) in sides), max(x + right for x, (_, right) in sides)


# ---- drawing


def _draw_block(axes: Axes, block: Block, middle: Place, names: bool) -> None:
    x, y = middle
    width, height = _box(block, names)
    fill, frame = FILLS[block.family]
    if _is_sign(block):
        axes.add_patch(
            Circle(middle, RADIUS, facecolor=fill, edgecolor=frame, gid=f"block:{block.name}", zorder=3)
        )
        axes.text(
            x, y, block.title, fontsize=LABEL + 1, ha="center", va="center_baseline", color=INK, zorder=4
        )
    else:
        axes.add_patch(
            FancyBboxPatch(
                (x - width / 2, y - height / 2),
                width,
                height,
                boxstyle="round,pad=0,rounding_size=0.07",
                facecolor=fill,
                edgecolor=frame,
                linewidth=1.2,
                gid=f"block:{block.name}",
                zorder=3,
            )
        )
        line_top = y - height / 2 + 0.06
        for text, size, colour in _lines(block, names):
            tall = size * 1.32 / 72
            axes.text(
                x, line_top + tall / 2, text, fontsize=size, ha="center", va="center", color=colour, zorder=4
            )
            line_top += tall
    axes.text(x + width / 2 + 0.07, y, _beside(block), fontsize=SMALL - 1, va="center", color=FAINT, zorder=4)


def _draw_line(axes: Axes, drawing: _Drawing, route: Sequence[Key], rows: Mapping[Key, int]) -> None:
    """A line through the points of its route, and from one column to the next around the blocks."""
    points: list[Place] = []
    codes: list[np.uint8] = []
    for number, key in enumerate(route):
        row = rows[key]
        x, y = drawing.at(key, row)
        half = drawing.heights[row] / 2
        if isinstance(key, str):
            half = _box(drawing.blocks[key], drawing.names)[1] / 2
        entry, leave = (x, y - half), (x, y + half)
        if number:
            previous = rows[route[number - 1]]
            crossing = drawing.column(previous) != drawing.column(row)
            leads = _around(drawing, points[-1], entry, previous) if crossing else _curve(points[-1], entry)
            points += leads
            codes += [Path.LINETO if crossing else Path.CURVE4] * len(leads)
        if number < len(route) - 1:
            points.append(leave)
            codes.append(Path.LINETO if points[:-1] else Path.MOVETO)
    axes.add_patch(
        FancyArrowPatch(
            path=Path(points, codes),
            arrowstyle="-|>",
            mutation_scale=7,
            color=FAINT,
            linewidth=1.1,
            gid=f"line:{route[0]}:{route[-1]}",
            zorder=2,
        )
    )


def _curve(start: Place, end: Place) -> list[Place]:
    middle = (start[1] + end[1]) / 2
    return [(start[0], middle), (end[0], middle), end]


def _around(drawing: _Drawing, start: Place, end: Place, row: int) -> list[Place]:
    """Below the last block of a column, up between the columns, and into the next one from above."""
    column = drawing.column(row)
    below = start[1] + SPACE / 2
    first = drawing.groups[column + 1].start
    above = drawing.tops[first] - SPACE / 2
    gap = drawing.lefts[column + 1] + min(
        drawing.layout.x[key] - _reach(drawing, key)
        for r in drawing.groups[column + 1]
        for key in drawing.layout.rows[r]
    )
    between = gap - 0.2
    return [(start[0], below), (between, below), (between, above), (end[0], above), end]


def _reach(drawing: _Drawing, key: Key) -> float:
    """How far a key reaches to the left of its middle."""
    return _extent(drawing.blocks[key], drawing.names)[0] if isinstance(key, str) else LINE
