"""Steps that several networks take, and changes to a finished graph."""

from __future__ import annotations

from dataclasses import replace

from pellucid.graph import Graph, GraphBuilder, Node
from pellucid.layers import BatchNorm2d, Conv2d, Flatten, Layer, ReLU
from pellucid.zoo.network import Names

RELU = ReLU()
NORM = BatchNorm2d()


def convolve(
    builder: GraphBuilder,
    x: str,
    layer: Conv2d,
    name: str,
    *,
    norm: BatchNorm2d | None = NORM,
    activation: Layer | None = RELU,
) -> str:
    """A convolution `name`, its normalisation `name`_norm and its activation; the name of the last."""
    x = builder.add(layer, x, name=name)
    if norm is not None:
        x = builder.add(norm, x, name=f"{name}_norm")
    if activation is not None:
        x = builder.add(activation, x, name=f"{name}_{activation.label}")
    return x


def inserted(graph: Graph, after: str, name: str, layer: Layer) -> Graph:
    """The graph with one more node: what read `after` reads the new node, which reads `after`."""
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes.append(
            replace(node, inputs=tuple(name if source == after else source for source in node.inputs))
        )
        if node.name == after:
            nodes.append(Node(name, layer, (after,)))
    return Graph(tuple(nodes), tuple(name if output == after else output for output in graph.outputs))


def numbered_names(graph: Graph) -> Names:
    """torchvision's names in a chain: features.0, ... up to the Flatten, then classifier.0, ..."""
    names: dict[str, str] = {}
    part, number = "features", 0
    for node in graph.nodes[1:]:
        if isinstance(node.layer, Flatten):
            part, number = "classifier", 0
            continue
        names[node.name] = f"{part}.{number}"
        number += 1
    return names
