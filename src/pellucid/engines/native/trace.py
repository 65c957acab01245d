"""What a native program keeps of one batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Array, Trace
from pellucid.graph import Graph
from pellucid.layers import Flatten, Reshape

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class TracePlan:
    """What a trace of a graph keeps, and where it has that from.

    Attributes:
        kept: nodes whose activation may be asked for.
        held: those, and the nodes that the loss reads.
        computed: the held nodes that a pass has to write down.
        same: held nodes that only give another one's values another shape, and that other, held too.
    """

    kept: tuple[str, ...]
    held: tuple[str, ...]
    computed: tuple[str, ...]
    same: Mapping[str, str]


def trace_plan(graph: Graph, keep: Collection[str], read: Collection[str]) -> TracePlan:
    """Plan a trace.

    Args:
        graph: that is traced.
        keep: names of nodes; all when empty.
        read: nodes that the loss reads.
    """
    kept = tuple(node.name for node in graph.nodes if not keep or node.name in keep)
    held = tuple(dict.fromkeys((*kept, *read)))
    same = {
        node.name: node.inputs[0]
        for node in graph.nodes
        if node.name in held and isinstance(node.layer, Flatten | Reshape) and node.inputs[0] in held
    }
    computed = tuple(name for name in held if name not in graph.inputs and name not in same)
    return TracePlan(kept, held, computed, same)


class NativeTrace(Trace):
    """Activations of one batch, and the images they came from."""

    def __init__(self, nodes: tuple[str, ...], inputs: tuple[Float32, ...], kept: dict[str, Float32]) -> None:
        self.nodes = nodes
        self.inputs = inputs
        self.count = len(inputs[0])
        self.kept = kept

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(array.nbytes for array in (*self.inputs, *self.kept.values()))

    def __getitem__(self, node: str) -> Array:
        if node not in self.nodes:
            raise KeyError(node)
        return self.kept[node]
