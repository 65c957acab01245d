"""Running again only what lies downstream of a change, fed by a trace for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pellucid.graph import Graph, Node
from pellucid.layers import Input


def descendants(graph: Graph, changed: Iterable[str]) -> set[str]:
    """What is computed from these nodes, and the nodes themselves."""
    reached = set(changed)
    for node in graph.nodes:
        if reached.intersection(node.inputs):
            reached.add(node.name)
    return reached


def downstream(
    graph: Graph, given: Iterable[str], wanted: Sequence[str], recomputed: Iterable[str] = ()
) -> Graph | None:
    """The part of a network that follows from changed activations, as a network of its own.

    Nodes keep their names, so that their parameters do. What comes from elsewhere enters by Inputs.

    Args:
        graph: the whole network.
        given: nodes whose activations are handed in, changed.
        wanted: nodes whose activations are asked for.
        recomputed: nodes that are computed anew too, because their parameters have changed.

    Returns:
        The part, whose outputs are those of `wanted` that change; None where none has to be computed.
    """
    fixed, anew = set(given), set(recomputed)
    affected = descendants(graph, fixed | anew) - fixed
    outputs = tuple(name for name in dict.fromkeys(wanted) if name in affected)
    if not outputs:
        return None
    needed = _needed(graph, outputs, affected)
    nodes = []
    for node in graph.nodes:
        if node.name in needed:
            computed = node.name in affected
            nodes.append(node if computed else Node(node.name, Input(graph.shapes[node.name])))
    return Graph(tuple(nodes), outputs)


def _needed(graph: Graph, outputs: Sequence[str], affected: set[str]) -> set[str]:
    """The outputs, what they are computed from, and what that takes from outside: no further."""
    needed = set(outputs)
    for node in reversed(graph.nodes):
        if node.name in needed and node.name in affected:
            needed.update(node.inputs)
    return needed


def cost(graph: Graph) -> int:
    """Multiply-adds of one image."""
    return sum(node.layer.cost(graph.input_shapes(node)) for node in graph.nodes)
