"""Output layers that are not a plain Linear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.geometry import per_axis
from pellucid.layers.layer import ZEROS, Layer, ParameterSpec, Shape, require_rank

__all__ = ["RBFOutput"]


@dataclass(frozen=True)
class RBFOutput(Layer):
    """LeNet-5's output (LeCun et al. 1998, eq. 7): the distance to each class's prototype.

    Emits minus the squared distance, so that larger is better, as with every other output.

    Parameters: prototypes (out_features, in_features), fixed: no training moves them.
    """

    out_features: int

    label: ClassVar[str] = "rbf"
    formula: ClassVar[str] = "y[o] = -sum_i (x[i] - p[o,i])^2"

    def __post_init__(self) -> None:
        per_axis(self.name, "out_features", self.out_features, 1, 1)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(in_features,) to (out_features,)."""
        require_rank(self.name, inputs[0], "features")
        return (self.out_features,)

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """The prototypes."""
        return (ParameterSpec("prototypes", (self.out_features, inputs[0][0]), ZEROS, "fixed"),)

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One subtraction and one square a prototype cell."""
        return 2 * inputs[0][0] * self.out_features

    def window(self, inputs: Sequence[Shape]) -> None:
        """Everything."""
