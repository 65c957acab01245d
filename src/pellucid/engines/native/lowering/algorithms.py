"""How a convolution is computed: a cost model in clock cycles, unless it was asked for."""

from __future__ import annotations

import math
from collections.abc import Collection
from enum import Enum

from pellucid.engines.native.lowering import filtering
from pellucid.engines.native.lowering.blocks import depthwise, winograd
from pellucid.engines.native.lowering.blocks.winograd_tiling import POINTS, tiling
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.lowering.geometry import sizes_of
from pellucid.engines.native.plan import Layout
from pellucid.errors import EngineError, UnknownNameError
from pellucid.layers import Convolution

BYTES_A_CYCLE = 6
"""Of kernels that are read once and for all, a shard."""

VECTORS_A_CYCLE = 2
"""Multiply-adds that a core does at best."""

TRANSFORM_CYCLES = 120
"""Of one vector of a tile: into the points, or back."""


class Algorithm(Enum):
    """How a convolution is computed.

    Minimal filtering, which Winograd brought to light, goes along rows where the batch lies in the lanes, and
    along rows and columns on channel blocks.
    """

    DIRECT = "direct"
    DEPTHWISE = "depthwise"
    WINOGRAD = "winograd"


def algorithms_for(context: NodeContext, layout: Layout) -> tuple[Algorithm, ...]:
    """Those that can compute a node's convolution in a layout."""
    if layout is Layout.BLOCKS and depthwise.serves(context):
        return (Algorithm.DIRECT, Algorithm.DEPTHWISE)
    if context.precision == "direct" or not _filters(context, layout):
        return (Algorithm.DIRECT,)
    return (Algorithm.DIRECT, Algorithm.WINOGRAD)


def _filters(context: NodeContext, layout: Layout) -> bool:
    if layout is Layout.BLOCKS:
        return winograd.serves(context)
    return filtering.serves(context.node.layer, context.input_shapes)


def required_algorithm(context: NodeContext, name: str, layouts: Collection[Layout]) -> Algorithm:
    """The algorithm of this name, which the user wants for a node's convolution.

    Args:
        layouts: that the network may have.

    Raises:
        UnknownNameError: there is none of this name.
        EngineError: it cannot compute the convolution, or the precision forbids it.
    """
    known = {algorithm.value: algorithm for algorithm in Algorithm}
    if name not in known:
        raise UnknownNameError(f"algorithm of {context.name}", name, known)
    if any(known[name] in algorithms_for(context, layout) for layout in layouts):
        return known[name]
    layer, channels = context.node.layer, context.input_shapes[0][0]
    received = f"received {channels} channels into {layer}"
    if known[name] is Algorithm.DEPTHWISE:
        rule = "convolutions with a group and one output for each of several channels, in the layout 'blocks'"
        raise EngineError(f"{context.name}: depthwise computes {rule}; {received}")
    if any(_filters(context, layout) for layout in layouts):
        raise EngineError(f"{context.name}: the precision 'direct' forbids winograd")
    kernels = {
        Layout.BLOCKS: f"3x3 kernels with at least {winograd.FEWEST_CHANNELS} channels on either side, "
        "padded by zeros, in the layout 'blocks'",
        Layout.LANES: "3x3 and 5x5 kernels in the layout 'lanes'",
    }
    rule = ", and ".join(kernels[layout] for layout in kernels if layout in layouts)
    raise EngineError(
        f"{context.name}: winograd computes convolutions of stride 1 in one group, {rule}; {received}"
    )


def algorithm_of(context: NodeContext, lanes: int, layout: Layout) -> Algorithm:
    """The algorithm for a node's convolution, but see `gradient_algorithm_of`."""
    if context.algorithm is not None:
        return Algorithm(context.algorithm)
    possible = algorithms_for(context, layout)
    if Algorithm.DEPTHWISE in possible:
        return Algorithm.DEPTHWISE
    if Algorithm.WINOGRAD not in possible:
        return Algorithm.DIRECT
    if layout is Layout.LANES:
        gains = _filtering_gains(context)
    else:
        gains = _winograd_cycles(context, lanes) < _direct_cycles(context, lanes)
    return Algorithm.WINOGRAD if gains else Algorithm.DIRECT


def gradient_algorithm_of(context: NodeContext, lanes: int) -> Algorithm:
    """The algorithm for the gradient of a node's input, on channel blocks.

    That of the convolution, but where it is direct because of few input channels minimal filtering may gain.
    """
    chosen = algorithm_of(context, lanes, Layout.BLOCKS)
    is_open = context.algorithm is None and context.precision != "direct"
    gains = chosen is Algorithm.DIRECT and is_open and _gradient_gains(context, lanes)
    return Algorithm.WINOGRAD if gains else chosen


def _gradient_gains(context: NodeContext, lanes: int) -> bool:
    """Whether minimal filtering is faster than multiplying with every lane of few channels."""
    if not winograd.serves_gradient(context):
        return False
    channels = context.input_shapes[0][0]
    padded = -(-channels // lanes) * lanes
    return _winograd_cycles(context, lanes) < _direct_cycles(context, lanes) * padded / channels


def _filtering_gains(context: NodeContext) -> bool:
    layer, inputs = context.node.layer, context.input_shapes
    assert isinstance(layer, Convolution)
    return filtering.multiply_adds(layer, inputs) < layer.cost(inputs)


def _direct_cycles(context: NodeContext, lanes: int) -> float:
    layer = context.node.layer
    assert isinstance(layer, Convolution)
    arithmetic = context.images * layer.cost(context.input_shapes) / lanes / VECTORS_A_CYCLE
    kernels = math.prod(context.graph.parameters[f"{context.name}.weight"].shape) * 4
    return max(arithmetic, kernels / BYTES_A_CYCLE)


def _winograd_cycles(context: NodeContext, lanes: int) -> float:
    tiles = tiling(sizes_of(context))
    count = context.images * tiles.tiles
    vectors = (tiles.in_channels + tiles.out_channels) / lanes
    products = POINTS * tiles.in_channels * tiles.out_channels
    arithmetic = count * products / lanes / VECTORS_A_CYCLE
    return max(arithmetic, products * 4 / BYTES_A_CYCLE) + count * vectors * TRANSFORM_CYCLES
