"""What a convolution reads of its source, and where copies of it lie.

The kernels' side is native/kernels/blocks/convolution_band.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.value import BYTE_SCALE, BlockValue
from pellucid.engines.native.plan import Buffer

POSITIONS = 256
"""Outputs that a band aims for: enough to read each weight for, few enough for the caches."""

FEWEST_POSITIONS = 48
"""Outputs of a band that reads many channels, at least."""

SCRATCH = 192 * 1024
"""Bytes of the source that are copied at a time, where that is enough for one plane."""

JOINED_COLUMNS = 64
"""Rows up to so long are joined: cut by themselves they would leave blocks of registers half empty."""

LINE = 16
"""Floats of a cache line."""

FEW_PLANES = 8
"""Planes that may lie at colliding places."""


def _collides(floats: int) -> bool:
    """Whether planes so far apart share a few sets of the L1 cache."""
    return floats % 256 == 0


def source_cell(position: int, length: int, mode: str) -> int:
    """The cell of an axis that a position in or around it repeats; -1 where it holds zero."""
    if 0 <= position < length:
        return position
    if mode == "edge":
        return 0 if position < 0 else length - 1
    if mode == "reflect":
        return -position if position < 0 else 2 * (length - 1) - position
    if mode == "circular":
        return position + length if position < 0 else position - length
    return -1


@dataclass(frozen=True)
class AxisReads:
    """Which cells of an axis outputs read: at tap t output i reads cell i * step + firsts[t].

    Attributes:
        length: cells of the source.
        outputs: how many there are.
        mode: what lies beyond the edges.
    """

    length: int
    outputs: int
    step: int
    firsts: tuple[int, ...]
    mode: str = "zeros"

    @property
    def is_whole(self) -> bool:
        """Whether output i reads cell i and nothing else."""
        return (self.firsts, self.step, self.outputs) == ((0,), 1, self.length)

    @property
    def sparing(self) -> float:
        """Outputs of a band, at least, of which no more than half as many cells again are read."""
        spread = max(self.firsts, default=0) - min(self.firsts, default=0) + 1 - self.step
        return max(1.0, 2 * spread / self.step)

    def copies(self, *, apart: bool) -> AxisCopies:
        """One copy for all taps of a phase, or with `apart` for each tap."""
        keys = {first: first if apart else first % self.step for first in self.firsts}
        bases = {key: min(f for f in self.firsts if keys[f] == key) for key in sorted(set(keys.values()))}
        numbers = {key: number for number, key in enumerate(bases)}
        taps = [(numbers[keys[f]], (f - bases[keys[f]]) // self.step) for f in self.firsts]
        more = [max(offset for copy, offset in taps if copy == number) for number in range(len(bases))]
        return AxisCopies(self, tuple(bases.values()), tuple(more), tuple(taps))


@dataclass(frozen=True)
class AxisCopies:
    """Copies of every step-th cell of an axis.

    Attributes:
        bases: the cell that each copy begins with.
        more: how many cells each has beyond one an output.
        taps: for each tap the copy it reads, and its offset in it.
    """

    reads: AxisReads
    bases: tuple[int, ...]
    more: tuple[int, ...]
    taps: tuple[tuple[int, int], ...]

    def _cells(self, copy: int, count: int) -> list[int]:
        reads = self.reads
        positions = (self.bases[copy] + i * reads.step for i in range(count))
        return [source_cell(position, reads.length, reads.mode) for position in positions]

    def rows(self) -> NDArray[np.int32]:
        """As the kernels take them, down the map."""
        copies = [self._cells(copy, self.reads.outputs + more) for copy, more in enumerate(self.more)]
        header = [len(copies)]
        begin = 1 + 2 * len(copies)
        for cells, more in zip(copies, self.more, strict=True):
            header += [begin, more]
            begin += len(cells)
        return np.array([*header, *(cell for cells in copies for cell in cells)], np.int32)

    @property
    def width(self) -> int:
        """Of every copy, along a row."""
        return self.reads.outputs + max(self.more, default=0)

    def columns(self) -> NDArray[np.int32]:
        """As the kernels take them, along a row."""
        header = [self.reads.step]
        all_cells: list[int] = []
        for copy, base in enumerate(self.bases):
            step, length = self.reads.step, self.reads.length
            begin = min(self.width, max(0, -(base // step)))
            end = max(begin, min(self.width, -((base - length) // step)))
            header += [begin, end, base + begin * step]
            all_cells += self._cells(copy, self.width)
        return np.array([*header, *all_cells], np.int32)


@dataclass(frozen=True)
class Band:
    """How kernels go through the positions of an array of outputs, and read its source.

    Attributes:
        value: the source; in whole images, or in blocks perhaps described.
        rows, columns: what is read of it.
        taps: for every tap its number among the rows' and among the columns' firsts.
        channels: of the source.
        sources: planes of it: blocks or channels.
        cell: floats between neighbouring cells of a plane.
        joined: whether a band's rows follow upon each other.
        bands: that an image's rows are cut into.
    """

    value: BlockValue
    rows: AxisReads
    columns: AxisReads
    taps: tuple[tuple[int, int], ...]
    sources: int
    cell: int
    direct: bool
    joined: bool
    bands: int

    @property
    def longest(self) -> int:
        """Rows of the longest band."""
        return -(-self.rows.outputs // self.bands)

    @property
    def slots(self) -> int:
        """Rows that a copied plane has."""
        return sum(self.longest + more for more in self.rows.copies(apart=False).more)

    @property
    def _copied_columns(self) -> AxisCopies:
        return self.columns.copies(apart=self.joined)

    @property
    def plane(self) -> int:
        """Floats from one copied plane to the next: off the strides at which cache lines collide."""
        columns = self._copied_columns
        floats = self.slots * len(columns.bases) * columns.width * self.cell
        floats = -(-floats // LINE) * LINE
        return floats + LINE if _collides(floats) else floats

    @property
    def plane_nbytes(self) -> int:
        """Of a copied plane."""
        return self.plane * 4

    @property
    def band_nbytes(self) -> int:
        """That a band reads of a plane, or of its copy."""
        return self.positions * self.cell * 4 if self.direct else self.plane_nbytes

    @property
    def positions(self) -> int:
        """Outputs of the longest band."""
        return self.longest * self.columns.outputs

    def tap_offsets(self) -> NDArray[np.int32]:
        """Where in a plane output 0 finds each tap's cell, in floats."""
        rows, columns = self.rows.copies(apart=False), self._copied_columns
        starts = [sum(self.longest + more for more in rows.more[:copy]) for copy in range(len(rows.more))]
        offsets = []
        for row, column in self.taps:
            (row_copy, down), (column_copy, along) = rows.taps[row], columns.taps[column]
            slot = starts[row_copy] + down
            offsets.append(((column_copy * self.slots + slot) * columns.width + along) * self.cell)
        return np.array(offsets, np.int32)

    def tables(self, builder: PlanBuilder) -> tuple[Buffer, Buffer, Buffer]:
        """Taps, rows and columns."""
        name = self.value.name
        return (
            builder.constant(f"{name} taps", self.tap_offsets()),
            builder.constant(f"{name} rows", self.rows.copies(apart=False).rows()),
            builder.constant(f"{name} columns", self._copied_columns.columns()),
        )

    def operands(self) -> tuple[Buffer | None, ...]:
        """x, other, coefficients, indices."""
        value = self.value
        indices = value.images.indices if value.images is not None else None
        return value.x, value.other, value.coefficients, indices

    def attributes(self, *, chunk: int, images: int) -> dict[str, int | float]:
        """Of the kernels: planes and images to copy at a time."""
        images_type = self.value.images.number_type if self.value.images is not None else None
        columns = self._copied_columns
        return {
            "in_height": self.rows.length,
            "in_width": self.columns.length,
            "sources": self.sources,
            "form": {None: 0, "float32": 1, "uint8": 2}[images_type],
            "rectify_source": int(self.value.rectified),
            "scale": BYTE_SCALE if images_type == "uint8" else 1.0,
            "direct": int(self.direct),
            "joined": int(self.joined),
            "rows": self.rows.outputs,
            "columns": self.columns.outputs,
            "bands": self.bands,
            "slots": self.slots,
            "column_copies": len(columns.bases),
            "width": columns.width,
            "plane": self.plane,
            "chunk": chunk,
            "images": images,
        }


