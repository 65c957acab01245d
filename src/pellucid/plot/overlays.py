"""Attributions: which pixels mattered, laid over the image, several methods side by side."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.plot.canvas import FAINT, LABEL, SMALL, TITLE, bare, finished, new_figure
from pellucid.plot.colours import MUCH, Scale, draw_legend, picture, signed_scale
from pellucid.plot.language import Words

PANEL = 2.6
"""Side of one map, in inches."""

NOTE = 0.17
"""Height of one line of notes, in inches."""


LETTERS = 44
"""In one line of notes."""

GHOST = 0.7
"""What black becomes where an image stands behind a map, so that colours stay themselves."""


@dataclass(frozen=True, eq=False)
class Overlay:
    """One map over an image.

    Attributes:
        values: (H, W), or (C, H, W), whose channels are then summed. Where some are negative, red speaks for
            the target and blue against it; else redder is more.
        title: what it is, "Grad-CAM".
        notes: lines below it: the target, the layer, the baseline, the sanity check.
        relief: show the values themselves, channels as colours around grey, as gradients of guided
            backpropagation are shown.
    """

    values: ArrayLike
    title: str
    notes: Sequence[str] = ()
    relief: bool = False


def attributions(
    image: ArrayLike, overlays: Sequence[Overlay], *, title: str = "", columns: int = 4, language: str = "en"
) -> Figure:
    """The image, and then every map over it, each with what it is below.

    Args:
        image: (C, H, W) or (H, W), in [0, 1].
        overlays: at least one; a map of another size than the image is stretched over it.
        title: of the figure.
        columns: panels in a row, the image's own included.
        language: "en" or "zh", for the words that the figure adds.
    """
    words = Words(language)
    if not overlays:
        raise DataError("a figure of attributions takes at least one map, received none")
    shown = picture(np.asarray(image))
    count = 1 + len(overlays)
    rows = math.ceil(count / columns)
    columns = math.ceil(count / rows)
    lines = max(len(_wrapped(overlay.notes)) for overlay in overlays)
    height = PANEL * shown.shape[0] / shown.shape[1] + 0.45 + NOTE * lines
    figure = new_figure((PANEL + 0.55) * columns, rows * height + (0.4 if title else 0))
    grid = figure.subplots(rows, columns, squeeze=False)
    panels = list(grid.flat)
    _draw_picture(panels[0], shown)
    panels[0].set_title(words("image"), fontsize=LABEL)
    for axes, overlay in zip(panels[1:], overlays, strict=False):
        _draw_overlay(figure, axes, shown, overlay)
    for axes in panels[count:]:
        axes.set_visible(False)
    if title:
        figure.suptitle(title, fontsize=TITLE)
    return finished(figure)


def _draw_overlay(figure: Figure, axes: Axes, shown: Array, overlay: Overlay) -> None:
    values = np.asarray(overlay.values, np.float64)
    if values.ndim not in (2, 3):
        raise DataError(f"{overlay.title}: a map is (H, W) or (C, H, W), received {values.shape}")
    if overlay.relief:
        axes.imshow(_relief(values), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    else:
        heat = values.sum(axis=0) if values.ndim == 3 else values
        scale = _scale(heat)
        _draw_picture(axes, GHOST + (1 - GHOST) * _grey(shown))
        height, width = shown.shape[:2]
        axes.imshow(
            heat,
            cmap=scale.colormap,
            vmin=scale.low,
            vmax=scale.high,
            alpha=_opacity(heat, scale),
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="nearest",
        )
        draw_legend(figure, axes, scale)
    bare(axes)
    axes.set_title(overlay.title, fontsize=LABEL)
    axes.set_xlabel("\n".join(_wrapped(overlay.notes)), fontsize=SMALL - 1, color=FAINT)


def _wrapped(notes: Sequence[str]) -> list[str]:
    """Notes in lines that fit below a panel."""
    return [line for note in notes for line in textwrap.wrap(note, LETTERS)]


def _draw_picture(axes: Axes, shown: Array) -> None:
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    bare(axes)


def _scale(heat: Array) -> Scale:
    if (heat < 0).any():
        return signed_scale(heat)
    finite = heat[np.isfinite(heat)]
    return Scale(MUCH, 0.0, float(finite.max(initial=0.0)) or 1.0)


def _opacity(heat: Array, scale: Scale) -> Array:
    """Nothing where nothing is said, so that the image shows through; nearly all where much is."""
    strength = np.abs(np.nan_to_num(heat)) / max(abs(scale.low), abs(scale.high))
    opacity: Array = 0.9 * np.sqrt(strength.clip(0, 1))
    return opacity


def _grey(shown: Array) -> Array:
    grey: Array = shown.mean(axis=2) if shown.ndim == 3 else shown
    return grey


def _relief(values: Array) -> Array:
    reach = float(np.abs(values).max()) or 1.0
    return picture(0.5 + 0.5 * values / reach)
