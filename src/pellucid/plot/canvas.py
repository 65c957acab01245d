"""Figures without global state: made, given their letters, and written to a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

from pellucid.errors import DataError
from pellucid.storage import write_aside

TITLE, LABEL, SMALL = 14.0, 11.0, 9.0
"""Sizes of letters, in points: a slide's title, axes and legends, notes."""

INK, FAINT, PAPER = "#202124", "#6b7075", "white"
"""Of letters and lines, of what steps back, and of the ground."""

MARGIN = 0.08
"""Around every part of a figure, in inches."""

FORMATS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        ".svg": {"metadata": {"Date": None, "Creator": "Pellucid"}},
        ".png": {"metadata": {"Software": "Pellucid"}},
        ".pdf": {"metadata": {"CreationDate": None, "Creator": "Pellucid", "Producer": None}},
    }
)
"""Endings of files that `save` writes, and what is said in them: nothing that differs from run to run."""

CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "SimHei",
    "Droid Sans Fallback",
    "Noto Sans CJK JP",
    "AR PL UMing CN",
    "Arial Unicode MS",
)
"""Families with Chinese letters, the plainest first."""

FIRST_CJK_LETTER = "\u2e80"
"""Letters from here on are not in matplotlib's own font."""


def new_figure(width: float, height: float, *, arranged: bool = True, margin: float = MARGIN) -> Figure:
    """An empty figure of this size in inches.

    Args:
        width, height: in inches.
        arranged: whether its parts find their places when it is drawn; else they are where they are put.
        margin: around every part that finds its place, in inches.
    """
    layout = ConstrainedLayoutEngine(w_pad=margin, h_pad=margin) if arranged else None
    return Figure(figsize=(width, height), layout=layout, facecolor=PAPER)


def bare(axes: Axes) -> None:
    """Leave axes with a fine frame only."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        spine.set_color(FAINT)


def finished(figure: Figure) -> Figure:
    """The figure with fonts for all its letters, and every part in its place.

    The arrangement is made once: made again at every drawing, it would move parts a little each time.

    Raises:
        DataError: it has Chinese letters, and no font here has any.
    """
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    if any(max(text.get_text(), default="") >= FIRST_CJK_LETTER for text in texts):
        families = ["DejaVu Sans", chinese_font()]
        for text in texts:
            text.set_fontfamily(families)
        for axes in figure.axes:
            axes.tick_params(labelfontfamily=families)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")
    return figure


def chinese_font() -> str:
    """A family on this machine with Chinese letters.

    Raises:
        DataError: there is none.
    """
    installed = {font.name for font in font_manager.fontManager.ttflist}
    for family in CHINESE_FONTS:
        if family in installed:
            return family
    raise DataError(
        "a figure with Chinese letters needs a font that has them, found none of "
        f"{', '.join(CHINESE_FONTS[:5])}, ...; on Debian, apt install fonts-noto-cjk brings one"
    )


def check_path(path: str | os.PathLike[str]) -> None:
    """Make sure that a figure can be written under this name.

    Raises:
        DataError: another ending than the formats have.
    """
    suffix = Path(path).suffix
    if suffix.lower() not in FORMATS:
        raise DataError(f"{path}: figures are written as {', '.join(FORMATS)}, received {suffix!r}")


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: float = 200) -> None:
    """Write a figure, completely or not at all; the same figure gives the same bytes.

    Args:
        figure: from any function of `plot`.
        path: ending in .svg, .png or .pdf; missing folders are made.
        dpi: pixels an inch of what is not drawn in lines.

    Raises:
        DataError: another ending, or a file that cannot be written.
    """
    check_path(path)
    suffix = Path(path).suffix.lower()

    def write(file: BinaryIO) -> None:
        # Identifiers in an SVG are random unless salted; the setting is matplotlib's only way to say so.
        with matplotlib.rc_context({"svg.hashsalt": "pellucid", "svg.fonttype": "path"}):
            figure.savefig(file, format=suffix[1:], dpi=dpi, **FORMATS[suffix])

    write_aside(path, write)
