"""Layers into steps: a file a family, one row a layer."""

from __future__ import annotations

from collections.abc import Mapping

from pellucid.engines.native.lowering import (
    activation,
    blocks,
    channel_activation,
    convolution,
    dense,
    image_normalization,
    locally_connected,
    matrix_product,
    merge,
    normalization,
    output,
    pooling,
    rearrangement,
    shape,
    transposed_convolution,
)
from pellucid.engines.native.lowering.context import Lowering, NodeContext
from pellucid.errors import UnsupportedLayer
from pellucid.layers import Layer

__all__ = ["BLOCK_LOWERINGS", "LOWERINGS", "Lowering", "NodeContext", "lowering_of"]

BLOCK_LOWERINGS = blocks.BLOCK_LOWERINGS

LOWERINGS: Mapping[type[Layer], Lowering] = {
    **activation.LOWERINGS,
    **channel_activation.LOWERINGS,
    **convolution.LOWERINGS,
    **dense.LOWERINGS,
    **image_normalization.LOWERINGS,
    **locally_connected.LOWERINGS,
    **matrix_product.LOWERINGS,
    **merge.LOWERINGS,
    **normalization.LOWERINGS,
    **output.LOWERINGS,
    **pooling.LOWERINGS,
    **rearrangement.LOWERINGS,
    **shape.LOWERINGS,
    **transposed_convolution.LOWERINGS,
}


def lowering_of(context: NodeContext) -> Lowering:
    """The steps of a node's layer."""
    layer = context.node.layer
    if type(layer) not in LOWERINGS:
        raise UnsupportedLayer(
            f"{context.name}: the native engine has no {layer.name}; the reference engine has it"
        )
    return LOWERINGS[type(layer)]
