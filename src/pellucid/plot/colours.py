"""Colour: greys for images, diverging and zero-centred for signed numbers, one hue from nothing to much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure

from pellucid.engines.engine import Array
from pellucid.plot.canvas import SMALL

SIGNED, GREYS, MUCH = "RdBu_r", "gray", "Reds"
"""Blue below zero, white at it, red above; black to white; white to red. All safe for the colour-blind."""

BLUE, ORANGE, GREEN, RED, VIOLET = "#1f6fb4", "#e07b00", "#2a8f5c", "#c0392b", "#7b52ab"
"""Of lines, told apart by the colour-blind too; each has its own dashes besides."""

COLUMNS = 3
"""Colour channels of a picture."""


@dataclass(frozen=True)
class Scale:
    """Which number gets which colour: from `low` to `high` through a colour map."""

    colours: str
    low: float
    high: float

    @property
    def colormap(self) -> Colormap:
        """Matplotlib's table of colours."""
        return colormaps[self.colours]


def draw_legend(figure: Figure, axes: Axes | Sequence[Axes], scale: Scale, *, shrink: float = 0.75) -> None:
    """A bar beside axes that says which number is which colour: both ends, and zero where it lies between."""
    mappable = ScalarMappable(Normalize(scale.low, scale.high), scale.colormap)
    bar = figure.colorbar(mappable, ax=axes, shrink=shrink, aspect=25, pad=0.02)
    ends = [scale.low, 0.0, scale.high] if scale.low < 0 < scale.high else [scale.low, scale.high]
    bar.set_ticks(ends, labels=[f"{end:.2g}" for end in ends])
    bar.ax.tick_params(labelsize=SMALL - 1, length=2)
    bar.outline.set_visible(False)


def signed_scale(values: Array) -> Scale:
    """Zero-centred, as far on both sides as the furthest finite value."""
    finite = np.abs(values[np.isfinite(values)])
    reach = float(finite.max()) if finite.size else 0.0
    return Scale(SIGNED, -reach or -1.0, reach or 1.0)


def picture(image: Array) -> Array:
    """An image as matplotlib shows it: (H, W) greys, or (H, W, 3) in [0, 1].

    Args:
        image: (H, W), (1, H, W) or (3, H, W), in [0, 1]; another number of channels becomes their mean.
    """
    array = np.asarray(image, np.float64)
    if array.ndim == 3 and len(array) == COLUMNS:
        colour: Array = array.transpose(1, 2, 0).clip(0, 1)
        return colour
    grey: Array = (array if array.ndim == 2 else array.mean(axis=0)).clip(0, 1)
    return grey
