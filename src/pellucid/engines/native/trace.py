"""What a native program keeps of one batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Array, Trace

Float32 = NDArray[np.float32]


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
