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
    reached = _varying(graph) & graph.ancestors([target]) | {target}
    numbers = {node.name: number for number, node in enumerate(graph.nodes)}
    best: str | None = None
    furthest = -1  # the last node that reads one of those before
    for node in graph.nodes:
        if node.name not in reached or node.name == target:
            continue
        shape = graph.shapes[node.name]
        has_places = len(shape) == axes and max(shape[1:], default=1) > 1
        if has_places and not isinstance(node.layer, Input) and furthest <= numbers[node.name]:
            best = node.name
        furthest = max(furthest, *(numbers[name] for name in _readers(graph, node.name, reached)))
    if best is None:
        raise DataError(f"{target}: depends on no maps but the input's, and Grad-CAM needs a layer of maps")
    return best, _reason(graph, best, target, _readers(graph, best, reached)[0])


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


def _readers(graph: Graph, name: str, among: set[str]) -> list[str]:
    return [reader for reader in graph.consumers[name] if reader in among]


def _reason(graph: Graph, layer: str, target: str, following: str) -> str:
    channels, *lengths = graph.shapes[layer]
    places = " x ".join(map(str, lengths))
    left = " x ".join(map(str, graph.shapes[following]))
    kind = graph.node(following).layer.name
    return (
        f"It is the last node on every way to {target} whose cells have places: {channels} maps of {places}, "
        f"of which {following} ({kind}) leaves {left}."
    )
