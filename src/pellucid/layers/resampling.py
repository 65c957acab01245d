"""Layers that take part of a map, surround it or enlarge it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal

from pellucid.layers.geometry import (
    PADDING_MODES,
    Axes,
    AxisPairs,
    PaddingMode,
    per_axis,
    per_side,
    require_padding_mode,
    require_pairs,
)
from pellucid.layers.layer import AxisWindow, Layer, Shape, require

__all__ = ["Crop", "Pad", "Slice", "Upsample"]

Coordinates = Literal["half-pixel", "align-corners", "asymmetric"]
COORDINATES = ("half-pixel", "align-corners", "asymmetric")

Mixture = tuple[tuple[int, float], ...]
"""Cells of an axis and their shares, which sum to 1."""


@dataclass(frozen=True)
class Pad(Layer):
    """The map with more cells around it.

    Args:
        amounts: one number for both ends of every spatial axis, or a (start, end) pair for each of them, or
            for each axis, channels first.
        mode: what lies there: "zeros" (or rather `value`), "edge", "reflect" or "circular".
        value: for mode "zeros".
    """

    amounts: AxisPairs
    mode: PaddingMode = "zeros"
    value: float = 0.0

    label: ClassVar[str] = "pad"
    formula: ClassVar[str] = "y[c,i,j] = x[c, i - P, j - P], beyond the edge by the mode"

    def __post_init__(self) -> None:
        require_pairs(self.name, "amounts", self.amounts)
        require(
            self.mode in PADDING_MODES, self.name, f"mode is one of {', '.join(PADDING_MODES)}", self.mode
        )
        require(math.isfinite(self.value), self.name, "value is a finite number", self.value)

    def sides(self, shape: Shape) -> tuple[AxisWindow, ...]:
        """The padding of every axis, channels first."""
        pairs = per_side(self.name, "amounts", self.amounts, shape)
        axes = tuple(
            AxisWindow(length, 1, pad_start=start, pad_end=end)
            for length, (start, end) in zip(shape, pairs, strict=True)
        )
        require_padding_mode(self.name, self.mode, axes)
        return axes

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Every axis longer by both its amounts."""
        return tuple(axis.output for axis in self.sides(inputs[0]))

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """The cell itself, shifted."""
        return self.sides(inputs[0])[1:]


@dataclass(frozen=True)
class Crop(Layer):
    """The map without its border.

    Args:
        amounts: one number for both ends of every spatial axis, or a (start, end) pair for each of them, or
            for each axis, channels first.
    """

    amounts: AxisPairs

    label: ClassVar[str] = "crop"
    formula: ClassVar[str] = "y[c,i,j] = x[c, i + P, j + P]"

    def __post_init__(self) -> None:
        require_pairs(self.name, "amounts", self.amounts)

    def sides(self, shape: Shape) -> tuple[AxisWindow, ...]:
        """What is left of every axis, channels first."""
        pairs = per_side(self.name, "amounts", self.amounts, shape)
        left = tuple(length - start - end for length, (start, end) in zip(shape, pairs, strict=True))
        require(min(left) >= 1, self.name, "at least one cell is left of every axis", (shape, pairs))
        return tuple(
            AxisWindow(length, 1, pad_start=-start, pad_end=-end)
            for length, (start, end) in zip(shape, pairs, strict=True)
        )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Every axis shorter by both its amounts."""
        return tuple(axis.output for axis in self.sides(inputs[0]))

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """The cell itself, shifted."""
        return self.sides(inputs[0])[1:]


@dataclass(frozen=True)
class Slice(Layer):
    """Some cells along one axis, as Python's [start:stop:step] chooses them.

    Args:
        axis: of one image's array; 0 are the channels.
        start, stop: negative ones count from the end; to the end when stop is left out.
        step: at least 1.
    """

    axis: int = 0
    start: int = 0
    stop: int | None = None
    step: int = 1

    label: ClassVar[str] = "slice"
    formula: ClassVar[str] = "y[k] = x[start + k step] along the axis"

    def __post_init__(self) -> None:
        require(self.axis >= 0, self.name, "axis counts from 0, the channels", self.axis)
        require(self.step >= 1, self.name, "step is at least 1", self.step)

    def cells(self, shape: Shape) -> range:
        """Cells of the axis that are kept."""
        require(self.axis < len(shape), self.name, f"expects an input with an axis {self.axis}", shape)
        length = shape[self.axis]
        kept = range(*slice(self.start, self.stop, self.step).indices(length))
        chosen = (self.start, self.stop, self.step)
        require(len(kept) >= 1, self.name, f"keeps at least one of {length} cells", chosen)
        return kept

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The axis as long as there are cells kept."""
        shape = inputs[0]
        return (*shape[: self.axis], len(self.cells(shape)), *shape[self.axis + 1 :])

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...]:
        """One cell, a step apart along the axis."""
        shape, kept = inputs[0], self.cells(inputs[0])
        axes = [AxisWindow(length, 1) for length in shape[1:]]
        if self.axis > 0:
            end = kept[-1] + 1 - shape[self.axis]
            axes[self.axis - 1] = AxisWindow(
                shape[self.axis], 1, self.step, pad_start=-kept.start, pad_end=end
            )
        return tuple(axes)


