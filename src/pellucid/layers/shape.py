"""Layers that hold or rearrange numbers without changing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.layer import Layer, Shape, require

__all__ = ["Flatten", "Input"]


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
        valid = len(self.shape) > 0 and all(isinstance(n, int) and n >= 1 for n in self.shape)
        require(valid, self.name, "a shape is a tuple of whole numbers of at least 1", self.shape)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The shape it was given."""
        return self.shape


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
