"""Dropout: of cells, of maps, of whole branches."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.layer import Layer, Shape, require

__all__ = ["Dropout", "Dropout2d", "DropoutLayer", "StochasticDepth"]


@dataclass(frozen=True)
class DropoutLayer(Layer):
    """Base of the layers that silence parts of an image in training.

    The inverted form, so that nothing happens outside training. The random numbers are Philox keyed by (seed,
    step, node, image, part): the same on every engine.
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        require(0 <= self.rate < 1, self.name, "rate is at least 0 and less than 1", self.rate)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return inputs[0]

    @abstractmethod
    def part(self, shape: Shape) -> int:
        """Neighbouring cells of an image of this shape that share one draw."""


@dataclass(frozen=True)
class Dropout(DropoutLayer):
    """In training each cell is silenced with probability `rate`, the others grow by 1 / (1 - rate).

    Srivastava et al. 2014.
    """

    label: ClassVar[str] = "dropout"
    formula: ClassVar[str] = "y = x m / (1 - rate), m ~ Bernoulli(1 - rate)"

    def part(self, shape: Shape) -> int:
        """One cell."""
        return 1


@dataclass(frozen=True)
class Dropout2d(DropoutLayer):
    """In training each whole map is silenced with probability `rate` (Tompson et al. 2015)."""

    label: ClassVar[str] = "dropout"
    formula: ClassVar[str] = "y[c] = x[c] m[c] / (1 - rate), m[c] ~ Bernoulli(1 - rate)"

    def part(self, shape: Shape) -> int:
        """A channel."""
        return math.prod(shape[1:])


@dataclass(frozen=True)
class StochasticDepth(DropoutLayer):
    """In training an image loses the whole branch with probability `rate` (Huang et al. 2016).

    It stands before the Add that joins a residual branch to its shortcut.
    """

    label: ClassVar[str] = "drop"
    formula: ClassVar[str] = "y = x m / (1 - rate), one m ~ Bernoulli(1 - rate) an image"

    def part(self, shape: Shape) -> int:
        """Everything."""
        return math.prod(shape)
