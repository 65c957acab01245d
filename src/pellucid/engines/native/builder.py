"""Writing a plan step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from numpy.typing import NDArray

from pellucid.engines.native.memory import aligned, aligned_copy, place
from pellucid.engines.native.plan import (
    Attributes,
    Buffer,
    Iteration,
    Layout,
    Phase,
    Plan,
    Scope,
    Step,
)
from pellucid.layers import Shape

Operand = Buffer | None
Made = TypeVar("Made")


class PlanBuilder:
    """Collects steps into phases; what each shard sums up is cleared before its first tile.

    Args:
        lanes: images a tile, and channels a block.
        gradient_bytes: size of the gradient of all trainable parameters, first in the batch scope; 0 for
            a plan that forms none.
        capacity: images in a batch, at most.
        shards: that work is shared out among.
    """

    def __init__(self, lanes: int, gradient_bytes: int, capacity: int, shards: int) -> None:
        self.lanes = lanes
        self.capacity = capacity
        self.shards = shards
        self._before = Phase(Iteration.RANGE)
        self._phases: list[Phase] = [Phase(Iteration.TILES)]
        self._deferred: list[list[Step]] = []
        self._preparation: list[Phase] = []
        self._made: dict[Any, Any] = {}
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

    def blocks_buffer(self, name: str, shape: Shape) -> Buffer:
        """(images, channel blocks, *positions, lanes) floats, for arrays of this shape an image."""
        return self.pooled_buffer(name, self.capacity * self.block_values(shape) * 4, Layout.BLOCKS)

    def block_values(self, shape: Shape) -> int:
        """Floats that an image of this shape, channels first, takes in blocks."""
        return self.blocks(shape[0]) * self.lanes * math.prod(shape[1:])

    def blocks(self, channels: int) -> int:
        """Blocks that so many channels take."""
        return -(-channels // self.lanes)

    def pooled_buffer(self, name: str, nbytes: int, layout: Layout = Layout.FLAT) -> Buffer:
        """One instance, in memory that is used again when its last reader is done."""
        return Buffer(name, nbytes, layout, scope=Scope.BATCH)

    def scratch(self, name: str, nbytes: int) -> Buffer:
        """An instance a shard, for the steps of one phase."""
        return Buffer(name, nbytes, Layout.FLAT)

    def prepared_buffer(self, name: str, values: int) -> Buffer:
        """Floats made by the preparation, whenever the state has changed."""
        return Buffer(name, values * 4, Layout.FLAT, scope=Scope.PREPARED)

    def external(self, name: str, number_type: str = "float32", nbytes: int = 0) -> Buffer:
        """An array that every run brings under this name; `nbytes` where a step asks for its size."""
        if name not in self._external_buffers:
            number = len(self._externals)
            self._externals.append(name)
            self._external_buffers[name] = Buffer(
                name, nbytes, Layout.FLAT, number_type, Scope.EXTERNAL, number
            )
        return self._external_buffers[name]

    def constant(self, name: str, values: NDArray[Any]) -> Buffer:
        """An array that never changes."""
        buffer = Buffer(name, values.nbytes, Layout.FLAT, str(values.dtype), Scope.EXTERNAL)
        self._constants.append((buffer, aligned_copy(values)))
        return buffer

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` appends steps for, the first time that it is asked for under this key."""
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]
        return made

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

    def shared(
        self, steps: Sequence[Step], *, prologue: Sequence[Step] = (), units: int = 1, chunk: int = 0
    ) -> None:
        """Steps that all shards share, a barrier after each; chunk by chunk of `units` an image."""
        self._phases.append(Phase(Iteration.SHARED, list(prologue), list(steps), units, chunk))

    def prepare(self, *steps: Step) -> None:
        """Shared steps that run whenever the state has changed, before all others."""
        self._preparation.append(Phase(Iteration.SHARED, [], list(steps)))

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
        places, sizes = place(phases, self._preparation, self._batch_bytes)
        for number, (buffer, _) in enumerate(self._constants):
            places[buffer] = (Scope.EXTERNAL, len(self._externals) + number)
        return Plan(
            phases=tuple(phases),
            externals=tuple(self._externals),
            constants=tuple(values for _, values in self._constants),
            places=places,
            sizes=sizes,
            changes_state=changes_state,
            preparation=tuple(self._preparation),
        )


GRADIENT_TURN, CHECK_TURN, CLIP_TURN, UPDATE_TURN = range(4)
"""Turns of `later`: gradients are put together, found finite and measured, shortened, and only then used."""
