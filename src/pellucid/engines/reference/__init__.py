"""The reference engine: the definition of every layer, in NumPy.

A file a family mirrors layers/: forward and backward side by side, the equation above the code.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pellucid.engines.engine import CompileOptions, Engine
from pellucid.engines.reference.program import ReferenceProgram, ReferenceTrace
from pellucid.graph import Graph

__all__ = ["ReferenceEngine", "ReferenceProgram", "ReferenceTrace"]


class ReferenceEngine(Engine):
    """Runs graphs by the layers' definitions: right rather than quick.

    Args:
        dtype: "float32", or "float64" for finite differences and for judging other engines.
    """

    name = "reference"

    def __init__(self, dtype: Literal["float32", "float64"] = "float32") -> None:
        self._dtype = np.dtype(np.float32) if dtype == "float32" else np.dtype(np.float64)

    def compile(self, graph: Graph, options: CompileOptions) -> ReferenceProgram:
        """A program for this graph, its parameters zero until written."""
        return ReferenceProgram(graph, options, self._dtype)
