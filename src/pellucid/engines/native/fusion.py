"""Which nodes are computed as one."""

from __future__ import annotations

from collections.abc import Collection

from pellucid.graph import Graph
from pellucid.layers import MaxPool2d, ReLU


def absorbed_rectifiers(graph: Graph, visible: Collection[str]) -> frozenset[str]:
    """ReLUs that the max pooling they feed carries out as it goes: max(0, max x) = max of max(0, x).

    The gradient is the same too: it goes to the first largest cell if that is positive, else nowhere. A ReLU
    whose own activation or gradient is looked at, or that follows another rule backwards, stays a node.

    Args:
        graph: the graph.
        visible: nodes whose own values or gradients are asked for.
    """
    return frozenset(
        node.name
        for node in graph.nodes
        if isinstance(node.layer, ReLU)
        and node.name not in visible
        and len(graph.consumers[node.name]) == 1
        and isinstance(graph.node(graph.consumers[node.name][0]).layer, MaxPool2d)
    )
