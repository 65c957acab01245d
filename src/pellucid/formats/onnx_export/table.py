"""How each layer is written: one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pellucid.formats.onnx_export import activations, convolutions, normalizations, poolings, shapes
from pellucid.formats.onnx_export.writer import OLDEST, Place
from pellucid.layers import Convolution, Layer, Pad

Row = Callable[[Place], object]

ROWS: Mapping[type[Layer], Row] = MappingProxyType(
    {
        **activations.ROWS,
        **convolutions.ROWS,
        **normalizations.ROWS,
        **poolings.ROWS,
        **shapes.ROWS,
    }
)

WRAPPING = 19
"""The first version of ONNX's Pad that pads in a circle."""


def opset_of(layer: Layer) -> int:
    """The version of ONNX's operators that a layer needs."""
    circular = (isinstance(layer, Pad) and layer.mode == "circular") or (
        isinstance(layer, Convolution) and layer.padding_mode == "circular"
    )
    return WRAPPING if circular else OLDEST
