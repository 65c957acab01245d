"""Writing a plan step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.native.memory import aligned, place
from pellucid.engines.native.plan import Attributes, Buffer, Iteration, Layout, Phase, Plan, Scope, Step

Operand = Buffer | None


class PlanBuilder:
    """Collects steps into phases; what each shard sums up is cleared before its first tile.

    Args:
        lanes: images a tile.
        gradient_bytes: size of the gradient of all trainable parameters, first in the batch scope.
    """

    def __init__(self, lanes: int, gradient_bytes: int) -> None:
        self.lanes = lanes
        self._before = Phase(Iteration.RANGE)
        self._phases: list[Phase] = [Phase(Iteration.TILES)]
        self._deferred: list[list[Step]] = []
        self._externals: list[str] = []
        self._external_buffers: dict[str, Buffer] = {}
        self._constants: list[tuple[Buffer, NDArray[Any]]] = []
        self._batch_bytes = aligned(gradient_bytes)

    # ---- buffers

    def lanes_buffer(self, name: str, cells: int, number_type: str = "float32") -> Buffer:
        """(cells, lanes) of four-byte numbers."""
        return Buffer(name, cells * self.lanes * 4, Layout.LANES, number_type)

    def rows_buffer(self, name: str, row: int) -> Buffer:
        """(lanes, row) floats."""
        return Buffer(name, row * self.lanes * 4, Layout.ROWS)

    def sums(self, name: str, cells: int) -> Buffer:
        """(cells, lanes) floats that each shard adds to, zero before its first tile."""
        return self.shard_sums(name, cells * self.lanes * 4, Layout.LANES, "float32")

    def shard_sums(self, name: str, nbytes: int, layout: Layout, number_type: str) -> Buffer:
        """Any numbers that each shard adds to, zero before its first tile."""
        buffer = Buffer(name, aligned(nbytes), layout, number_type, Scope.SHARD)
        self._phases[0].prologue.append(Step("clear", name, (buffer,), {"cells": buffer.nbytes // 8}))
        return buffer

    def batch_buffer(self, name: str, values: int) -> Buffer:
        """Floats of which there is one instance."""
        buffer = Buffer(name, values * 4, Layout.FLAT, "float32", Scope.BATCH, self._batch_bytes)
        self._batch_bytes += aligned(buffer.nbytes)
        return buffer

    def external(self, name: str, number_type: str = "float32") -> Buffer:
        """An array that every run brings under this name."""
        if name not in self._external_buffers:
            number = len(self._externals)
            self._externals.append(name)
            self._external_buffers[name] = Buffer(name, 0, Layout.FLAT, number_type, Scope.EXTERNAL, number)
        return self._external_buffers[name]

    def constant(self, name: str, values: NDArray[Any]) -> Buffer:
        """An array that never changes."""
        buffer = Buffer(name, values.nbytes, Layout.FLAT, str(values.dtype), Scope.EXTERNAL)
        self._constants.append((buffer, np.ascontiguousarray(values)))
        return buffer

    # ---- steps

    def tile(self, operation: str, node: str, operands: tuple[Operand, ...], attributes: Attributes) -> None:
        """A step on every tile."""
        if self._phases[-1].iteration is not Iteration.TILES:
            self._phases.append(Phase(Iteration.TILES))
        self._phases[-1].steps.append(Step(operation, node, operands, attributes))

    def range(
        self, operation: str, node: str, operands: tuple[Operand, ...], attributes: Attributes, extent: int
    ) -> None:
        """A step behind a barrier after the tiles so far; tile steps that follow begin a new walk."""
        if self._phases[-1].iteration is not Iteration.RANGE:
            self._phases.append(Phase(Iteration.RANGE))
        self._phases[-1].steps.append(Step(operation, node, operands, attributes, extent))

    def first(
        self, operation: str, node: str, operands: tuple[Operand, ...], attributes: Attributes, extent: int
    ) -> None:
        """A range step before the first tile; those given here share a phase."""
        self._before.steps.append(Step(operation, node, operands, attributes, extent))

    def later(
        self,
        turn: int,
        operation: str,
        node: str,
        operands: tuple[Operand, ...],
        attributes: Attributes,
        extent: int,
    ) -> None:
        """A range step after all tiles; those of one turn share a phase: none may read another's."""
        while len(self._deferred) <= turn:
            self._deferred.append([])
        self._deferred[turn].append(Step(operation, node, operands, attributes, extent))

    def plan(self, *, changes_state: bool) -> Plan:
        """The finished plan."""
        deferred = [Phase(Iteration.RANGE, steps=steps) for steps in self._deferred if steps]
        walks = [self._before, *self._phases, *deferred]
        phases = [phase for phase in walks if phase.steps or phase.prologue]
        places, sizes = place(phases)
        for number, (buffer, _) in enumerate(self._constants):
            places[buffer] = (Scope.EXTERNAL, len(self._externals) + number)
        return Plan(
            phases=tuple(phases),
            externals=tuple(self._externals),
            constants=tuple(values for _, values in self._constants),
            places=places,
            sizes={**sizes, Scope.BATCH: max(sizes[Scope.BATCH], self._batch_bytes)},
            changes_state=changes_state,
        )


GRADIENT_TURN, CHECK_TURN, CLIP_TURN, UPDATE_TURN = range(4)
"""Turns of `later`: gradients are put together, found finite and measured, shortened, and only then used."""
