"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.layer import Layer, Shape, require

__all__ = ["Dropout"]


@dataclass(frozen=True)
class Dropout(Layer):
    """In training each cell is silenced with probability `rate`, the others grow by 1 / (1 - rate).

    Srivastava et al. 2014, in the inverted form, so that nothing happens outside training. The random
    numbers are Philox keyed by (seed, step, node, image, cell): the same on every engine.
    """

    rate: float = 0.5

    label: ClassVar[str] = "dropout"
    formula: ClassVar[str] = "y = x m / (1 - rate), m ~ Bernoulli(1 - rate)"

    def __post_init__(self) -> None:
        require(0 <= self.rate < 1, self.name, "rate is at least 0 and less than 1", self.rate)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return inputs[0]
