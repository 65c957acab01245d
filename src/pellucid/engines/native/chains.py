"""Chains of nodes that are computed in one pass over channel blocks, outside of training."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from pellucid.graph import Graph, Node
from pellucid.layers import Add, Convolution, ReLU
from pellucid.layers.normalization import BatchNorm


@dataclass(frozen=True)
class Chain:
    """Nodes computed in one pass: a convolution or linear layer and what is done to its output.

    Attributes:
        first: the convolution or linear layer.
        last: the node whose value comes out.
        normalization: a batch normalisation by running statistics, folded into the weights; None for none.
        addend: a node whose value is added to the sums; None for none.
        rectified: whether a ReLU ends the chain.
    """

    first: str
    last: str
    normalization: str | None = None
    addend: str | None = None
    rectified: bool = False


class Chains:
    """The chains of a graph.

    Args:
        graph: the graph.
        candidates: nodes that may be the first of a chain.
        visible: nodes whose own values are asked for: none is hidden in a chain.
        apart: nodes that something is asked of which a chain does not do: none is part of one.
    """

    def __init__(
        self,
        graph: Graph,
        candidates: Collection[str],
        visible: Collection[str],
        apart: Collection[str] = (),
    ) -> None:
        self._graph = graph
        self._visible = visible
        self._apart = apart
        self._at_last: dict[str, Chain] = {}
        self._lasts: dict[str, str] = {}
        # Of two convolutions that meet in a sum the later one adds the other's output.
        for node in reversed(graph.nodes):
            if node.name in candidates and node.name not in apart:
                chain = self._follow(node.name)
                self._at_last[chain.last] = chain

    def ending_at(self, node: str) -> Chain | None:
        """The chain whose value this node's is."""
        return self._at_last.get(node)

    def hides(self, node: str) -> bool:
        """Whether the node is inside a chain, so that it has no value of its own."""
        return node in self._lasts

    def last_of(self, node: str) -> str:
        """The last node of the chain that hides this one; the node itself where none does."""
        return self._lasts.get(node, node)

    def _next(self, name: str) -> Node | None:
        """The only reader of a node that nobody looks at."""
        consumers = self._graph.consumers[name]
        if name in self._visible or len(consumers) != 1:
            return None
        node = self._graph.node(consumers[0])
        taken = node.name in self._lasts or node.name in self._at_last
        return None if taken or node.name in self._apart else node

    def _follow(self, first: str) -> Chain:
        chain = Chain(first, first)
        if isinstance(self._graph.node(first).layer, Convolution):
            chain = self._with_addend(self._with_normalization(chain))
        following = self._next(chain.last)
        if following is not None and isinstance(following.layer, ReLU):
            chain = replace(chain, last=following.name, rectified=True)
        self._hide(chain)
        return chain

    def _with_normalization(self, chain: Chain) -> Chain:
        following = self._next(chain.last)
        if following is None or not isinstance(following.layer, BatchNorm):
            return chain
        return replace(chain, last=following.name, normalization=following.name)

    def _with_addend(self, chain: Chain) -> Chain:
        following = self._next(chain.last)
        if following is None or not isinstance(following.layer, Add) or len(following.inputs) != 2:
            return chain
        if len(set(self._graph.input_shapes(following))) > 1:
            return chain
        others = [name for name in following.inputs if name != chain.last]
        return replace(chain, last=following.name, addend=others[0]) if len(others) == 1 else chain

    def _hide(self, chain: Chain) -> None:
        name = chain.first
        while name != chain.last:
            self._lasts[name] = chain.last
            (name,) = self._graph.consumers[name]
