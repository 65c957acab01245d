"""Drawing one window of a convolution: input, kernel and output, in inches from the upper left corner."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from pellucid.layers import ConvTranspose2d
from pellucid.plot.canvas import FAINT, INK, LABEL, PAPER, SMALL, TITLE, new_figure
from pellucid.plot.grids import Kind
from pellucid.plot.window_plan import WindowPlan, captions, input_text, notes, result, seen_weights, title

INPUT, WINDOW, OUTPUT, CHOSEN = "#cfe2f5", "#fbcf8f", "#d3ead7", "#5fb878"
"""Cells of the input, those under the kernel, those of the output, and the one that is computed."""

STRONG = "#d07a00"
"""Of the window's outline."""

WIDEST, CELL = 12.0, 0.44
"""Of a figure and of a cell, in inches."""

LINE = 0.48
"""Height of a line of equations, in inches."""

GAP = 0.75
"""Between input, kernel and output, in inches."""


def draw(plan: WindowPlan) -> Figure:
    """Input times kernel gives output, captions below, the rule and the legend at the bottom."""
    across = [len(plan.cells.columns.places), plan.kernel[1], plan.output[1]]
    down = [len(plan.cells.rows.places), plan.kernel[0], plan.output[0]]
    side = min(CELL, (WIDEST - 2 * GAP - 0.6) / sum(across))
    below = notes(plan)
    legend = _legend(plan)
    top, width = 0.95, max(sum(across) * side + 2 * GAP + 0.6, 6.4)
    bottom = top + max(down) * side
    height = bottom + 0.7 + LINE * len(below) + 0.5
    figure = new_figure(width, height, arranged=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    left = (width - sum(across) * side - 2 * GAP) / 2
    middle = top + max(down) * side / 2
    lefts = [left, left + across[0] * side + GAP, left + sum(across[:2]) * side + 2 * GAP]
    tops = [middle - count * side / 2 for count in down]
    _draw_input(axes, plan, lefts[0], tops[0], side)
    _draw_kernel(axes, plan, lefts[1], tops[1], side)
    _draw_output(axes, plan, lefts[2], tops[2], side)
    for sign, x in (("∗", lefts[1] - GAP / 2), ("=", lefts[2] - GAP / 2)):
        axes.text(x, middle, sign, fontsize=TITLE + 6, ha="center", va="center", color=INK)
    axes.text(width / 2, 0.3, title(plan), fontsize=TITLE, ha="center", va="center", color=INK)
    for text, x, count, y, lines in zip(captions(plan), lefts, across, tops, down, strict=True):
        y_text = y + lines * side + 0.12
        axes.text(x + count * side / 2, y_text, text, fontsize=LABEL, ha="center", va="top", color=INK)
    for number, note in enumerate(below):
        axes.text(
            width / 2,
            bottom + 0.7 + LINE * (number + 0.5),
            note,
            fontsize=LABEL,
            ha="center",
            va="center",
            color=INK,
        )
    _draw_legend(axes, legend, width / 2, height - 0.28)
    return figure


def _cell(axes: Axes, x: float, y: float, side: float, name: str, **style: object) -> Rectangle:
    patch = Rectangle((x, y), side, side, gid=name, edgecolor=FAINT, linewidth=0.8)
    patch.update(style)
    axes.add_patch(patch)
    return patch


def _number(axes: Axes, x: float, y: float, side: float, text: str, colour: str = INK) -> None:
    # The longest number that occurs must fit between the lines.
    size = min(side * 72 * 0.42, side * 72 * 0.9 / (0.62 * max(2, len(text))))
    axes.text(
        x + side / 2, y + side / 2, text, fontsize=size, ha="center", va="center_baseline", color=colour
    )


def _draw_input(axes: Axes, plan: WindowPlan, left: float, top: float, side: float) -> None:
    cells = plan.cells
    under = {(r, c) for r in cells.rows.taps(plan.at[0]) for c in cells.columns.taps(plan.at[1])}
    first_row, first_column = cells.rows.places.start, cells.columns.places.start
    for row in cells.rows.places:
        for column in cells.columns.places:
            x, y = left + (column - first_column) * side, top + (row - first_row) * side
            kind = cells.kind(row, column)
            covered = (row, column) in under
            style = _style(kind, covered, unused=kind is Kind.INPUT and not cells.reached(row, column))
            _cell(axes, x, y, side, f"{kind.name.lower()}-{row}-{column}", **style)
            text = input_text(plan, row, column)
            if text:
                _number(axes, x, y, side, text, INK if kind is Kind.INPUT else FAINT)
    corners = _outline(plan, plan.at)
    _draw_outline(axes, corners, left, top, side, (first_row, first_column), "window")
    if plan.at[1] + 1 < plan.output[1] and not isinstance(plan.layer, ConvTranspose2d):
        following = _outline(plan, (plan.at[0], plan.at[1] + 1))
        _draw_outline(axes, following, left, top, side, (first_row, first_column), "next-window")
        start = left + (corners[1] - first_column) * side
        _draw_stride(axes, plan, start, start + (following[1] - corners[1]) * side, top - 0.14)


def _style(kind: Kind, covered: bool, unused: bool) -> dict[str, object]:
    if kind is Kind.INPUT:
        style: dict[str, object] = {"facecolor": WINDOW if covered else INPUT}
        if unused:
            style |= {"hatch": "////", "facecolor": "#eef0f2", "edgecolor": "#b6bbc0"}
        return style
    empty = PAPER if kind is Kind.PADDING else "#eceff3"
    return {"facecolor": "#fdeed8" if covered else empty, "linestyle": (0, (3, 2))}


def _outline(plan: WindowPlan, at: tuple[int, int]) -> tuple[int, int, int, int]:
    """First row and column, and rows and columns, that a window spans."""
    rows, columns = plan.cells.rows, plan.cells.columns
    return rows.taps(at[0])[0], columns.taps(at[1])[0], rows.window.extent, columns.window.extent


def _draw_outline(
    axes: Axes,
    corners: tuple[int, int, int, int],
    left: float,
    top: float,
    side: float,
    first: tuple[int, int],
    name: str,
) -> None:
    row, column, rows, columns = corners
    axes.add_patch(
        Rectangle(
            (left + (column - first[1]) * side, top + (row - first[0]) * side),
            columns * side,
            rows * side,
            fill=False,
            edgecolor=STRONG,
            linewidth=2.2 if name == "window" else 1.6,
            linestyle="solid" if name == "window" else (0, (4, 2)),
            gid=name,
            zorder=3,
        )
    )


def _draw_stride(axes: Axes, plan: WindowPlan, start: float, stop: float, y: float) -> None:
    arrow = FancyArrowPatch(
        (start, y),
        (stop, y),
        arrowstyle="-|>",
        mutation_scale=9,
        shrinkA=0,
        shrinkB=0,
        color=STRONG,
        gid="stride",
    )
    axes.add_patch(arrow)
    stride = plan.cells.columns.window.stride
    text = plan.words("stride {number}", number=stride)
    axes.text((start + stop) / 2, y - 0.06, text, fontsize=SMALL, ha="center", va="bottom", color="#a86200")


def _draw_kernel(axes: Axes, plan: WindowPlan, left: float, top: float, side: float) -> None:
    rows, columns = plan.kernel
    for row in range(rows):
        for column in range(columns):
            x, y = left + column * side, top + row * side
            _cell(axes, x, y, side, f"kernel-{row}-{column}", facecolor=WINDOW)
            if plan.weights is not None:
                _number(axes, x, y, side, f"{seen_weights(plan)[row, column]:g}")


def _draw_output(axes: Axes, plan: WindowPlan, left: float, top: float, side: float) -> None:
    numbers = result(plan)
    for row in range(plan.output[0]):
        for column in range(plan.output[1]):
            x, y = left + column * side, top + row * side
            chosen = (row, column) == plan.at
            style: dict[str, object] = {"facecolor": CHOSEN if chosen else OUTPUT}
            _cell(axes, x, y, side, f"output-{row}-{column}", **style)
            if numbers is not None:
                _number(axes, x, y, side, f"{numbers[row, column]:g}")


def _legend(plan: WindowPlan) -> list[tuple[str, dict[str, object]]]:
    """What is drawn besides the input, the window and the output, in words."""
    cells, words = plan.cells, plan.words
    kinds = {cells.kind(row, column) for row in cells.rows.places for column in cells.columns.places}
    entries = [(words("under the kernel"), _style(Kind.INPUT, True, False))]
    if Kind.PADDING in kinds:
        mode = cells.rows.mode
        entries.append((words(f"padding: {mode}"), _style(Kind.PADDING, False, False)))
    if Kind.BETWEEN in kinds:
        entries.append((words("zeros between cells"), _style(Kind.BETWEEN, False, False)))
    if any(
        cells.kind(row, column) is Kind.INPUT and not cells.reached(row, column)
        for row in cells.rows.places
        for column in cells.columns.places
    ):
        entries.append((words("unused: no window gets there"), _style(Kind.INPUT, False, True)))
    entries.append((words("output cell computed"), {"facecolor": CHOSEN}))
    return entries


def _draw_legend(axes: Axes, entries: list[tuple[str, dict[str, object]]], middle: float, y: float) -> None:
    box = 0.17
    widths = [box + 0.1 + _width(text) + 0.25 for text, _ in entries]
    x = middle - (sum(widths) - 0.25) / 2
    for (text, style), width in zip(entries, widths, strict=True):
        _cell(axes, x, y - box / 2, box, "legend", **style)
        axes.text(x + box + 0.08, y, text, fontsize=SMALL, va="center", color=INK)
        x += width


def _width(text: str) -> float:
    """About how wide small letters run, in inches; Chinese ones are twice as wide."""
    return sum(0.125 if letter >= "\u2e80" else 0.075 for letter in text)
