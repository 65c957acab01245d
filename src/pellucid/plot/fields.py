"""Receptive fields: the pixels that a cell is computed from, and how much it listens to each."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from pellucid.errors import DataError
from pellucid.explain import Box, EffectiveField, TheoreticalField
from pellucid.plot.canvas import FAINT, LABEL, SMALL, bare, finished, new_figure
from pellucid.plot.colours import MUCH, Scale, draw_legend, picture
from pellucid.plot.language import Words

FRAME = "#d07a00"
"""Of the block of pixels."""


def receptive_field(
    field: TheoreticalField | EffectiveField, image: ArrayLike | None = None, *, language: str = "en"
) -> Figure:
    """The block of pixels that a cell sees, over an image, and the effective field's heat beside it.

    Args:
        field: of `theoretical_field` or `effective_field`, over pictures.
        image: (C, H, W) or (H, W) in [0, 1]; needed for a theoretical field.
        language: "en" or "zh".
    """
    words = Words(language)
    heat = field.heat if isinstance(field, EffectiveField) else None
    seen = field.theoretical if isinstance(field, EffectiveField) else field
    if (heat is None and image is None) or (heat is not None and heat.ndim != 2):
        raise DataError("figure: a receptive field is drawn over an image, or as the heat over one")
    panels = (image is not None) + (heat is not None)
    figure = new_figure(3.9 * panels + 0.6, 4.2)
    grid = list(figure.subplots(1, panels, squeeze=False).flat)
    if image is not None:
        grid[0].imshow(picture(np.asarray(image)), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        _finish(grid[0], seen.clipped, words("what it is computed from"), _size(seen.clipped, words))
    if heat is not None and isinstance(field, EffectiveField):
        scale = Scale(MUCH, 0.0, float(heat.max()) or 1.0)
        grid[-1].imshow(heat, cmap=scale.colormap, vmin=0, vmax=scale.high, interpolation="nearest")
        share = words("{share} of it in the central half", share=f"{field.central_share():.0%}")
        _finish(grid[-1], seen.clipped, words("how much it listens to each pixel"), share)
        draw_legend(figure, grid[-1], scale, shrink=0.7)
    cell = ", ".join(map(str, seen.cell))
    figure.suptitle(words("cell ({cell}) of {node}", cell=cell, node=seen.node), fontsize=LABEL + 2)
    return finished(figure)


def _finish(axes: Axes, box: Box | None, title: str, note: str) -> None:
    bare(axes)
    axes.set_title(title, fontsize=LABEL)
    axes.set_xlabel(note, fontsize=SMALL, color=FAINT)
    if box is not None:
        (top, left), (height, width) = box.start, box.size
        frame = Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor=FRAME, linewidth=2)
        frame.set_gid("box")
        axes.add_patch(frame)


def _size(box: Box | None, words: Words) -> str:
    if box is None:
        return words("no pixel")
    return words("{size} pixels", size="×".join(map(str, box.size)))
