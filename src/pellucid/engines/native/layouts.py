"""Which layout a network's arrays have: a cost model of both, in clock cycles, the same on every machine.

With the batch in the lanes weights are broadcast: any number of channels fills the vectors, but images must
come in tiles, and a tile's arrays should stay in the cache. In channel blocks one image suffices and large
arrays are streamed, but channels are rounded up to whole blocks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.engines.native.lowering import BLOCK_LOWERINGS, filtering
from pellucid.engines.native.lowering.blocks.winograd import FEWEST_CHANNELS
from pellucid.engines.native.plan import Layout
from pellucid.graph import Graph, Node
from pellucid.layers import Conv2d, Convolution, Input, Linear, ReLU
from pellucid.layers.normalization import BatchNorm
from pellucid.layers.pooling import MaxPooling

MULTIPLY_ADDS_A_CYCLE = 2
"""Vectors of them, a core."""

CACHE_BYTES = 512 * 1024
"""What of a tile stays with a core."""

BYTES_A_CYCLE = 6
"""To and from memory or a cache that is shared, a core."""

STEP_CYCLES = 3000
"""To begin a step that all threads share: a barrier, and shares that are not quite equal."""

WINOGRAD_GAIN = 2
"""Of the transformed convolution over the direct one, its transforms included."""


@dataclass(frozen=True)
class Workload:
    """What a plan is for.

    Attributes:
        images: in a batch.
        lanes: of a vector.
        threads: workers.
        training: whether batch statistics are taken and gradients follow.
    """

    images: int
    lanes: int
    threads: int
    training: bool


def node_layouts(graph: Graph, layout: Layout) -> Mapping[str, Layout]:
    """LANES everywhere, or BLOCKS wherever the layer has kernels for it."""
    return {
        node.name: Layout.BLOCKS
        if layout is Layout.BLOCKS and type(node.layer) in BLOCK_LOWERINGS
        else Layout.LANES
        for node in graph.nodes
    }


def estimated_cycles(graph: Graph, workload: Workload) -> Mapping[Layout, float]:
    """Clock cycles of one run in either layout, by the cost model."""
    nodes = [node for node in graph.nodes if not isinstance(node.layer, Input)]
    return {
        Layout.LANES: sum(_lanes_cycles(graph, node, workload) for node in nodes),
        Layout.BLOCKS: sum(_blocks_cycles(graph, node, workload) for node in nodes),
    }


def cheaper_layout(graph: Graph, workload: Workload) -> Layout:
    """LANES or BLOCKS, whichever the cost model finds faster."""
    cycles = estimated_cycles(graph, workload)
    return Layout.LANES if cycles[Layout.LANES] <= cycles[Layout.BLOCKS] else Layout.BLOCKS


def _cells(graph: Graph, node: Node) -> int:
    """Read and written by a node, an image."""
    return sum(math.prod(graph.shapes[name]) for name in (node.name, *node.inputs))


def _lanes_cycles(graph: Graph, node: Node, workload: Workload) -> float:
    if isinstance(node.layer, ReLU | MaxPooling):
        return 0  # computed with the convolution before it
    tiles = -(-workload.images // workload.lanes)
    rounds = -(-tiles // workload.threads)  # of tiles side by side
    layer, inputs = node.layer, graph.input_shapes(node)
    multiply_adds = (
        filtering.multiply_adds(layer, inputs) if isinstance(layer, Convolution) else layer.cost(inputs)
    )
    arithmetic = multiply_adds / MULTIPLY_ADDS_A_CYCLE
    tile_bytes = _cells(graph, node) * workload.lanes * 4
    # Batch statistics end the walk over a tile, so that everything around them goes through memory.
    leaves_cache = tile_bytes > CACHE_BYTES or (workload.training and isinstance(node.layer, BatchNorm))
    return rounds * (arithmetic + (tile_bytes / BYTES_A_CYCLE if leaves_cache else 0))


def _blocks_cycles(graph: Graph, node: Node, workload: Workload) -> float:
    if isinstance(node.layer, ReLU):
        return 0  # described, and computed by whoever reads it
    inputs = graph.input_shapes(node)
    multiply_adds: float = node.layer.cost(inputs)
    share = workload.images / workload.threads
    if isinstance(node.layer, Convolution | Linear):
        channels = graph.shapes[node.name][0]
        multiply_adds *= -(-channels // workload.lanes) * workload.lanes / channels
    vectors = multiply_adds / workload.lanes / _winograd_gain(graph, node)
    cycles = share * (vectors / MULTIPLY_ADDS_A_CYCLE + _cells(graph, node) * 4 / BYTES_A_CYCLE)
    if isinstance(node.layer, Linear):  # its weights are read once a batch
        cycles = max(cycles, multiply_adds * 4 / BYTES_A_CYCLE / workload.threads)
    return cycles + STEP_CYCLES


def _winograd_gain(graph: Graph, node: Node) -> int:
    if not isinstance(node.layer, Conv2d):
        return 1
    axes = node.layer.window(graph.input_shapes(node))
    enough = min(graph.input_shapes(node)[0][0], node.layer.out_channels) >= FEWEST_CHANNELS
    applies = all(axis.kernel == 3 and axis.stride == axis.dilation == 1 for axis in axes)
    return WINOGRAD_GAIN if enough and applies else 1
