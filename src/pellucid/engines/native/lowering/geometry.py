"""Sizes of convolutions with the batch in the lanes."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.engines.native.lowering.context import NodeContext
from pellucid.errors import UnsupportedLayer
from pellucid.layers import AxisWindow, Convolution

MODES = {"zeros": 0, "edge": 1, "reflect": 2, "circular": 3}
"""As in native/kernels/transfer/pad.h."""

LONGEST_KERNEL = 512
"""As in native/kernels/convolution/convolution.h."""

LONGEST_SCATTERED_ROW = 7
"""Kernel width up to which an input gradient is scattered in registers; row_gradient.cpp."""


@dataclass(frozen=True)
class Geometry:
    """A convolution's sizes in two dimensions, its input padded."""

    in_channels: int
    out_channels: int
    rows: AxisWindow
    columns: AxisWindow

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width of the padded input."""
        return (
            self.rows.input + self.rows.pad_start + self.rows.pad_end,
            self.columns.input + self.columns.pad_start + self.columns.pad_end,
        )

    @property
    def is_padded(self) -> bool:
        """Whether anything lies around the input."""
        return self.padded != (self.rows.input, self.columns.input)

    @property
    def scatters_rows(self) -> bool:
        """Whether the input gradient is formed by scattering rows, which needs no padding."""
        columns = self.columns
        return columns.stride == columns.dilation == 1 and columns.kernel <= LONGEST_SCATTERED_ROW

    @property
    def gradient_pads(self) -> tuple[int, int]:
        """Cells to add before and after each row of the output gradient, for the input gradient's taps."""
        if self.scatters_rows:
            return 0, 0
        columns = self.columns
        before = (columns.extent - 1) // columns.stride
        after = max(0, (self.padded[1] - 1) // columns.stride - (columns.output - 1))
        return before, after

    def attributes(self, groups: int, *, rectify: bool = False, strip: int = 0) -> dict[str, int]:
        """As the kernels take them."""
        before, after = self.gradient_pads
        return {
            "groups": groups,
            "in_height": self.padded[0],
            "in_width": self.padded[1],
            "out_height": self.rows.output,
            "out_width": self.columns.output,
            "kernel_height": self.rows.kernel,
            "kernel_width": self.columns.kernel,
            "stride_height": self.rows.stride,
            "stride_width": self.columns.stride,
            "dilation_height": self.rows.dilation,
            "dilation_width": self.columns.dilation,
            "gradient_pad": before,
            "gradient_width": before + self.columns.output + after,
            "rectify": int(rectify),
            "strip": strip,
        }

    def pad_attributes(self, mode: str) -> dict[str, int]:
        """Of the step that pads the input."""
        return {
            "channels": self.in_channels,
            "height": self.rows.input,
            "width": self.columns.input,
            "top": self.rows.pad_start,
            "bottom": self.rows.pad_end,
            "left": self.columns.pad_start,
            "right": self.columns.pad_end,
            "mode": MODES[mode],
        }


def geometry(context: NodeContext, layer: Convolution) -> Geometry:
    """The sizes at a node; a 1-D convolution has one row."""
    axes = layer.window(context.input_shapes)
    if max(layer.kernel) > LONGEST_KERNEL:
        raise UnsupportedLayer(
            f"{context.name}: the native engine takes kernels up to {LONGEST_KERNEL} long, "
            f"received {max(layer.kernel)}; the reference engine has no such limit"
        )
    rows = axes[0] if len(axes) == 2 else AxisWindow(1, 1)
    return Geometry(context.input_shapes[0][0], layer.out_channels, rows, axes[-1])


def sizes_of(context: NodeContext) -> Geometry:
    """The sizes of a node's convolution."""
    layer = context.node.layer
    assert isinstance(layer, Convolution)
    return geometry(context, layer)
