"""Convolutions together with the ReLU and the max pooling by two that follow them."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.activation import activation_attributes
from pellucid.engines.native.lowering.context import ChainContexts, NodeContext, bias_gradient, reduce_sums
from pellucid.engines.native.lowering.convolution import Passes, gradients, prepare
from pellucid.engines.native.lowering.direct import Definition
from pellucid.engines.native.lowering.pooling import window_attributes
from pellucid.engines.native.plan import Buffer

STRIP_BYTES = 24 * 1024
"""Of an output gradient that is formed at a time: leaves room in a first-level cache for the input rows."""


@dataclass(frozen=True)
class ChainCache:
    """What the backward steps read: the output, and with pooling the winners."""

    passes: Passes
    output: Buffer
    winners: Buffer | None


def forward(builder: PlanBuilder, chain: ChainContexts, source: Buffer) -> tuple[Buffer, ChainCache]:
    """The last node's output; those of the nodes before it are never written."""
    context, pooling = chain.first, chain.pooling
    passes = prepare(builder, context, source)
    last, winners = pooling or context, None
    output = builder.lanes_buffer(last.name, last.cells)
    if pooling is not None and context.differentiated:
        winners = builder.lanes_buffer(f"{pooling.name} winners", pooling.cells, "int32")
    passes.output(output, winners, rectify=chain.rectifier is not None, pooled=pooling is not None)
    return output, ChainCache(passes, output, winners)


def backward(
    builder: PlanBuilder, chain: ChainContexts, cache: ChainCache, gradient: Buffer, *, wanted: bool
) -> Buffer | None:
    """The gradient of the convolution's input, if wanted, and those of its parameters."""
    context, passes = chain.first, cache.passes
    if chain.pooling is not None:
        target = context.gradient("weight")
        if isinstance(passes, Definition) and target is not None and not wanted:
            _strips(builder, passes, cache.winners, gradient, target)
            return None
        gradient = _unpool(builder, chain.pooling, context, cache, gradient)
    elif chain.rectifier is not None:
        gradient = _rectify(builder, chain.rectifier, context, cache, gradient)
    return gradients(builder, context, passes, gradient, wanted=wanted)


def _bias_sums(builder: PlanBuilder, context: NodeContext) -> Buffer | None:
    """Sums for the bias that another kernel forms on its way, where its gradient is wanted."""
    target = context.gradient("bias")
    if target is None:
        return None
    sums = builder.sums(f"{context.name}.bias sums", context.output_shape[0])
    reduce_sums(builder, context, sums, target)
    return sums


def _rectify(
    builder: PlanBuilder, rectifier: NodeContext, context: NodeContext, cache: ChainCache, gradient: Buffer
) -> Buffer:
    """The gradient of the convolution's output: what passes the ReLU, by the rule that it follows."""
    delta = builder.lanes_buffer(f"d {context.name}", context.cells)
    if rectifier.rule is Rule.GRADIENT:
        operands = (gradient, cache.output, delta, _bias_sums(builder, context))
        builder.tile("rectifier_gradient", rectifier.name, operands, context.channels)
    else:
        attributes = activation_attributes(rectifier)
        builder.tile("activation_gradient", rectifier.name, (gradient, cache.output, delta), attributes)
        bias_gradient(builder, context, delta)
    return delta


def _unpool(
    builder: PlanBuilder, pooling: NodeContext, context: NodeContext, cache: ChainCache, gradient: Buffer
) -> Buffer:
    """The gradient of the convolution's output: each window's goes to its winner, if it has one."""
    delta = builder.lanes_buffer(f"d {context.name}", context.cells)
    operands = (gradient, cache.winners, delta, _bias_sums(builder, context))
    builder.tile("max_pooling_gradient", pooling.name, operands, window_attributes(pooling))
    return delta


def _strips(
    builder: PlanBuilder, passes: Definition, winners: Buffer | None, gradient: Buffer, target: Buffer
) -> None:
    """The parameters' gradients where nothing else asks for that of the output, which is never whole."""
    context, sizes = passes.context, passes.sizes
    row = sizes.columns.output * sizes.out_channels
    strip = max(2, STRIP_BYTES // (row * builder.lanes * 4) // 2 * 2)
    scratch = builder.lanes_buffer(f"d {context.name}, a strip", strip * row)
    sums = builder.sums(f"{context.name}.weight sums", target.nbytes // 4)
    operands = (
        passes.padded,
        gradient,
        winners,
        *passes.tables,
        scratch,
        sums,
        _bias_sums(builder, context),
    )
    attributes = passes.attributes(strip=strip)
    builder.tile("convolution_pooled_weight_gradient", context.name, operands, attributes)
    reduce_sums(builder, context, sums, target)
