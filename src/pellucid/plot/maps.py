"""Feature maps and filters, a panel each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.plot.canvas import LABEL, SMALL, TITLE, bare, finished, new_figure
from pellucid.plot.colours import COLUMNS, Scale, draw_legend, picture, signed_scale
from pellucid.plot.language import Words

Scope = Literal["layer", "map"]

BETWEEN_PANELS = 0.03
"""Around each of many panels, in inches."""

PANEL, WIDEST = 1.0, 12.0
"""Side of a panel, and width of a figure, in inches."""

MATRIX_COLUMNS = 24
"""Input maps of a matrix of kernels that are shown."""

STRONGEST = 64
"""Channels that are shown unless more are asked for."""


def feature_maps(
    activation: ArrayLike,
    *,
    title: str = "",
    image: ArrayLike | None = None,
    limit: int = STRONGEST,
    scope: Scope = "layer",
    language: str = "en",
) -> Figure:
    """One image's activation, a panel a channel: red above zero, blue below, white at it.

    Of more than `limit` channels the strongest are shown, by their largest magnitude, in order of number.

    Args:
        activation: (C, H, W), (C, L) or (features,); vectors become one strip.
        title: of the figure, as "conv1".
        image: (C, H, W) in [0, 1] that it comes from, shown first.
        limit: panels at most.
        scope: "layer" for one scale of colours, "map" for one a panel.
        language: "en" or "zh".
    """
    words = Words(language)
    maps = _planes(np.asarray(activation, np.float64))
    if scope not in ("layer", "map"):
        raise DataError(f"figure: the scope of colours is layer or map, received {scope!r}")
    if limit < 1:
        raise DataError(f"figure: shows at least one map, received a limit of {limit}")
    chosen = strongest(maps, limit)
    heading = title
    if len(chosen) < len(maps):
        part = words("{shown} strongest of {all} channels", shown=len(chosen), all=len(maps))
        heading = words(", ").join(filter(None, [title, part]))
    shared = signed_scale(maps)
    scales = [shared if scope == "layer" else signed_scale(maps[channel]) for channel in chosen]
    labels = [str(channel) for channel in chosen] if len(maps) > 1 else [""]
    return _grid(
        [maps[channel] for channel in chosen],
        labels,
        scales,
        title=heading,
        legend=shared if scope == "layer" else None,
        image=None if image is None else np.asarray(image, np.float64),
        words=words,
    )


def strongest(maps: Array, limit: int) -> list[int]:
    """Numbers of the channels with the largest magnitudes, in order of number."""
    strength = np.nan_to_num(np.abs(maps)).reshape(len(maps), -1).max(axis=1)
    return sorted(np.argsort(-strength, kind="stable")[:limit].tolist())


def filters(
    weights: ArrayLike, *, title: str = "", limit: int = 96, scope: Scope = "map", language: str = "en"
) -> Figure:
    """The kernels of a convolution.

    Those over three input channels are colour pictures, grey where a weight is zero (Krizhevsky et al. 2012,
    figure 3). Of others each row is an output map, each column an input map, red above zero, blue below;
    over a single channel they stand in a grid.

    Args:
        weights: (out_channels, in_channels, height, width), or (out_channels, in_channels, length).
        title: of the figure.
        limit: output maps shown at most; of input maps the first 24 are.
        scope: "map" brings each kernel to its own largest weight, "layer" all to one.
        language: "en" or "zh".
    """
    words = Words(language)
    kernels = np.asarray(weights, np.float64)
    if kernels.ndim == 3:
        kernels = kernels[:, :, None]
    if kernels.ndim != 4 or kernels.size == 0:
        raise DataError(f"figure: kernels are (out, in, height, width), received {kernels.shape}")
    count, inputs = kernels.shape[:2]
    shown = kernels[:limit]
    heading = title
    if len(shown) < count:
        part = words("first {shown} of {all} filters", shown=len(shown), all=count)
        heading = words(", ").join(filter(None, [title, part]))
    shared = signed_scale(kernels)
    if inputs == COLUMNS:
        reaches = [shared.high if scope == "layer" else signed_scale(kernel).high for kernel in shown]
        panels = [picture(0.5 + 0.5 * kernel / reach) for kernel, reach in zip(shown, reaches, strict=True)]
        labels = [str(number) for number in range(len(shown))]
        return _grid(panels, labels, [None] * len(panels), title=heading, words=words)
    if inputs == 1:
        scales = [shared if scope == "layer" else signed_scale(kernel) for kernel in shown]
        labels = [str(number) for number in range(len(shown))]
        legend = shared if scope == "layer" else None
        return _grid([k[0] for k in shown], labels, scales, title=heading, legend=legend, words=words)
    return _matrix(shown, shared, scope, heading, words)


def _matrix(kernels: Array, shared: Scale, scope: Scope, title: str, words: Words) -> Figure:
    """Output maps down, input maps across, in one picture with gaps."""
    shown = kernels[:, :MATRIX_COLUMNS]
    if scope == "map":  # every output map to its own largest weight, so the scale is from -1 to 1
        reach = np.abs(shown).max(axis=(1, 2, 3), keepdims=True)
        shown, shared = shown / np.where(reach > 0, reach, 1), signed_scale(np.ones(1))
    rows, columns, height, width = shown.shape
    mosaic = np.full((rows, height + 1, columns, width + 1), np.nan)
    mosaic[:, :height, :, :width] = shown.transpose(0, 2, 1, 3)
    flat = mosaic.reshape(rows * (height + 1), columns * (width + 1))[:-1, :-1]
    side = min(0.5, WIDEST / columns)
    figure = new_figure(max(side * columns + 1.4, 4.0), side * rows * (height + 1) / (width + 1) + 1.0)
    axes = figure.subplots()
    axes.imshow(flat, cmap=shared.colormap, vmin=shared.low, vmax=shared.high, interpolation="nearest")
    for axis, count, step, length in (
        (axes.yaxis, rows, height + 1, height),
        (axes.xaxis, columns, width + 1, width),
    ):
        axis.set_ticks(
            [number * step + (length - 1) / 2 for number in range(count)],
            labels=[str(n) for n in range(count)],
        )
        axis.set_tick_params(length=0, labelsize=SMALL - 1)
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    axes.set_xlabel(words("input map"), fontsize=LABEL)
    axes.set_ylabel(words("output map"), fontsize=LABEL)
    if scope == "layer":
        draw_legend(figure, axes, shared, shrink=min(1.0, 2.5 / (side * rows + 1)))
    if title:
        figure.suptitle(title, fontsize=TITLE)
    return finished(figure)


def _planes(activation: Array) -> Array:
    """(C, H, W) of any activation."""
    if activation.ndim == 3 and activation.size:
        return activation
    if activation.ndim == 2 and activation.size:
        return activation[:, None, :]
    if activation.ndim == 1 and activation.size:
        return activation[None, None, :]
    raise DataError(f"figure: an activation is (C, H, W), (C, L) or (features,), received {activation.shape}")


def _grid(
    panels: Sequence[Array],
    labels: Sequence[str],
    scales: Sequence[Scale | None],
    *,
    title: str,
    words: Words,
    legend: Scale | None = None,
    image: Array | None = None,
) -> Figure:
    """Panels in rows, numbered; scale None for colours as they are."""
    first = [] if image is None else [picture(image)]
    count = len(panels) + len(first)
    height, width = panels[0].shape[:2]
    ratio = min(max(height / width, 0.12), 4.0)
    columns = min(count, max(1, math.ceil(math.sqrt(count * 1.7 * ratio))))
    rows = math.ceil(count / columns)
    columns = math.ceil(count / rows)
    side = min(PANEL if columns > 1 else WIDEST / 2, WIDEST / columns) if count > 6 else 1.8
    side = 8.0 if count == 1 and ratio < 0.5 else side
    size = (max(columns * side + 0.8, 3.5), rows * (side * ratio + 0.24) + (0.5 if title else 0.1))
    figure = new_figure(*size, margin=BETWEEN_PANELS)
    grid = figure.subplots(rows, columns, squeeze=False)
    places = list(grid.flat)
    for axes, shown in zip(places, first, strict=False):
        axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(words("image"), fontsize=SMALL, pad=2)
        bare(axes)
    for axes, panel, label, scale in zip(places[len(first) :], panels, labels, scales, strict=False):
        if scale is None:
            axes.imshow(panel, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        else:
            aspect = "auto" if ratio != height / width else "equal"
            axes.imshow(
                panel,
                cmap=scale.colormap,
                vmin=scale.low,
                vmax=scale.high,
                aspect=aspect,
                interpolation="nearest",
            )
        axes.set_title(label, fontsize=SMALL, pad=2)
        bare(axes)
    for axes in places[count:]:
        axes.set_visible(False)
    if legend is not None:
        draw_legend(figure, places, legend, shrink=min(1.0, 2.5 / size[1] + 0.3))
    if title:
        figure.suptitle(title, fontsize=TITLE)
    return finished(figure)
