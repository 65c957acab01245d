"""Chains of nodes into one pass: a convolution or linear layer with what follows it as its epilogue."""

from __future__ import annotations

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.chains import Chain
from pellucid.engines.native.lowering.blocks import dense
from pellucid.engines.native.lowering.blocks.convolution import convolution_output
from pellucid.engines.native.lowering.blocks.epilogue import Epilogue
from pellucid.engines.native.lowering.blocks.normalization import folded
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.layers import Conv1d, Conv2d, Layer, Linear

CHAINED: frozenset[type[Layer]] = frozenset({Conv1d, Conv2d, Linear})
"""Layers that a chain may begin with."""


def chain_forward(
    builder: PlanBuilder,
    chain: Chain,
    first: NodeContext,
    normalization: NodeContext | None,
    value: BlockValue,
    addend: BlockValue | None,
) -> BlockValue:
    """The chain's steps.

    Args:
        builder: of the plan.
        chain: the nodes.
        first: of the convolution or linear layer.
        normalization: of the batch normalisation, if the chain has one.
        value: what the first node reads.
        addend: what is added, if the chain adds.
    """
    if isinstance(first.node.layer, Linear):
        return dense.output(builder, first, plain(builder, value), rectify=chain.rectified)
    scale, bias = None, first.parameter("bias")
    if normalization is not None:
        scale, bias = folded(builder, normalization, bias)
    epilogue = Epilogue(
        bias=bias,
        scale=scale,
        addend=plain(builder, addend) if addend is not None else None,
        rectify=chain.rectified,
    )
    return convolution_output(builder, first, value, epilogue)
