"""The cells of a convolution's input as its windows meet them: real ones, padding, and zeros between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from pellucid.layers import AxisWindow

LARGEST = 48
"""Cells along an axis that a figure shows at most."""


class Kind(Enum):
    """What lies at one place of a padded axis."""

    INPUT = "input"
    PADDING = "padding"
    BETWEEN = "zero between cells"


@dataclass(frozen=True)
class AxisCells:
    """One axis, its places numbered so that 0 is the input's first cell; padding begins below 0.

    Attributes:
        window: how output positions see the axis.
        mode: what the padding holds.
    """

    window: AxisWindow
    mode: str = "zeros"

    @property
    def padded(self) -> range:
        """Places that windows may cover."""
        return range(-self.window.pad_start, self.window.padded - self.window.pad_start)

    @property
    def places(self) -> range:
        """All places that a figure shows: the padded axis, and input cells that are cut off it."""
        inputs = (self.window.input - 1) * self.window.fraction + 1
        return range(min(0, self.padded.start), max(inputs, self.padded.stop))

    def taps(self, output: int) -> list[int]:
        """Places that the kernel lies on for one output position, in its own order."""
        first = output * self.window.stride - self.window.pad_start
        return [first + k * self.window.dilation for k in range(self.window.kernel)]

    @cached_property
    def reached(self) -> frozenset[int]:
        """Places that any window looks at."""
        return frozenset(place for output in range(self.window.output) for place in self.taps(output))

    def kind(self, place: int) -> Kind:
        """What lies there."""
        if not 0 <= place <= (self.window.input - 1) * self.window.fraction:
            return Kind.PADDING
        return Kind.BETWEEN if place % self.window.fraction else Kind.INPUT

    def source(self, place: int) -> int | None:
        """The input cell that is seen there; None for a zero."""
        kind, length = self.kind(place), self.window.input
        if kind is Kind.INPUT:
            return place // self.window.fraction
        if kind is Kind.BETWEEN:
            return None
        match self.mode:
            case "edge":
                return min(max(place, 0), length - 1)
            case "reflect":
                return length - 1 - abs(length - 1 - abs(place))
            case "circular":
                return place % length
            case _:
                return None


@dataclass(frozen=True)
class PlaneCells:
    """Rows and columns together."""

    rows: AxisCells
    columns: AxisCells

    @property
    def axes(self) -> Sequence[AxisCells]:
        """Both."""
        return (self.rows, self.columns)

    def kind(self, row: int, column: int) -> Kind:
        """What lies at a place of the plane: padding wins, then the zeros between cells."""
        kinds = {self.rows.kind(row), self.columns.kind(column)}
        return next(kind for kind in (Kind.PADDING, Kind.BETWEEN, Kind.INPUT) if kind in kinds)

    def source(self, row: int, column: int) -> tuple[int, int] | None:
        """The input cell that is seen there; None for a zero."""
        sources = self.rows.source(row), self.columns.source(column)
        return None if sources[0] is None or sources[1] is None else (sources[0], sources[1])

    def reached(self, row: int, column: int) -> bool:
        """Whether any window looks there."""
        return row in self.rows.reached and column in self.columns.reached
