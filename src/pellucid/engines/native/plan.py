"""What the compiler makes and the executor runs: phases of steps over buffers.

A phase over tiles walks each tile of images through its steps, tiles shared out among shards, shards among
threads. A phase over ranges shares out each step's own extent among the workers. A shared phase does the same
among the shards, chunk after chunk of its units, with a barrier after every step. Phases end at a barrier. A
buffer has a layout and a number type of its own; the layout is chosen a buffer, not a program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.schema import PlannedStep

Attributes = Mapping[str, int | float]


class Scope(IntEnum):
    """Where a buffer lives, and of what there is one instance; numbered as in native/runtime/plan.h."""

    NONE = 0
    STATE = 1
    BATCH = 2
    SHARD = 3
    TILE = 4
    EXTERNAL = 5
    PREPARED = 6


class Layout(Enum):
    """How a buffer's numbers lie."""

    LANES = "(cells, lanes)"
    """The batch in the SIMD lanes."""
    ROWS = "(lanes, cells)"
    """Image after image, rows padded to whole vectors."""
    BLOCKS = "(images, channel blocks, height, width, lanes)"
    """Neighbouring channels in the SIMD lanes; lanes without a channel hold zeros."""
    FLAT = "(values)"
    """No image axis."""


LAYOUTS: Mapping[str, Layout] = {"lanes": Layout.LANES, "blocks": Layout.BLOCKS}
"""Of networks, by the names that users know them by."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """A place for numbers.

    Attributes:
        name: for people.
        nbytes: of one instance.
        layout: see Layout.
        number_type: "float32", "int32", ...
        scope: None until the memory pass decides between SHARD and TILE.
        offset: in bytes within its scope, or the array's number for EXTERNAL; None until placed. Buffers of
            scope BATCH without one share memory with others that do not live at the same time.
    """

    name: str
    nbytes: int
    layout: Layout
    number_type: str = "float32"
    scope: Scope | None = None
    offset: int | None = None


class Scale(IntEnum):
    """What a shared step's extent is counted for; numbered as in native/runtime/plan.h."""

    ONCE = 0
    IMAGES = 1
    UNITS = 2


@dataclass(frozen=True)
class Step:
    """One kernel call: the operation, the node it serves, its operands in the kernel's order.

    `extent` is what a range or shared step shares out, counted as `scale` says; 0 for a tile step.
    """

    operation: str
    node: str
    operands: tuple[Buffer | None, ...]
    attributes: Attributes
    extent: int = 0
    scale: Scale = Scale.ONCE


class Iteration(IntEnum):
    """How a phase goes through its work; numbered as in native/runtime/plan.h."""

    TILES = 0
    RANGE = 1
    SHARED = 2


@dataclass
class Phase:
    """Steps between two barriers. `prologue` runs once a shard, before its tiles.

    Attributes:
        units: of a shared phase: how many an image has.
        chunk: of a shared phase: units that go through the steps together; 0 for all of the batch's.
    """

    iteration: Iteration
    prologue: list[Step] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    units: int = 1
    chunk: int = 0


@dataclass(frozen=True)
class Plan:
    """A program for the executor.

    Attributes:
        phases: in order.
        externals: names of the arrays that each run brings, by number; the constants come after them.
        constants: arrays that every run brings unchanged.
        places: scope and offset of every buffer.
        sizes: bytes of one instance of the batch, shard, tile and prepared scopes.
        changes_state: whether it writes parameters.
        preparation: phases that make what is prepared, whenever the state has changed.
    """

    phases: tuple[Phase, ...]
    externals: tuple[str, ...]
    constants: tuple[NDArray[Any], ...]
    places: Mapping[Buffer, tuple[Scope, int]]
    sizes: Mapping[Scope, int]
    changes_state: bool
    preparation: tuple[Phase, ...] = ()

    def description(self, lanes: int, shards: int, capacity: int) -> dict[str, Any]:
        """The plan as the compiled module takes it."""
        return {
            "phases": [self._phase(phase) for phase in self.phases],
            "preparation": [self._phase(phase) for phase in self.preparation],
            "lanes": lanes,
            "shards": shards,
            "capacity": capacity,
            "batch_bytes": self.sizes[Scope.BATCH],
            "shard_bytes": self.sizes[Scope.SHARD],
            "tile_bytes": self.sizes[Scope.TILE],
            "prepared_bytes": self.sizes[Scope.PREPARED],
            "changes_state": self.changes_state,
        }

    def schema_steps(self) -> tuple[PlannedStep, ...]:
        """The steps for people."""
        prepared = [step for phase in self.preparation for step in phase.steps]
        steps = [step for phase in self.phases for step in phase.steps]
        return tuple(
            PlannedStep(step.node, step.operation, _layout_text(step), prepared=number < len(prepared))
            for number, step in enumerate((*prepared, *steps))
        )

    def _phase(self, phase: Phase) -> tuple[Any, ...]:
        steps = self._steps(phase.prologue), self._steps(phase.steps)
        return int(phase.iteration), *steps, phase.units, phase.chunk

    def _steps(self, steps: list[Step]) -> list[tuple[Any, ...]]:
        return [
            (
                step.operation,
                [self._place(operand) for operand in step.operands],
                dict(step.attributes),
                step.extent,
                int(step.scale),
            )
            for step in steps
        ]

    def _place(self, buffer: Buffer | None) -> tuple[int, int]:
        if buffer is None:
            return int(Scope.NONE), 0
        scope, offset = self.places[buffer]
        return int(scope), offset


def _layout_text(step: Step) -> str:
    layouts = [operand.layout for operand in step.operands if operand is not None]
    return next((layout.name.lower() for layout in layouts if layout is not Layout.FLAT), "flat")


def byte_view(array: NDArray[Any]) -> NDArray[np.uint8]:
    """A contiguous array's memory as bytes."""
    return array.reshape(-1).view(np.uint8)
