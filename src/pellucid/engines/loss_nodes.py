"""Which nodes a loss reads."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.errors import EngineError
from pellucid.graph import Graph
from pellucid.layers import Softmax
from pellucid.objectives import CrossEntropy, Objective


def loss_node(graph: Graph, loss: Objective, output: str | None = None) -> str:
    """The node that a loss of an output (the first when left out) reads.

    The output itself, or Softmax's input for a cross-entropy (delta = p - T).
    """
    node = graph.node(output or graph.outputs[0])
    if isinstance(loss, CrossEntropy) and isinstance(node.layer, Softmax):
        return node.inputs[0]
    return node.name


def loss_nodes(graph: Graph, loss: Objective, weights: Sequence[float]) -> dict[str, float]:
    """Every node that a loss reads, the first output's before the others, and its weight in J.

    Raises:
        EngineError: neither no weights nor one for each output.
    """
    if not weights:
        return {loss_node(graph, loss): 1.0}
    if len(weights) != len(graph.outputs):
        raise EngineError(
            f"loss_weights has one number for each of {len(graph.outputs)} output(s), received {weights}"
        )
    result: dict[str, float] = {}
    for output, weight in zip(graph.outputs, weights, strict=True):
        node = loss_node(graph, loss, output)
        result[node] = result.get(node, 0.0) + weight
    return result
