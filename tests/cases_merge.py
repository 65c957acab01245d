"""Cases of the layers with several inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layer_case import LayerCase
from torch import Tensor, cat

from pellucid.layers import Add, Concat


def _sum(inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], training: bool) -> Tensor:
    total = inputs[0]
    for x in inputs[1:]:
        total = total + x
    return total


def _concatenation(inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], training: bool) -> Tensor:
    return cat(list(inputs), 1)


MERGES = (
    LayerCase("add", Add(), ((2, 3, 4), (2, 3, 4)), _sum),
    LayerCase("add-three-vectors", Add(), ((5,), (5,), (5,)), _sum),
    LayerCase("concat", Concat(), ((2, 3, 4), (1, 3, 4), (3, 3, 4)), _concatenation),
    LayerCase("concat-many", Concat(), ((8, 2, 2), (11, 2, 2), (16, 2, 2), (5, 2, 2)), _concatenation),
    LayerCase("concat-vectors", Concat(), ((2,), (5,)), _concatenation),
)
