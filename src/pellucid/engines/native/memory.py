"""The memory pass: which scope each buffer needs, and where in it it lies.

What only one phase over tiles touches is scratch of a shard, its place reused as soon as its last reader is
done. What a later phase reads again needs an instance a tile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pellucid.engines.native.plan import Buffer, Iteration, Phase, Scope

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector."""

Places = dict[Buffer, tuple[Scope, int]]


def aligned(nbytes: int) -> int:
    """The size rounded up to whole cache lines."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def place(phases: Sequence[Phase]) -> tuple[Places, Mapping[Scope, int]]:
    """A place for every buffer of these phases, and the bytes of one instance of each scope."""
    places: Places = {}
    sizes = {Scope.BATCH: 0, Scope.SHARD: 0, Scope.TILE: 0}
    spans = _spans(phases)
    for buffer in spans:
        if buffer.offset is not None and buffer.scope is not None:
            places[buffer] = (buffer.scope, buffer.offset)
            if buffer.scope is Scope.BATCH:
                sizes[Scope.BATCH] = max(sizes[Scope.BATCH], aligned(buffer.offset + buffer.nbytes))
    scratch: dict[int, list[Buffer]] = {}
    for buffer, span in spans.items():
        if buffer in places or buffer.scope is Scope.EXTERNAL:
            continue  # constants are numbered by the builder, behind the externals
        scope = buffer.scope or (Scope.SHARD if span.stays_in_one_phase else Scope.TILE)
        if buffer.scope is None and scope is Scope.SHARD:
            scratch.setdefault(span.phase, []).append(buffer)
        else:
            places[buffer] = (scope, sizes[scope])
            sizes[scope] += aligned(buffer.nbytes)
    # Scratch lies behind the sums, which last through the whole step.
    base, top = sizes[Scope.SHARD], sizes[Scope.SHARD]
    for buffers in scratch.values():
        top = max(top, _pack(buffers, spans, base, places))
    sizes[Scope.SHARD] = top
    return places, sizes


class _Span:
    """From the step that first touches a buffer to the one that last does."""

    def __init__(self, phase: int, step: int, in_tiles: bool) -> None:
        self.phase = phase
        self.first = self.last = step
        self.stays_in_one_phase = in_tiles

    def extend(self, phase: int, step: int, in_tiles: bool) -> None:
        self.last = step
        self.stays_in_one_phase &= in_tiles and phase == self.phase


def _spans(phases: Sequence[Phase]) -> dict[Buffer, _Span]:
    spans: dict[Buffer, _Span] = {}
    moment = 0
    for number, phase in enumerate(phases):
        in_tiles = phase.iteration is Iteration.TILES
        for step in (*phase.prologue, *phase.steps):
            for operand in step.operands:
                if operand is None:
                    continue
                if operand in spans:
                    spans[operand].extend(number, moment, in_tiles)
                else:
                    spans[operand] = _Span(number, moment, in_tiles)
            moment += 1
    return spans


def _pack(buffers: list[Buffer], spans: Mapping[Buffer, _Span], base: int, places: Places) -> int:
    """First fit in the order of first use; returns the end of the highest place."""
    top = base
    placed: list[tuple[int, int, int]] = []  # start, end, moment of last use
    for buffer in sorted(buffers, key=lambda b: spans[b].first):
        span = spans[buffer]
        placed = [entry for entry in placed if entry[2] >= span.first]
        start = base
        for used_start, used_end, _ in sorted(placed):
            if start + buffer.nbytes <= used_start:
                break
            start = max(start, used_end)
        end = start + aligned(buffer.nbytes)
        placed.append((start, end, span.last))
        places[buffer] = (Scope.SHARD, start)
        top = max(top, end)
    return top
