"""How a convolution on channel blocks is computed: a cost model in clock cycles, unless it was asked for."""

from __future__ import annotations

import math
from enum import Enum

from pellucid.engines.native.lowering.blocks import winograd
from pellucid.engines.native.lowering.blocks.winograd_tiling import POINTS, tiling
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.errors import EngineError, UnknownNameError
from pellucid.layers import Convolution

BYTES_A_CYCLE = 6
"""Of kernels that are read once and for all, a shard."""

VECTORS_A_CYCLE = 2
"""Multiply-adds that a core does at best."""

TRANSFORM_CYCLES = 120
"""Of one vector of a tile: into the points, or back."""


class Algorithm(Enum):
    """How a convolution is computed."""

    DIRECT = "direct"
    WINOGRAD = "winograd"


def algorithms_for(context: NodeContext) -> tuple[Algorithm, ...]:
    """Those that can compute a node's convolution."""
    if context.precision == "direct" or not winograd.serves(context):
        return (Algorithm.DIRECT,)
    return (Algorithm.DIRECT, Algorithm.WINOGRAD)


def required_algorithm(context: NodeContext, name: str) -> Algorithm:
    """The algorithm of this name, which the user wants for a node's convolution.

    Raises:
        UnknownNameError: there is none of this name.
        EngineError: it cannot compute the convolution, or the precision forbids it.
    """
    known = {algorithm.value: algorithm for algorithm in Algorithm}
    if name not in known:
        raise UnknownNameError(f"algorithm of {context.name}", name, known)
    if known[name] in algorithms_for(context):
        return known[name]
    if winograd.serves(context):
        raise EngineError(f"{context.name}: the precision 'direct' forbids winograd")
    layer, channels = context.node.layer, context.input_shapes[0][0]
    raise EngineError(
        f"{context.name}: winograd computes 3x3 kernels of stride 1 in one group, padded by zeros, with "
        f"at least {winograd.FEWEST_CHANNELS} channels on either side; received {channels} into {layer}"
    )


def algorithm_of(context: NodeContext, lanes: int) -> Algorithm:
    """The algorithm for a node's convolution, all its passes."""
    if context.algorithm is not None:
        return Algorithm(context.algorithm)
    possible = algorithms_for(context)
    if Algorithm.WINOGRAD in possible and _winograd_cycles(context, lanes) < _direct_cycles(context, lanes):
        return Algorithm.WINOGRAD
    return Algorithm.DIRECT


def _direct_cycles(context: NodeContext, lanes: int) -> float:
    layer = context.node.layer
    assert isinstance(layer, Convolution)
    arithmetic = context.images * layer.cost(context.input_shapes) / lanes / VECTORS_A_CYCLE
    kernels = math.prod(context.graph.parameters[f"{context.name}.weight"].shape) * 4
    return max(arithmetic, kernels / BYTES_A_CYCLE)


def _winograd_cycles(context: NodeContext, lanes: int) -> float:
    tiles = tiling(context)
    count = context.images * tiles.tiles
    vectors = (tiles.in_channels + tiles.out_channels) / lanes
    products = POINTS * tiles.in_channels * tiles.out_channels
    arithmetic = count * products / lanes / VECTORS_A_CYCLE
    return max(arithmetic, products * 4 / BYTES_A_CYCLE) + count * vectors * TRANSFORM_CYCLES
