"""Fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pellucid.layers.geometry import per_axis
from pellucid.layers.layer import (
    ZEROS,
    Initializer,
    Layer,
    ParameterSpec,
    Shape,
    require_initializer,
    require_rank,
)

__all__ = ["Linear"]


@dataclass(frozen=True)
class Linear(Layer):
    """Every output sees every input: z = W x + b.

    Parameters: weight (out_features, in_features), bias (out_features,).
    """

    out_features: int
    bias: bool = True
    initializer: str = "he"

    label: ClassVar[str] = "fc"
    formula: ClassVar[str] = "z[o] = b[o] + sum_i W[o,i] x[i]"

    def __post_init__(self) -> None:
        per_axis(self.name, "out_features", self.out_features, 1, 1)
        require_initializer(self.name, self.initializer)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """(in_features,) to (out_features,)."""
        require_rank(f"{self.name} (put a Flatten before it)", inputs[0], "features")
        return (self.out_features,)

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """The weights and the biases."""
        fan_in = inputs[0][0]
        weight = ParameterSpec(
            "weight",
            (self.out_features, fan_in),
            Initializer(self.initializer, fan_in, self.out_features),
            decay=True,
        )
        return (weight, ParameterSpec("bias", (self.out_features,), ZEROS)) if self.bias else (weight,)

    def cost(self, inputs: Sequence[Shape]) -> int:
        """One multiply-add a weight."""
        return inputs[0][0] * self.out_features

    def window(self, inputs: Sequence[Shape]) -> None:
        """Everything."""