@dataclass(frozen=True)
class Upsample(Layer):
    """Maps at another size, by repeating cells or by mixing neighbours.

    Args:
        scale: how many times as long each spatial axis becomes; one number or one an axis.
        size: the new lengths instead.
        mode: "nearest", or "linear" (bilinear on two axes).
        coordinates: where output cell o lies among the inputs, scale s: "half-pixel" (o + 1/2) / s - 1/2,
            "align-corners" o (I - 1) / (O - 1), "asymmetric" o / s. The nearest cell is the floor of it for
            "asymmetric", else the rounded one, halves down.
    """

    scale: Axes | None = None
    size: Axes | None = None
    mode: Literal["nearest", "linear"] = "nearest"
    coordinates: Coordinates = "half-pixel"

    label: ClassVar[str] = "upsample"
    formula: ClassVar[str] = "y[c,i,j] = x[c] at (i, j) scaled to the input"

    def __post_init__(self) -> None:
        require(
            (self.scale is None) != (self.size is None),
            self.name,
            "either scale or size is given",
            (self.scale, self.size),
        )
        valid = self.mode in ("nearest", "linear")
        require(valid, self.name, "mode is one of nearest, linear", self.mode)
        rule = f"coordinates is one of {', '.join(COORDINATES)}"
        require(self.coordinates in COORDINATES, self.name, rule, self.coordinates)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(channels, *size), channels kept."""
        shape = inputs[0]
        require(len(shape) >= 2, self.name, "expects an input of shape (channels, ...)", shape)
        rank = len(shape) - 1
        if self.size is not None:
            return (shape[0], *per_axis(self.name, "size", self.size, rank, 1))
        assert self.scale is not None
        scales = per_axis(self.name, "scale", self.scale, rank, 1)
        return (shape[0], *(length * scale for length, scale in zip(shape[1:], scales, strict=True)))

    def neighbours(self, inputs: Sequence[Shape]) -> tuple[tuple[Mixture, ...], ...]:
        """For every spatial axis the input cells that each output cell mixes, and their shares."""
        pairs = zip(inputs[0][1:], self.output_shape(inputs)[1:], strict=True)
        mix = self._nearest if self.mode == "nearest" else self._linear
        return tuple(tuple(mix(self._position(o, old, new), old) for o in range(new)) for old, new in pairs)

    def _position(self, cell: int, old: int, new: int) -> Fraction:
        """Where an output cell lies among the inputs, exactly, so that halves are halves."""
        if self.coordinates == "align-corners":
            return Fraction(cell * (old - 1), max(1, new - 1))
        if self.coordinates == "asymmetric":
            return Fraction(cell * old, new)
        return Fraction((2 * cell + 1) * old - new, 2 * new)

    def _nearest(self, position: Fraction, length: int) -> Mixture:
        asymmetric = self.coordinates == "asymmetric"
        cell = math.floor(position) if asymmetric else math.ceil(position - Fraction(1, 2))
        return ((min(max(cell, 0), length - 1), 1.0),)

    @staticmethod
    def _linear(position: Fraction, length: int) -> Mixture:
        inside = min(max(position, Fraction(0)), Fraction(length - 1))
        first = math.floor(inside)
        share = float(inside - first)
        return ((first, 1 - share), (first + 1, share)) if share else ((first, 1.0),)

    def cost(self, inputs: Sequence[Shape]) -> int:
        """Two products a cell and axis where neighbours are mixed."""
        cells = math.prod(self.output_shape(inputs))
        return 2 ** (len(inputs[0]) - 1) * cells if self.mode == "linear" else 0

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...] | None:
        """One input cell or two neighbours an axis where the scale is a whole number, else everything."""
        pairs = list(zip(inputs[0][1:], self.output_shape(inputs)[1:], strict=True))
        if self.coordinates == "align-corners" or any(new % old for old, new in pairs):
            return None
        axes = []
        for old, new in pairs:
            factor = new // old
            linear = self.mode == "linear"
            kernel = 2 * factor if linear else factor
            start = factor if linear and self.coordinates == "half-pixel" else factor - 1
            end = new - 1 - (old - 1) * factor + kernel - 1 - start
            axes.append(AxisWindow(old, kernel, pad_start=start, pad_end=end, fraction=factor))
        return tuple(axes)
