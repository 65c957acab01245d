"""What a small change of one activation makes of everything downstream: differences, layer by layer.

Running a network twice and subtracting loses a small change in the rounding of large numbers. Here the
change itself is carried: a linear layer is applied to it alone, a ReLU or a maximum compares it with how far
the cell is from its kink, and any other layer is evaluated with and without it, in float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.engines.engine import Array, CompileOptions, Purpose
from pellucid.engines.reference.definition import Context
from pellucid.engines.reference.definitions import definition
from pellucid.explain.derivatives import LINEAR
from pellucid.explain.derivatives.kernels import KERNEL_LAYERS
from pellucid.explain.evidence import Evidence
from pellucid.explain.kinks import past_kinks
from pellucid.explain.rerun import downstream
from pellucid.graph import Graph, Node
from pellucid.layers import Input, Layer, Linear, Normalize, Pad, ReLU
from pellucid.layers.convolution import Convolution
from pellucid.layers.pooling import MaxPooling
from pellucid.layers.transposed_convolution import TransposedConvolution

CONSTANTS = ("bias", "running_mean")
"""Parameters that add to a linear layer's output: differences do not see them."""


@dataclass(frozen=True)
class Change:
    """A node's output that changes, once for every run.

    Attributes:
        node: whose output.
        images: of the batch, those it changes for.
        differences: (R, len(images), *shape).
    """

    node: str
    images: tuple[int, ...]
    differences: Array


@dataclass(frozen=True)
class Consequences:
    """What follows from a change.

    Attributes:
        differences: by node asked for, (R, len(images), *shape); of those that nothing reaches there is none.
        crossings: by node, (R,) how many cells pass a kink: a zero of a ReLU, or another winner of a maximum.
    """

    differences: Mapping[str, Array]
    crossings: Mapping[str, Array]


def consequences(read: Evidence, change: Change, wanted: Sequence[str], *, by_engine: bool) -> Consequences:
    """Carry a change downstream.

    Args:
        read: the network, and the activations that the change is of.
        change: it, in the type of arrays to compute with.
        wanted: nodes whose differences are asked for.
        by_engine: whether the engine convolves, in float32; else the definitions do.
    """
    part = downstream(read.graph, [change.node], wanted)
    carried = {change.node: change.differences}
    crossings: dict[str, Array] = {}
    for node in part.nodes if part is not None else ():
        if isinstance(node.layer, Input):
            continue
        with np.errstate(all="ignore"):
            carried[node.name] = _carry(read, node, carried, change, crossings, by_engine)
        assert part is not None
        _forget(part, node.name, carried, wanted)
    return Consequences({name: carried[name] for name in wanted if name in carried}, crossings)


def _forget(part: Graph, done: str, carried: dict[str, Array], wanted: Sequence[str]) -> None:
    """Let go of what no later node reads."""
    names = [node.name for node in part.nodes]
    later = {source for node in part.nodes[names.index(done) + 1 :] for source in node.inputs}
    for name in set(carried) - later - set(wanted):
        del carried[name]


def _carry(
    read: Evidence,
    node: Node,
    carried: Mapping[str, Array],
    change: Change,
    crossings: dict[str, Array],
    by_engine: bool,
) -> Array:
    """The difference of a node's output from those of its inputs."""
    runs, dtype = len(change.differences), change.differences.dtype
    layer = node.layer
    if isinstance(layer, LINEAR + KERNEL_LAYERS):
        return _linear(read, node, carried, change, by_engine)
    if isinstance(layer, ReLU | MaxPooling):
        (source,) = node.inputs
        base, top = (_of_images(read.activation(name), change.images) for name in (source, node.name))
        result, crossings[node.name] = past_kinks(layer, base, top, carried[source])
        return result
    base_inputs = [read.activation(source)[list(change.images)].astype(np.float64) for source in node.inputs]
    before = _forward(layer, base_inputs, read.short_parameters(node), np.float64)
    after = []
    for run in range(runs):
        inputs = [
            base + carried[source][run] if source in carried else base
            for source, base in zip(node.inputs, base_inputs, strict=True)
        ]
        after.append(
            (_forward(layer, inputs, read.short_parameters(node), np.float64) - before).astype(dtype)
        )
    return np.stack(after)


def _forward(layer: Layer, inputs: Sequence[Array], parameters: Mapping[str, Array], dtype: Any) -> Array:
    own = {name: array.astype(dtype, copy=False) for name, array in parameters.items()}
    output: Array = definition(layer).forward(layer, inputs, own, Context(images=len(inputs[0])))[0]
    return output


def _linear(
    read: Evidence, node: Node, carried: Mapping[str, Array], change: Change, by_engine: bool
) -> Array:
    """A layer without its constants, applied to the differences alone."""
    runs, count, dtype = *change.differences.shape[:2], change.differences.dtype
    inputs = [
        carried[source].reshape(runs * count, *carried[source].shape[2:])
        if source in carried
        else np.zeros((runs * count, *read.graph.shapes[source]), dtype)
        for source in node.inputs
    ]
    layer = node.layer
    if by_engine and isinstance(layer, Convolution | TransposedConvolution):
        source = node.inputs[0]
        alone = Node(node.name, replace(layer, bias=False), (source,))
        graph = Graph((Node(source, Input(read.graph.shapes[source])), alone), (node.name,))
        program = read.program(graph, CompileOptions(runs * count, Purpose.INFERENCE))
        (output,) = program.forward(np.ascontiguousarray(inputs[0]))
    elif isinstance(layer, Linear):
        # One row after the other: the weights are read as they lie, not packed for a product of matrices.
        weight = read.short_parameters(node)["weight"].astype(dtype, copy=False)
        output = np.stack([weight @ row for row in inputs[0]])
    else:
        parameters = {
            name: np.zeros_like(array) if name in CONSTANTS else array
            for name, array in read.short_parameters(node).items()
        }
        if isinstance(layer, Normalize):
            layer = replace(layer, mean=(0.0,) * len(layer.mean))
        elif isinstance(layer, Pad):
            layer = replace(layer, value=0.0)
        output = _forward(layer, inputs, parameters, dtype)
    return output.reshape(runs, count, *output.shape[1:])


def _of_images(activation: Array, images: Sequence[int]) -> Array:
    """An activation of these images, not copied where they are all."""
    return activation if tuple(images) == tuple(range(len(activation))) else activation[list(images)]
