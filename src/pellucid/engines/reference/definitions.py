"""Every layer's definition in one table."""

from __future__ import annotations

from pellucid.engines.reference import (
    activation,
    adaptive_pooling,
    channel_activation,
    convolution,
    dense,
    dropout,
    locally_connected,
    merge,
    normalization,
    output,
    pooling,
    resampling,
    shape,
    subsampling,
    transposed_convolution,
)
from pellucid.engines.reference.definition import Definition
from pellucid.errors import UnsupportedLayer
from pellucid.layers import Layer

DEFINITIONS: dict[type[Layer], Definition] = {
    **activation.DEFINITIONS,
    **adaptive_pooling.DEFINITIONS,
    **channel_activation.DEFINITIONS,
    **convolution.DEFINITIONS,
    **dense.DEFINITIONS,
    **dropout.DEFINITIONS,
    **locally_connected.DEFINITIONS,
    **merge.DEFINITIONS,
    **normalization.DEFINITIONS,
    **output.DEFINITIONS,
    **pooling.DEFINITIONS,
    **resampling.DEFINITIONS,
    **shape.DEFINITIONS,
    **subsampling.DEFINITIONS,
    **transposed_convolution.DEFINITIONS,
}


def definition(layer: Layer) -> Definition:
    """The definition of a layer; UnsupportedLayer where there is none.

    Every other engine is checked against this one, so a layer that is missing here is missing everywhere.
    """
    try:
        return DEFINITIONS[type(layer)]
    except KeyError:
        raise UnsupportedLayer(
            f"{layer.name}: engines that have this layer: none; define it in engines/reference first"
        ) from None
