"""Which nodes are computed as one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pellucid.graph import Graph, Node
from pellucid.layers import AxisWindow, Conv1d, Conv2d, MaxPool2d, ReLU
from pellucid.layers.pooling import MaxPooling


@dataclass(frozen=True)
class FusedConvolution:
    """A convolution and what is done to its cells before they leave the registers; at least one of the two.

    Attributes:
        convolution: name of the node.
        rectifier: of the ReLU that it feeds.
        pooling: of the max pooling that either feeds.
    """

    convolution: str
    rectifier: str | None
    pooling: str | None

    @property
    def last(self) -> str:
        """The node whose output is computed."""
        last = self.pooling or self.rectifier
        assert last is not None
        return last

    @property
    def inner(self) -> frozenset[str]:
        """The nodes whose own outputs never exist."""
        members = {self.convolution, self.rectifier, self.pooling}
        return frozenset(name for name in members if name is not None and name != self.last)


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
        and isinstance(graph.node(graph.consumers[node.name][0]).layer, MaxPooling)
    )


def fused_convolutions(graph: Graph, visible: Collection[str]) -> Mapping[str, FusedConvolution]:
    """Convolutions computed with the ReLU, the max pooling by two, or both, that follow; by last node.

    Args:
        graph: the graph.
        visible: nodes whose own values or gradients are asked for: only the last of a chain may be one.
    """
    chains: dict[str, FusedConvolution] = {}
    for node in graph.nodes:
        if type(node.layer) not in (Conv1d, Conv2d):
            continue
        follower = _next(graph, node, visible)
        rectifier = follower if follower is not None and type(follower.layer) is ReLU else None
        pooling = _next(graph, rectifier, visible) if rectifier is not None else follower
        if pooling is not None and isinstance(pooling.layer, MaxPooling):
            if not _pools_by_two(graph, pooling):
                continue  # it carries out the ReLU itself, which costs nothing backwards
        else:
            pooling = None
        if rectifier is not None or pooling is not None:
            chain = FusedConvolution(
                node.name, rectifier.name if rectifier else None, pooling.name if pooling else None
            )
            chains[chain.last] = chain
    return chains


def _next(graph: Graph, node: Node, visible: Collection[str]) -> Node | None:
    """The node that alone reads this one, unless this one is looked at."""
    consumers = graph.consumers[node.name]
    if node.name in visible or len(consumers) != 1:
        return None
    return graph.node(consumers[0])


def _pools_by_two(graph: Graph, node: Node) -> bool:
    """Whether windows of two by two tile the input, but for an odd last row or column."""
    axes = node.layer.window(graph.input_shapes(node))
    assert axes is not None
    return type(node.layer) is MaxPool2d and all(
        axis == AxisWindow(axis.input, kernel=2, stride=2) and axis.output == axis.input // 2 for axis in axes
    )
