"""Convolution arithmetic: which cells a kernel covers, and how long the output becomes.

After Dumoulin & Visin 2016, A guide to convolution arithmetic for deep learning, for any setting.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.layers import Conv2d, ConvTranspose2d
from pellucid.layers.geometry import Axes as Lengths
from pellucid.layers.geometry import Padding, PaddingMode, per_axis
from pellucid.layers.transposed_convolution import TransposedPadding
from pellucid.plot.canvas import finished
from pellucid.plot.grids import LARGEST, AxisCells, PlaneCells
from pellucid.plot.language import Words
from pellucid.plot.window_drawing import draw
from pellucid.plot.window_plan import WindowPlan


def convolution(
    input: Lengths = 7,
    kernel: Lengths = 3,
    *,
    stride: Lengths = 1,
    padding: Padding = 0,
    padding_mode: PaddingMode = "zeros",
    dilation: Lengths = 1,
    transposed: bool = False,
    output_padding: Lengths = 0,
    at: tuple[int, int] = (0, 0),
    values: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    language: str = "en",
) -> Figure:
    """One window of a convolution over its input, and the output cell that it gives.

    Columns that no window looks at are hatched. Padding that copies cells, and values if there are any, are
    written into the cells; with values, so is the sum.

    Args:
        input: height and width of the input, or one number for both.
        kernel: likewise; the other settings are those of `Conv2d` and `ConvTranspose2d`.
        stride: step between windows; of a transposed convolution, between input cells in the output.
        padding: around the input, or taken off a transposed convolution's output.
        padding_mode: "zeros", "edge", "reflect" or "circular"; zeros for a transposed convolution.
        dilation: spacing of the kernel's taps.
        transposed: a transposed convolution.
        output_padding: cells more at the end of its output.
        at: the output cell that is computed, (row, column).
        values: (H, W) numbers of the input instead of its lengths alone.
        weights: (kernel height, kernel width), with values.
        language: "en" or "zh".

    Raises:
        LayerError: settings that no convolution has.
        DataError: an output cell that is not there, or more cells than a figure can show.
    """
    words = Words(language)
    numbers = None if values is None else np.asarray(values, np.float64)
    kernels = None if weights is None else np.asarray(weights, np.float64)
    _check_values(numbers, kernels)
    height, width = numbers.shape if numbers is not None else per_axis("figure", "input", input, 2, 1)
    size: Lengths = kernels.shape if kernels is not None else kernel
    layer = _layer(transposed, size, stride, padding, padding_mode, dilation, output_padding)
    rows, columns = layer.window([(1, height, width)])
    mode = layer.padding_mode if isinstance(layer, Conv2d) else "zeros"
    plan = WindowPlan(
        layer, PlaneCells(AxisCells(rows, mode), AxisCells(columns, mode)), at, words, numbers, kernels
    )
    if not all(0 <= place < length for place, length in zip(at, plan.output, strict=True)):
        raise DataError(f"figure: an output cell lies within {plan.output}, received {at}")
    if max(len(axis.places) for axis in plan.cells.axes) > LARGEST or max(plan.output) > LARGEST:
        raise DataError(f"figure: shows at most {LARGEST} cells along an axis, padding included")
    return finished(draw(plan))


def _check_values(values: Array | None, weights: Array | None) -> None:
    if (values is None) != (weights is None):
        raise DataError("figure: values come with weights, and weights with values")
    for array in (values, weights):
        if array is not None and array.ndim != 2:
            raise DataError(f"figure: values and weights are (height, width), received {array.shape}")


def _layer(
    transposed: bool,
    kernel: Lengths,
    stride: Lengths,
    padding: Padding,
    padding_mode: PaddingMode,
    dilation: Lengths,
    output_padding: Lengths,
) -> Conv2d | ConvTranspose2d:
    if not transposed:
        if output_padding != 0:
            raise DataError("figure: output_padding belongs to a transposed convolution")
        return Conv2d(1, kernel, stride, padding, padding_mode, dilation, bias=False)
    if isinstance(padding, str) or padding_mode != "zeros":
        raise DataError("figure: a transposed convolution's padding is numbers, and its mode zeros")
    taken_off: TransposedPadding = padding
    return ConvTranspose2d(1, kernel, stride, taken_off, output_padding, dilation, bias=False)
