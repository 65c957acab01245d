"""The memory pass: which scope each buffer needs, and where in it it lies.

What only one phase over tiles, or only one shared phase, touches is scratch of a shard, its place reused as
soon as its last reader is done. What a later phase reads again needs an instance a tile. Whole batches (scope
BATCH without an offset) lie in one arena, places reused from phase to phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.native.plan import Buffer, Iteration, Phase, Scope

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector."""

Places = dict[Buffer, tuple[Scope, int]]


def aligned(nbytes: int) -> int:
    """The size rounded up to whole cache lines."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def aligned_copy(values: NDArray[Any]) -> NDArray[Any]:
    """The array at an address that whole vectors can be read from."""
    memory = np.empty(values.nbytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


def place(
    phases: Sequence[Phase], preparation: Sequence[Phase] = (), batch_bytes: int = 0
) -> tuple[Places, Mapping[Scope, int]]:
    """A place for every buffer of these phases, and the bytes of one instance of each scope.

    Args:
        phases: in order.
        preparation: phases that run before them, and not always.
        batch_bytes: taken already at the start of the batch scope.
    """
    places: Places = {}
    sizes = {Scope.BATCH: batch_bytes, Scope.SHARD: 0, Scope.TILE: 0, Scope.PREPARED: 0}
    spans = _spans((*preparation, *phases))
    whole_batches: list[Buffer] = []
    for buffer in spans:
        if buffer.offset is not None and buffer.scope is not None:
            places[buffer] = (buffer.scope, buffer.offset)
            if buffer.scope is Scope.BATCH:
                sizes[Scope.BATCH] = max(sizes[Scope.BATCH], aligned(buffer.offset + buffer.nbytes))
    scratch: dict[int, list[Buffer]] = {}
    for buffer, span in spans.items():
        if buffer in places or buffer.scope is Scope.EXTERNAL:
            continue  # constants are numbered by the builder, behind the externals
        if buffer.scope is Scope.BATCH:
            whole_batches.append(buffer)
            continue
        scope = buffer.scope or (Scope.SHARD if span.stays_in_one_phase else Scope.TILE)
        if buffer.scope is None and scope is Scope.SHARD:
            scratch.setdefault(span.phase, []).append(buffer)
        else:
            places[buffer] = (scope, sizes[scope])
            sizes[scope] += aligned(buffer.nbytes)
    # Scratch lies behind the sums, which last through the whole step.
    base, top = sizes[Scope.SHARD], sizes[Scope.SHARD]
    for buffers in scratch.values():
        top = max(top, _pack(buffers, _moments(buffers, spans), base, Scope.SHARD, places))
    sizes[Scope.SHARD] = top
    lives = {buffer: (spans[buffer].phase, spans[buffer].last_phase) for buffer in whole_batches}
    sizes[Scope.BATCH] = _pack(whole_batches, lives, sizes[Scope.BATCH], Scope.BATCH, places)
    return places, sizes


class _Span:
    """From the step that first touches a buffer to the one that last does."""

    def __init__(self, phase: int, step: int, in_shards: bool) -> None:
        self.phase = self.last_phase = phase
        self.first = self.last = step
        self.stays_in_one_phase = in_shards

    def extend(self, phase: int, step: int, in_shards: bool) -> None:
        self.last = step
        self.last_phase = phase
        self.stays_in_one_phase &= in_shards and phase == self.phase


def _spans(phases: Sequence[Phase]) -> dict[Buffer, _Span]:
    spans: dict[Buffer, _Span] = {}
    moment = 0
    for number, phase in enumerate(phases):
        in_shards = phase.iteration is not Iteration.RANGE
        for step in (*phase.prologue, *phase.steps):
            for operand in step.operands:
                if operand is None:
                    continue
                if operand in spans:
                    spans[operand].extend(number, moment, in_shards)
                else:
                    spans[operand] = _Span(number, moment, in_shards)
            moment += 1
    return spans


Lives = Mapping[Buffer, tuple[int, int]]
"""When each buffer is first and last used."""


def _moments(buffers: Sequence[Buffer], spans: Mapping[Buffer, _Span]) -> Lives:
    return {buffer: (spans[buffer].first, spans[buffer].last) for buffer in buffers}


def _pack(buffers: Sequence[Buffer], lives: Lives, base: int, scope: Scope, places: Places) -> int:
    """First fit in the order of first use; returns the end of the highest place."""
    top = base
    placed: list[tuple[int, int, int]] = []  # start, end, moment of last use
    for buffer in sorted(buffers, key=lambda b: lives[b][0]):
        first, last = lives[buffer]
        placed = [entry for entry in placed if entry[2] >= first]
        start = base
        for used_start, used_end, _ in sorted(placed):
            if start + buffer.nbytes <= used_start:
                break
            start = max(start, used_end)
        end = start + aligned(buffer.nbytes)
        placed.append((start, end, last))
        places[buffer] = (scope, start)
        top = max(top, end)
    return top
