"""The zoo's networks as the benchmarks take them: without dropout, with weights as after some training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pellucid.graph import Graph
from pellucid.layers import Dropout
from pellucid.model import Model

Float32 = NDArray[np.float32]


def without_dropout(graph: Graph) -> Graph:
    """The graph with each dropout's input led past it, as random numbers differ between contestants."""
    sources: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(sources.get(source, source) for source in node.inputs)
        if isinstance(node.layer, Dropout):
            sources[node.name] = inputs[0]
        else:
            nodes.append(replace(node, inputs=inputs))
    return Graph(tuple(nodes), graph.outputs)


def settled_parameters(net: Model) -> dict[str, Float32]:
    """The net's parameters, with running statistics that no contestant can take for the identity."""
    random = np.random.default_rng(0)
    parameters = dict(net.parameters)
    for name, array in net.parameters.items():
        if name.endswith(".running_mean"):
            parameters[name] = random.normal(0, 0.1, array.shape).astype(np.float32)
        elif name.endswith(".running_var"):
            parameters[name] = random.uniform(0.5, 1.5, array.shape).astype(np.float32)
    return parameters
