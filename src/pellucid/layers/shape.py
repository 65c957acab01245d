"""Layers that hold, rearrange, repeat or leave out numbers without changing them, and means along axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.geometry import per_axis
from pellucid.layers.layer import ZEROS, Layer, ParameterSpec, Role, Shape, require

__all__ = ["ChannelShuffle", "Flatten", "Input", "Mean", "Parameter", "Reshape", "Transpose"]


def _require_shape(layer: str, shape: Sequence[int]) -> None:
    valid = len(shape) > 0 and all(isinstance(n, int) and n >= 1 for n in shape)
    require(valid, layer, "a shape is a tuple of whole numbers of at least 1", shape)


@dataclass(frozen=True)
class Input(Layer):
    """Where images enter the graph.

    Args:
        shape: of one image, without the batch.
    """

    shape: tuple[int, ...]

    label: ClassVar[str] = "input"
    formula: ClassVar[str] = "y = x"
    input_count: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        _require_shape(self.name, self.shape)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The shape it was given."""
        return self.shape


@dataclass(frozen=True)
class Parameter(Layer):
    """Numbers of the model's own that enter the graph like an input: the same for every image.

    Args:
        shape: of the array; axes of length 1 are repeated where it meets other nodes.
        trainable: whether training moves them; a constant otherwise.

    Parameters: value (*shape), trainable or fixed.
    """

    shape: tuple[int, ...]
    trainable: bool = False

    label: ClassVar[str] = "parameter"
    formula: ClassVar[str] = "y = w"
    input_count: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        _require_shape(self.name, self.shape)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The shape it was given."""
        return self.shape

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """The numbers."""
        role: Role = "trainable" if self.trainable else "fixed"
        return (ParameterSpec("value", self.shape, ZEROS, role),)


@dataclass(frozen=True)
class Flatten(Layer):
    """All cells in one row, channel by channel: (C, H, W) to (C H W,)."""

    label: ClassVar[str] = "flatten"
    formula: ClassVar[str] = "y[(c H + i) W + j] = x[c,i,j]"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """One axis."""
        return (math.prod(inputs[0]),)

    def window(self, inputs: Sequence[Shape]) -> None:
        """Positions are gone; a later unit may see any of them."""


@dataclass(frozen=True)
class Reshape(Layer):
    """The same cells in the same order under another shape.

    Args:
        shape: without the batch; one axis may be -1, as long as the others leave it.
    """

    shape: tuple[int, ...]

    label: ClassVar[str] = "reshape"
    formula: ClassVar[str] = "y[k] = x[k], k counting cells"

    def __post_init__(self) -> None:
        known = [n for n in self.shape if n != -1]
        valid = len(self.shape) > 0 and len(known) >= len(self.shape) - 1 and all(n >= 1 for n in known)
        rule = "a shape is whole numbers of at least 1, one of them perhaps -1"
        require(valid, self.name, rule, self.shape)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The shape it was given, its -1 filled in."""
        cells = math.prod(inputs[0])
        known = math.prod(n for n in self.shape if n != -1)
        fits = cells % known == 0 if -1 in self.shape else cells == known
        require(fits, self.name, f"expects as many cells as {self.shape} has", inputs[0])
        return tuple(cells // known if n == -1 else n for n in self.shape)

    def window(self, inputs: Sequence[Shape]) -> tuple[()] | None:
        """Everything, unless the positions stay as they are."""
        return () if self.output_shape(inputs)[1:] == inputs[0][1:] else None


@dataclass(frozen=True)
class Transpose(Layer):
    """The axes in another order.

    Args:
        axes: for every axis of the output the axis of the input that it is; 0 are the channels.
    """

    axes: tuple[int, ...]

    label: ClassVar[str] = "transpose"
    formula: ClassVar[str] = "y[i_axes] = x[i]"

    def __post_init__(self) -> None:
        valid = len(self.axes) > 0 and sorted(self.axes) == list(range(len(self.axes)))
        require(valid, self.name, "axes are 0, 1, ... in another order", self.axes)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The lengths in the new order."""
        rule = f"expects an input of {len(self.axes)} axes"
        require(len(inputs[0]) == len(self.axes), self.name, rule, inputs[0])
        return tuple(inputs[0][axis] for axis in self.axes)

    def window(self, inputs: Sequence[Shape]) -> tuple[()] | None:
        """Everything, unless nothing moves."""
        return () if self.axes == tuple(range(len(self.axes))) else None


@dataclass(frozen=True)
class ChannelShuffle(Layer):
    """Channels dealt out across groups (Zhang et al. 2018, ShuffleNet)."""

    groups: int = 2

    label: ClassVar[str] = "shuffle"
    formula: ClassVar[str] = "y[k G + g] = x[g C/G + k]"

    def __post_init__(self) -> None:
        per_axis(self.name, "groups", self.groups, 1, 1)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        rule = f"expects a number of channels that is a multiple of groups = {self.groups}"
        require(inputs[0][0] % self.groups == 0, self.name, rule, inputs[0][0])
        return inputs[0]


@dataclass(frozen=True)
class Mean(Layer):
    """The mean along axes.

    Args:
        axes: of one image's array; 0 are the channels.
        keep_axes: leave them with length 1 instead of dropping them.
    """

    axes: tuple[int, ...]
    keep_axes: bool = False

    label: ClassVar[str] = "mean"
    formula: ClassVar[str] = "y = 1/n sum_{axes} x"

    def __post_init__(self) -> None:
        valid = len(self.axes) > 0 and len(set(self.axes)) == len(self.axes) and min(self.axes) >= 0
        require(valid, self.name, "axes are different axes, counted from 0, the channels", self.axes)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Without the axes, or with 1 in their place; one cell at least."""
        rank = len(inputs[0])
        require(max(self.axes) < rank, self.name, f"expects axes below {rank}", self.axes)
        if self.keep_axes:
            return tuple(1 if axis in self.axes else length for axis, length in enumerate(inputs[0]))
        return tuple(length for axis, length in enumerate(inputs[0]) if axis not in self.axes) or (1,)

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One addition a cell."""
        return math.prod(inputs[0])

    def window(self, inputs: Sequence[Shape]) -> tuple[()] | None:
        """Everything along the axes."""
        return () if self.axes == (0,) and self.keep_axes else None
