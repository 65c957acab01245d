"""The network that interventions leave behind, as a model of its own: what a pass back through them needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array
from pellucid.errors import UnknownNameError
from pellucid.explain.ablation import ActivationChange, Intervention, ReplaceWeight
from pellucid.explain.passes import as_batch
from pellucid.graph import Graph, Node
from pellucid.layers import Add, Input, Multiply, Parameter
from pellucid.model import Float32, Model

COMPUTED, KEPT, SHARE, REPLACED = ".computed", ".kept", ".share", ".replaced"
"""What names end in: the node as its layer computes it, the part of it that stays, and the constants."""


def intervened(model: Model, images: ArrayLike, changes: Sequence[Intervention]) -> tuple[Model, Float32]:
    """The network with its changes built in, and the images with theirs.

    A changed node y becomes m y + c, with m = 0 and c the new value where it is replaced, and m = 1, c = 0
    elsewhere: it keeps its name, and its layer works under that name and COMPUTED. So its gradient is that of
    the value which the rest of the network receives, and none passes back through what was replaced.

    Args:
        model: the network, which stays as it is.
        images: one image, or a batch.
        changes: as in `what_if`.

    Raises:
        UnknownNameError: no such node or parameter.
        DataError: no such channel, cell or index, or values that do not fit.
    """
    batch = as_batch(model, images).copy()
    by_node: dict[str, list[ActivationChange]] = {}
    weights: dict[str, Array] = {}
    for change in changes:
        if isinstance(change, ReplaceWeight):
            if change.parameter not in model.parameters:
                raise UnknownNameError("parameter", change.parameter, model.parameters)
            before = weights.get(change.parameter, model.parameters[change.parameter])
            weights[change.parameter] = change.changed(before)
        elif isinstance(model.graph.node(change.node).layer, Input):
            change.apply(batch)
        else:
            by_node.setdefault(change.node, []).append(change)
    nodes = [made for node in model.graph.nodes for made in _rebuilt(node, model.graph, by_node)]
    parameters = {parameter_name(name, by_node): array for name, array in model.parameters.items()}
    parameters |= {parameter_name(name, by_node): array for name, array in weights.items()}
    for name, own in by_node.items():
        parameters |= _constants(name, model.graph.shapes[name], own)
    return model.rebuilt(parameters, graph=Graph(tuple(nodes), model.graph.outputs)), batch


def parameter_name(name: str, changed: Mapping[str, object]) -> str:
    """What a parameter is called where some nodes are changed."""
    node, _, short = name.rpartition(".")
    return f"{node}{COMPUTED}.{short}" if node in changed else name


def _rebuilt(node: Node, graph: Graph, changed: Mapping[str, object]) -> Iterator[Node]:
    if node.name not in changed:
        yield node
        return
    constant = Parameter(graph.shapes[node.name])
    yield Node(node.name + COMPUTED, node.layer, node.inputs)
    yield Node(node.name + SHARE, constant)
    yield Node(node.name + REPLACED, constant)
    yield Node(node.name + KEPT, Multiply(), (node.name + COMPUTED, node.name + SHARE))
    yield Node(node.name, Add(), (node.name + KEPT, node.name + REPLACED))


def _constants(name: str, shape: tuple[int, ...], changes: Sequence[ActivationChange]) -> dict[str, Array]:
    """m and c, from what the changes make of zeros and of ones."""
    zeros, ones = np.zeros((1, *shape), np.float32), np.ones((1, *shape), np.float32)
    for change in changes:
        change.apply(zeros)
        change.apply(ones)
    share: Array = np.where(zeros == ones, np.float32(0), np.float32(1))[0]
    return {f"{name}{SHARE}.value": share, f"{name}{REPLACED}.value": zeros[0]}
