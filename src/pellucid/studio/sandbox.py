"""The sandbox: what a setting of a convolution gives along one axis, or the rule that it breaks."""

from __future__ import annotations

from pellucid.errors import LayerError
from pellucid.layers import AxisWindow, Conv1d, ConvTranspose1d, Layer
from pellucid.layers.geometry import PADDING_MODES, PaddingMode
from pellucid.studio.messages import Sandbox, SandboxWish
from pellucid.studio.model_info import axis_message

MOST_WINDOWS = 200_000
"""Taps of all windows together."""


def try_setting(wish: SandboxWish) -> Sandbox:
    """What becomes of a row of inputs."""
    try:
        (window,) = _layer(wish).window([(1, wish["input"])]) or ()
    except LayerError as error:
        return _invalid(str(error))
    if window.input < 1:
        return _invalid("an input has at least one column")
    if window.output * window.kernel > MOST_WINDOWS:
        return _invalid(f"too many windows to show: at most {MOST_WINDOWS:,} taps")
    windows = [[_under(window, o, k) for k in range(window.kernel)] for o in range(window.output)]
    reached = {column for row in windows for column in row}
    return {
        "output": window.output,
        "axis": axis_message(window),
        "windows": windows,
        "unused": [column for column in range(window.input) if column not in reached],
        "problem": None,
    }


def _layer(wish: SandboxWish) -> Layer:
    if wish["transposed"]:
        return ConvTranspose1d(
            1,
            kernel_size=wish["kernel"],
            stride=wish["stride"],
            padding=wish["padding"],
            dilation=wish["dilation"],
            output_padding=wish["output_padding"],
        )
    return Conv1d(
        1,
        kernel_size=wish["kernel"],
        stride=wish["stride"],
        padding=wish["padding"],
        padding_mode=_padding_mode(wish["padding_mode"]),
        dilation=wish["dilation"],
    )


def _padding_mode(name: str) -> PaddingMode:
    for mode in PADDING_MODES:
        if mode == name:
            return mode
    raise LayerError(f"padding_mode is one of {', '.join(PADDING_MODES)}, received {name!r}")


def _under(window: AxisWindow, output: int, tap: int) -> int:
    """The input column under a tap of the kernel; -1 for padding, or a zero between two columns."""
    place = output * window.stride - window.pad_start + tap * window.dilation
    column, between = divmod(place, window.fraction)
    return column if between == 0 and 0 <= column < window.input else -1


def _invalid(problem: str) -> Sandbox:
    return {"output": 0, "axis": None, "windows": [], "unused": [], "problem": problem}
