"""Layers into steps on channel blocks: a file a family, one row a layer.

A layer without a row here runs with the batch in the lanes, its inputs and outputs converted.
"""

from __future__ import annotations

from collections.abc import Mapping

from pellucid.engines.native.lowering.blocks import (
    activation,
    channel_activation,
    convolution,
    dense,
    group_normalization,
    local_response,
    merge,
    normalization,
    pooling,
    rearrangement,
    shape,
    transposed_convolution,
)
from pellucid.engines.native.lowering.blocks.context import BlockLowering
from pellucid.layers import Layer

__all__ = ["BLOCK_LOWERINGS", "BlockLowering"]

BLOCK_LOWERINGS: Mapping[type[Layer], BlockLowering] = {
    **activation.LOWERINGS,
    **channel_activation.LOWERINGS,
    **convolution.LOWERINGS,
    **dense.LOWERINGS,
    **group_normalization.LOWERINGS,
    **local_response.LOWERINGS,
    **merge.LOWERINGS,
    **normalization.LOWERINGS,
    **pooling.LOWERINGS,
    **rearrangement.LOWERINGS,
    **shape.LOWERINGS,
    **transposed_convolution.LOWERINGS,
}
