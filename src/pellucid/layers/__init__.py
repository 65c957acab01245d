"""Layers: descriptions only. One file a family; what each computes is defined in engines/reference."""

from __future__ import annotations

from pellucid.layers.activation import *
from pellucid.layers.convolution import *
from pellucid.layers.dense import *
from pellucid.layers.dropout import *
from pellucid.layers.layer import AxisWindow, Initializer, Layer, ParameterSpec, Shape
from pellucid.layers.locally_connected import *
from pellucid.layers.merge import *
from pellucid.layers.normalization import *
from pellucid.layers.output import *
from pellucid.layers.pooling import *
from pellucid.layers.resampling import *
from pellucid.layers.shape import *
from pellucid.layers.subsampling import *
from pellucid.layers.transposed_convolution import *

LAYERS: dict[str, type[Layer]] = {
    name: value
    for name, value in sorted(globals().items())
    if isinstance(value, type) and issubclass(value, Layer) and hasattr(value, "formula")
}
"""Every concrete layer by its class name, as files name them."""

__all__ = ["LAYERS", "AxisWindow", "Initializer", "Layer", "ParameterSpec", "Shape", *LAYERS]
