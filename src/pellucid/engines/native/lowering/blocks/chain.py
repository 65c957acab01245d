"""Chains of nodes into one pass: a convolution or linear layer with what follows it as its epilogue."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks import activation, dense
from pellucid.engines.native.lowering.blocks.convolution import convolution_output, input_gradient
from pellucid.engines.native.lowering.blocks.epilogue import Epilogue, signs_buffer
from pellucid.engines.native.lowering.blocks.normalization import folded
from pellucid.engines.native.lowering.blocks.value import BlockValue, plain
from pellucid.engines.native.lowering.context import ChainContexts
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Conv1d, Conv2d, Layer, Linear

CHAINED: frozenset[type[Layer]] = frozenset({Conv1d, Conv2d, Linear})
"""Layers that a chain may begin with."""


@dataclass(frozen=True)
class ChainCache:
    """What the backward steps read: the output, what the kernels were multiplied by, the output's signs."""

    output: BlockValue
    scale: Buffer | None
    signs: Buffer | None


def chain_forward(
    builder: PlanBuilder,
    contexts: ChainContexts,
    value: BlockValue,
    addend: BlockValue | None,
    *,
    signs_wanted: bool,
) -> tuple[BlockValue, ChainCache]:
    """The chain's steps.

    Args:
        builder: of the plan.
        contexts: the nodes.
        value: what the first node reads.
        addend: what is added, if the chain adds.
        signs_wanted: whether a backward step reads the signs of a convolution's output.
    """
    first, rectify = contexts.first, contexts.rectifier is not None
    if isinstance(first.node.layer, Linear):
        output = dense.output(builder, first, plain(builder, value), rectify=rectify)
        return output, ChainCache(output, None, None)
    scale, bias = None, first.parameter("bias")
    if contexts.normalization is not None:
        scale, bias = folded(builder, contexts.normalization, bias)
    signs = signs_buffer(builder, first.name, first.output_shape) if signs_wanted else None
    epilogue = Epilogue(
        bias=bias,
        scale=scale,
        addend=plain(builder, addend) if addend is not None else None,
        rectify=rectify,
        signs=signs,
    )
    output = convolution_output(builder, first, value, epilogue)
    return output, ChainCache(output, scale, signs)


def chain_gradient(
    builder: PlanBuilder, contexts: ChainContexts, cache: ChainCache, gradient: BlockValue
) -> BlockValue:
    """From the gradient of a chain's output to that of its sum, and so of its addend."""
    if contexts.rectifier is not None:
        (passed,) = activation.rectifier_backward(builder, contexts.rectifier, cache.output, gradient, [True])
        assert passed is not None
        gradient = passed
    return gradient if gradient.mask is None else plain(builder, gradient)


def source_gradient(
    builder: PlanBuilder, contexts: ChainContexts, cache: ChainCache, gradient: BlockValue, epilogue: Epilogue
) -> BlockValue:
    """From the gradient of a chain's sum to that of what its first node reads.

    Args:
        builder: of the plan.
        contexts: the nodes.
        cache: of the forward steps.
        gradient: of the sum.
        epilogue: what is done to the result, where the first node is a convolution that can do it.
    """
    if isinstance(contexts.first.node.layer, Linear):
        (result,) = dense.backward(builder, contexts.first, None, gradient, [True])
        assert result is not None
        return result
    return input_gradient(builder, contexts.first, gradient, replace(epilogue, scale=cache.scale))
