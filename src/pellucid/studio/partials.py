"""What each input channel alone contributes to one map of a convolution, and the curve of an activation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pellucid.engines.engine import Array, CompileOptions, Purpose
from pellucid.engines.reference.definition import INFERENCE
from pellucid.engines.reference.definitions import definition
from pellucid.errors import DataError
from pellucid.explain.evidence import Evidence
from pellucid.graph import GraphBuilder, Node
from pellucid.layers.activation import Activation, PReLU
from pellucid.layers.convolution import Convolution
from pellucid.layers.locally_connected import LocallyConnected
from pellucid.layers.transposed_convolution import TransposedConvolution
from pellucid.model import Model
from pellucid.studio.messages import Curve

POINTS = 129
"""Of a curve."""


def partial_maps(read: Evidence, name: str, channel: int, most: int) -> tuple[list[int], Array]:
    """The input channels that an output channel sees, and the map that each makes without the bias.

    Args:
        read: whose numbers.
        name: of a convolution.
        channel: of its output.
        most: channels that are computed where the layer cannot be taken apart cheaply: the strongest.

    Returns:
        Numbers of the input channels, and (channels, *axes).
    """
    node = read.graph.node(name)
    total = read.graph.shapes[name][0]
    if not 0 <= channel < total:
        raise DataError(f"{name}: channels are 0 to {total - 1}, received {channel}")
    if isinstance(node.layer, Convolution):
        return _apart(read, node, node.layer, channel)
    if isinstance(node.layer, TransposedConvolution | LocallyConnected):
        return _one_by_one(read, node, channel, most)
    raise DataError(f"{name}: partial maps are those of a convolution, received {node.layer.name}")


def _apart(read: Evidence, node: Node, layer: Convolution, channel: int) -> tuple[list[int], Array]:
    """All at once: a convolution of every channel by its own kernel."""
    image = read.activation(node.inputs[0])
    table = layer.table(image.shape[1])
    seen = list(table[channel])
    weight = read.parameters[f"{node.name}.weight"]
    before = sum(len(row) for row in table[:channel])
    kernels = weight[channel] if layer.connections is None else weight[before : before + len(seen)]
    own = replace(layer, out_channels=len(seen), groups=len(seen), bias=False, connections=None)
    builder = GraphBuilder()
    builder.add(own, builder.input((len(seen), *image.shape[2:])), name="partial")
    graph = builder.graph()
    program = read.engine.compile(graph, CompileOptions(1, Purpose.INFERENCE))
    program.write_parameters({"partial.weight": np.ascontiguousarray(kernels[:, None])})
    maps: Array = program.forward(np.ascontiguousarray(image[:, seen]))[0][0]
    return seen, maps


def _one_by_one(read: Evidence, node: Node, channel: int, most: int) -> tuple[list[int], Array]:
    """By the definition: the layer of an image of which one channel alone is left, minus that of none."""
    (image,) = read.inputs(node)
    strength = np.abs(image[0]).reshape(image.shape[1], -1).mean(axis=1)
    seen = sorted(np.argsort(-strength, kind="stable")[:most].tolist())
    alone = np.zeros((len(seen) + 1, *image.shape[1:]))
    for place, source in enumerate(seen):
        alone[place, source] = image[0, source]
    parameters = read.short_parameters(node)
    output = definition(node.layer).forward(node.layer, [alone], parameters, INFERENCE)[0][:, channel]
    return seen, output[:-1] - output[-1:]


def curve(model: Model, name: str, channel: int, low: float, high: float) -> Curve:
    """An activation between two inputs, by its definition."""
    node = model.graph.node(name)
    if not isinstance(node.layer, Activation | PReLU):
        raise DataError(f"{name}: curves are those of activations, received {node.layer.name}")
    if not low < high:
        raise DataError(f"{name}: a curve goes from low to a higher number, received {low} and {high}")
    width = model.graph.shapes[name][0]
    if not 0 <= channel < width:
        raise DataError(f"{name}: channels are 0 to {width - 1}, received {channel}")
    inputs = np.linspace(low, high, POINTS)
    shape = (width, *(1,) * (len(model.graph.shapes[name]) - 1))
    batch = np.broadcast_to(inputs.reshape(-1, *(1,) * len(shape)), (POINTS, *shape))
    parameters = {
        spec.name: model.parameters[f"{name}.{spec.name}"].astype(np.float64)
        for spec in node.layer.parameters(model.graph.input_shapes(node))
    }
    with np.errstate(all="ignore"):
        output = definition(node.layer).forward(node.layer, [batch], parameters, INFERENCE)[0]
    return {"inputs": inputs.tolist(), "outputs": output.reshape(POINTS, width)[:, channel].tolist()}
