"""A layer's filters at several moments of a training run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pellucid.errors import DataError
from pellucid.plot.canvas import SMALL, TITLE, bare, finished, new_figure
from pellucid.plot.colours import COLUMNS, picture, signed_scale
from pellucid.plot.language import Words

SIDE = 0.75
"""Inches that a filter takes."""


def filters_through_time(
    steps: Sequence[int],
    weights: Sequence[ArrayLike],
    *,
    title: str = "",
    limit: int = 16,
    language: str = "en",
) -> Figure:
    """A row a moment, a column a filter.

    Filters over three channels are colour pictures, grey where a weight is zero; of others the mean over
    their input channels is shown, red above zero, blue below. One scale serves every moment: growth shows.

    Args:
        steps: of the moments, in order.
        weights: (out_channels, in_channels, height, width) at each of them.
        title: of the figure.
        limit: filters shown at most.
        language: "en" or "zh".
    """
    words = Words(language)
    kernels = np.array([np.asarray(moment, np.float64) for moment in weights])
    if kernels.ndim != 5 or kernels.size == 0 or len(kernels) != len(steps):
        raise DataError(
            f"figure: one array (out, in, height, width) a moment, received {len(steps)} steps and arrays "
            f"of shape {kernels.shape}"
        )
    kernels = kernels[:, :limit]
    in_colors = kernels.shape[2] == COLUMNS
    shown = kernels if in_colors else kernels.mean(axis=2)
    scale = signed_scale(shown)
    rows, columns = shown.shape[:2]
    figure = new_figure(SIDE * columns + 1.0, SIDE * rows + (0.6 if title else 0.2))
    grid = figure.subplots(rows, columns, squeeze=False)
    for row, step in enumerate(steps):
        for column, axes in enumerate(grid[row]):
            panel = shown[row, column]
            if in_colors:
                axes.imshow(picture(0.5 + 0.5 * panel / scale.high), interpolation="nearest")
            else:
                axes.imshow(
                    panel, cmap=scale.colormap, vmin=scale.low, vmax=scale.high, interpolation="nearest"
                )
            bare(axes)
        label = words("step {number}", number=f"{step:,}")
        grid[row][0].set_ylabel(label, fontsize=SMALL, rotation=0, ha="right", va="center")
    if title:
        figure.suptitle(title, fontsize=TITLE)
    return finished(figure)