def band(
    builder: PlanBuilder,
    value: BlockValue,
    rows: AxisReads,
    columns: AxisReads,
    taps: Sequence[tuple[int, int]],
    *,
    contiguous: bool = True,
    joined_columns: int = JOINED_COLUMNS,
) -> Band:
    """How to go through a source.

    Args:
        contiguous: whether neighbouring outputs also lie next to each other, rows too.
        joined_columns: rows up to so long are joined.
    """
    planar = value.images is not None
    sources = value.shape[0] if planar else builder.blocks(value.shape[0])
    direct = value.is_plain and len(taps) == 1 and rows.is_whole and columns.is_whole
    if _collides(rows.length * columns.length * builder.lanes) and sources > FEW_PLANES:
        direct = False
    if direct and contiguous:
        positions = rows.length * columns.length
        rows, columns = AxisReads(positions, positions, 1, (0,)), AxisReads(1, 1, 1, (0,))
    short = columns.outputs <= joined_columns or len(columns.firsts) == 1
    positions = rows.outputs * columns.outputs
    aim = POSITIONS
    if direct:
        aim = min(POSITIONS, max(FEWEST_POSITIONS, SCRATCH // (4 * value.shape[0])))
    return Band(
        value,
        rows,
        columns,
        tuple(taps),
        sources=sources,
        cell=1 if planar else builder.lanes,
        direct=direct,
        joined=contiguous and short and columns.outputs > 0,
        bands=min(rows.outputs, max(1, round(min(positions / aim, rows.outputs / rows.sparing)))),
    )
