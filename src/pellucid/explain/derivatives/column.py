"""What one number moves in a layer's output."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.engines.engine import Array
from pellucid.explain.sums import Factor


@dataclass(frozen=True)
class Column:
    """The output cells that one number reaches, and their derivatives by it: a column of the Jacobian.

    Attributes:
        cells: (K, axes) output cells of one image; of a batch, for a parameter, (K, 1 + axes).
        factor: the derivatives, as what they are: weights, input cells, or derivatives.
    """

    cells: Array
    factor: Factor
