"""A number as a sum of products, beside the same number by the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from pellucid.engines.engine import Array

TOLERANCE = 1e-5
"""Of the sum of the terms' magnitudes: what float32 arithmetic in another order may differ by."""

Cell = tuple[int, ...]


@dataclass(frozen=True)
class Factor:
    """One number of every product, and where it lies.

    Attributes:
        name: of the array that the numbers are cells of ("relu1", "conv2.weight", "dJ/d conv3"), or what they
            are, in words.
        values: (K,) the numbers.
        cells: (K, axes) where they lie in the array; None for numbers that are cells of none.
    """

    name: str
    values: Array
    cells: Array | None = None

    def cell(self, k: int) -> Cell | None:
        """Where number k lies."""
        return None if self.cells is None else tuple(self.cells[k].tolist())

    def label(self, k: int) -> str:
        """Number k for people: "relu1[3, 5, 7]"."""
        cell = self.cell(k)
        return self.name if cell is None else f"{self.name}{list(cell)}"


@dataclass(frozen=True)
class Products:
    """K addends, each the product of one number of every factor.

    Attributes:
        factors: one or more, as long as each other.
        of: whose share of the sum it is, where it has several: the node that consumes the cell.
    """

    factors: tuple[Factor, ...]
    of: str = ""

    def __len__(self) -> int:
        return len(self.factors[0].values)

    @cached_property
    def addends(self) -> Array:
        """(K,) the products, in float64, where a product of two float32 numbers is exact."""
        values = (np.asarray(factor.values, np.float64) for factor in self.factors)
        product: Array = reduce(np.multiply, values)
        return product


@dataclass(frozen=True)
class Sum:
    """A number that an engine computed, and the sum behind it.

    Attributes:
        name: of the number: "conv2[3, 5, 7]".
        products: the addends, in groups of a kind.
        engine: the engine's own number.
        function: what turns the total into the number, in words ("max(0, total)"); "" where they are equal.
        value: the number by the terms.
    """

    name: str
    products: tuple[Products, ...]
    engine: float
    function: str
    value: float

    @cached_property
    def terms(self) -> Array:
        """(K,) all addends, group after group, float64."""
        return np.concatenate([np.zeros(0), *(group.addends for group in self.products)])

    @property
    def total(self) -> float:
        """Their sum."""
        return float(self.terms.sum())

    @property
    def difference(self) -> float:
        """The engine's number minus the terms'."""
        return self.engine - self.value

    @property
    def tolerance(self) -> float:
        """The difference that rounding explains.

        1e-5 of the sum of the terms' magnitudes; where a function makes the number of the total, of the
        number's magnitude besides.
        """
        magnitude = float(np.abs(self.terms).sum()) + (abs(self.value) if self.function else 0.0)
        return TOLERANCE * magnitude

    @property
    def holds(self) -> bool:
        """Whether the engine's number is the sum's, up to rounding; equal NaNs and infinities are."""
        if not np.isfinite(self.engine) or not np.isfinite(self.value):
            return bool(np.array_equal(self.engine, self.value, equal_nan=True))
        return abs(self.difference) <= self.tolerance


def single(name: str, value: float, cell: Sequence[int] | None = None) -> Products:
    """A group of one number."""
    cells = None if cell is None else np.array([cell], np.int64)
    return Products((Factor(name, np.array([value]), cells),))
