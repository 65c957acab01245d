"""What a row of the list of layer cases holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pellucid.layers import Layer, Shape

Float64 = NDArray[np.float64]
Oracle = Callable[[Sequence[Tensor], Mapping[str, Tensor], bool], Tensor]
"""(inputs, parameters, training) to the output, in PyTorch."""


@dataclass(frozen=True)
class LayerCase:
    """A layer at given input shapes.

    Attributes:
        name: for people.
        layer: the layer.
        input_shapes: without the batch.
        oracle: the same in PyTorch, where it has the layer.
        kinks: where the derivative jumps, so that finite differences do not hold: "zero", around inputs of 0;
            "ties", where two cells are nearly equal.
        training: it computes something else in training, so that both are tested.
    """

    name: str
    layer: Layer
    input_shapes: tuple[Shape, ...]
    oracle: Oracle | None = None
    kinks: Literal["none", "zero", "ties"] = "none"
    training: bool = False

    def __str__(self) -> str:
        return self.name

    def inputs(self, count: int, seed: int) -> list[Float64]:
        """Seeded arrays of float32-exact numbers, away from the kinks."""
        generator = np.random.default_rng(seed)
        return [self._draw(generator, (count, *shape)) for shape in self.input_shapes]

    def _draw(self, generator: np.random.Generator, shape: Shape) -> Float64:
        if self.kinks == "ties":
            cells = int(np.prod(shape))
            return (generator.permutation(cells).reshape(shape) - cells // 2) / 64
        x = generator.normal(size=shape).astype(np.float32).astype(np.float64)
        return np.where(np.abs(x) < 1 / 16, np.copysign(1 / 16, x), x) if self.kinks == "zero" else x

    def parameters(self, seed: int) -> dict[str, Float64]:
        """Seeded arrays by short name; variances are positive."""
        generator = np.random.default_rng([seed, 1])
        result = {}
        for spec in self.layer.parameters(self.input_shapes):
            value = generator.normal(size=spec.shape).astype(np.float32).astype(np.float64)
            result[spec.name] = np.abs(value) + 0.5 if spec.name == "running_var" else value
        return result


def elementwise(function: Callable[[Tensor], Tensor]) -> Oracle:
    """The oracle of a function of one input."""
    return lambda inputs, parameters, training: function(inputs[0])


MAP: tuple[Shape, ...] = ((3, 4, 3),)
"""Of one input, where nothing about its shape matters."""
