"""Which layout each node's arrays have."""

from __future__ import annotations

from collections.abc import Mapping

from pellucid.engines.native.lowering import BLOCK_LOWERINGS
from pellucid.engines.native.plan import Layout
from pellucid.graph import Graph


def node_layouts(graph: Graph, wish: Layout) -> Mapping[str, Layout]:
    """BLOCKS wherever it is wished for and the layer has kernels for it, LANES elsewhere."""
    return {
        node.name: Layout.BLOCKS
        if wish is Layout.BLOCKS and type(node.layer) in BLOCK_LOWERINGS
        else Layout.LANES
        for node in graph.nodes
    }
