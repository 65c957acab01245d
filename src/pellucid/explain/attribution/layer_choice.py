"""Which node's maps Grad-CAM reads."""

from __future__ import annotations

from pellucid.errors import DataError
from pellucid.graph import Graph
from pellucid.layers import Input


def last_maps(graph: Graph, target: str) -> tuple[str, str]:
    """The last node before the target that still has places and that nothing goes past, and a sentence why.

    Places are lost where the network flattens its maps or averages them. The axes are the input's own, and
    every way from the input to the target leads through the node, so that its maps say all there is to say.

    Raises:
        DataError: there is none but the input.
    """
    axes = len(graph.shapes[graph.inputs[0]])
    varying = _varying(graph)
    # Nodes that those behind read, each with its first reader: nothing goes past one that is alone there.
    read = {source: target for source in graph.node(target).inputs if source in varying}
    for node in reversed(graph.nodes):
        if node.name not in read:
            continue
        shape = graph.shapes[node.name]
        has_places = len(shape) == axes and max(shape[1:], default=1) > 1
        if has_places and len(read) == 1 and not isinstance(node.layer, Input):
            return node.name, _reason(graph, node.name, target, read[node.name])
        del read[node.name]
        read |= {source: node.name for source in node.inputs if source in varying}
    raise DataError(f"{target}: depends on no maps but the input's, and Grad-CAM needs a layer of maps")


def check_layer(graph: Graph, layer: str, target: str) -> str:
    """The name of a node whose maps the target depends on.

    Raises:
        DataError: it has no maps, or the target does not depend on it.
    """
    name, axes = graph.node(layer).name, len(graph.shapes[graph.inputs[0]])
    if name not in graph.ancestors([target]) - {target}:
        raise DataError(f"{name}: Grad-CAM reads a node that the target depends on; {target} does not")
    if axes < 2 or len(graph.shapes[name]) != axes:
        raise DataError(f"{name}: Grad-CAM reads maps of {axes - 1} axes, received {graph.shapes[name]}")
    return name


def _varying(graph: Graph) -> set[str]:
    """Nodes that depend on an input, as constants and what is made of them alone do not."""
    varying = set(graph.inputs)
    for node in graph.nodes:
        if varying.intersection(node.inputs):
            varying.add(node.name)
    return varying


def _reason(graph: Graph, layer: str, target: str, following: str) -> str:
    channels, *lengths = graph.shapes[layer]
    places = " x ".join(map(str, lengths))
    left = " x ".join(map(str, graph.shapes[following]))
    kind = graph.node(following).layer.name
    return (
        f"It is the last node on every way to {target} whose cells have places: {channels} maps of {places}, "
        f"of which {following} ({kind}) leaves {left}."
    )
