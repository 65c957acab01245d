"""Where a program's parameters and optimiser slots lie in its state, and how they get in and out.

The trainable ones come first, those that weight decay applies to before the others, without gaps: so the
gradient is one vector with the same offsets, and an update is one step or two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import State
from pellucid.engines.native import _native
from pellucid.engines.native.memory import aligned
from pellucid.engines.native.plan import Buffer, Layout, Scope, byte_view
from pellucid.graph import Graph
from pellucid.layers import Conv1d, Conv2d
from pellucid.optimizers import Optimizer

FLOAT = 4
"""Bytes of a float32."""


class ParameterStore:
    """The state of a native program.

    Args:
        graph: whose parameters they are.
        optimizer: whose slots are kept beside them, if any.
    """

    def __init__(self, graph: Graph, optimizer: Optimizer | None) -> None:
        self.graph = graph
        specs = graph.parameters
        trainable = [name for name, spec in specs.items() if spec.role == "trainable"]
        decayed = [name for name in trainable if specs[name].decay]
        plain = [name for name in trainable if not specs[name].decay]
        others = [name for name in specs if specs[name].role != "trainable"]
        self._offsets: dict[str, int] = {}
        end = self._lay_out((*decayed, *plain), 0)
        self.decayed_values = sum(self._values(name) for name in decayed)
        self.trainable_values = end // FLOAT
        end = self._lay_out(tuple(others), aligned(end))
        self._trainable = (*decayed, *plain)
        self._slot_bases: dict[str, int] = {}
        for slot in optimizer.slots if optimizer is not None else ():
            self._slot_bases[slot] = aligned(end)
            end = self._slot_bases[slot] + self.trainable_values * FLOAT
        self.nbytes = end
        self.native = _native.State(max(1, end))
        self._flipped = {  # and along how many axes
            f"{node.name}.weight": len(node.layer.kernel)
            for node in graph.nodes
            if isinstance(node.layer, Conv1d | Conv2d) and node.layer.flip
        }

    def _values(self, name: str) -> int:
        return math.prod(self.graph.parameters[name].shape)

    def _lay_out(self, names: tuple[str, ...], offset: int) -> int:
        for name in names:
            self._offsets[name] = offset
            offset += self._values(name) * FLOAT
        return offset

    # ---- buffers for plans

    def parameter(self, name: str) -> Buffer:
        """A parameter's place in the state."""
        return Buffer(
            name, self._values(name) * FLOAT, Layout.FLAT, scope=Scope.STATE, offset=self._offsets[name]
        )

    def gradient(self, name: str) -> Buffer:
        """A trainable parameter's place in the gradient."""
        offset = self._offsets[name]
        return Buffer(f"d {name}", self._values(name) * FLOAT, Layout.FLAT, scope=Scope.BATCH, offset=offset)

    def section(self, slot: str | None, begin: int, values: int, scope: Scope = Scope.STATE) -> Buffer:
        """A run of trainable values: of the weights, of the gradient (scope BATCH), or of a slot."""
        base = 0 if slot is None else self._slot_bases[slot]
        return Buffer(
            slot or "trainable", values * FLOAT, Layout.FLAT, scope=scope, offset=base + begin * FLOAT
        )

    # ---- arrays in and out

    def _oriented(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Kernels are kept as they are applied: those of a true convolution rotated by 180 degrees."""
        if name not in self._flipped:
            return array
        return np.flip(array, tuple(range(-self._flipped[name], 0)))

    def _write(self, base: int, name: str, values: NDArray[Any]) -> None:
        array = np.ascontiguousarray(self._oriented(name, values), dtype=np.float32)
        self.native.write(base + self._offsets[name], byte_view(array))

    def _read(self, base: int, name: str) -> NDArray[np.float32]:
        array = np.empty(self.graph.parameters[name].shape, np.float32)
        self.native.read(base + self._offsets[name], byte_view(array))
        return np.ascontiguousarray(self._oriented(name, array))

    def write_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> None:
        """Replace the named arrays."""
        for name, values in parameters.items():
            self._write(0, name, values)

    def read_parameters(self) -> State:
        """All arrays by name, in graph order."""
        return {name: self._read(0, name) for name in self.graph.parameters}

    def _slots(self) -> Iterator[tuple[str, int, str]]:
        for slot, base in self._slot_bases.items():
            for name in self._trainable:
                yield f"{slot}:{name}", base, name

    def write_slots(self, slots: Mapping[str, NDArray[Any]]) -> None:
        """Replace the named optimiser arrays."""
        places = {key: (base, name) for key, base, name in self._slots()}
        for key, values in slots.items():
            base, name = places[key]
            self._write(base, name, values)

    def read_slots(self) -> State:
        """All optimiser arrays, "velocity:conv1.weight"."""
        return {key: self._read(base, name) for key, base, name in self._slots()}

    def oriented(self, name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """A parameter's values from the order of the compiled module to the layer's, or back."""
        return np.ascontiguousarray(self._oriented(name, array))
