"""How a convolution on channel blocks is computed: a cost model in clock cycles, unless it was asked for."""

from __future__ import annotations

import math
from enum import Enum

from pellucid.engines.native.lowering.blocks import depthwise, winograd
from pellucid.engines.native.lowering.blocks.winograd_tiling import POINTS, tiling
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.errors import EngineError
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
    DEPTHWISE = "depthwise"
    WINOGRAD = "winograd"


def algorithms_for(context: NodeContext) -> tuple[Algorithm, ...]:
    """Those that can compute a node's convolution."""
    if depthwise.serves(context):
        return (Algorithm.DIRECT, Algorithm.DEPTHWISE)
    if context.precision == "direct" or not winograd.serves(context):
        return (Algorithm.DIRECT,)
    return (Algorithm.DIRECT, Algorithm.WINOGRAD)


def algorithm_of(context: NodeContext, lanes: int) -> Algorithm:
    """The algorithm for a node's convolution, all its passes.

    Raises:
        EngineError: the one that was asked for cannot compute it.
    """
    possible = algorithms_for(context)
    if context.algorithm is not None:
        for algorithm in possible:
            if algorithm.value == context.algorithm:
                return algorithm
        names = ", ".join(algorithm.value for algorithm in possible)
        raise EngineError(f"{context.name}: its algorithm is one of {names}, received {context.algorithm!r}")
    if Algorithm.DEPTHWISE in possible:
        return Algorithm.DEPTHWISE
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
