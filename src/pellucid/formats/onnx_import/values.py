"""What an ONNX value can be while a model is read: a constant, an image's array, or a formula of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pellucid.layers import Shape

Array = NDArray[np.generic]

BATCH = 16_777_213
"""Stands for the unknown number of images in shape arithmetic.

A prime, and the largest that float32 still holds exactly: products and quotients show where it went.
"""

SMALL = 1 << 16
"""Bytes of a constant that is kept once it is loaded."""


class UnsupportedError(Exception):
    """A node that cannot be imported; the text says why."""

    def __init__(self, why: str, blamed: object = None) -> None:
        super().__init__(why)
        self.blamed = blamed


class Constant:
    """An array that is the same for every image.

    Args:
        shape: its lengths, BATCH for one that is the number of images.
        dtype: of its numbers.
        load: reads or makes it.
        name: of the initializer that it is.
        stored: it is an initializer, not a constant in the text of the model; training may move it.
    """

    def __init__(
        self,
        shape: Shape,
        dtype: np.dtype[np.generic],
        load: Callable[[], Array],
        name: str = "",
        stored: bool = False,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.name = name
        self.stored = stored
        self._load = load
        self._array: Array | None = None

    @classmethod
    def of(cls, array: Array, name: str = "", stored: bool = False) -> Constant:
        """An array that is there already."""
        return cls(array.shape, array.dtype, lambda: array, name, stored)

    def array(self) -> Array:
        """Its numbers; not to be written to."""
        if self._array is not None:
            return self._array
        array = self._load()
        if array.nbytes <= SMALL:
            self._array = array
        return array

    def floats(self) -> NDArray[np.float32]:
        """Its numbers as float32."""
        return self.array().astype(np.float32, copy=False)

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape, dtype=object))


@dataclass(frozen=True)
class Activation:
    """What a node of the graph computes from each image: the number of the node, and its shape there."""

    node: int
    shape: Shape


SAMPLES: NDArray[np.float64] = np.concatenate(
    [np.linspace(-8, 8, 129), [-1e30, -1e4, -100.0, -20.0, 20.0, 100.0, 1e4, 1e30]]
)
"""Where functions of one number are compared."""
SAMPLES.setflags(write=False)


@dataclass
class Formula:
    """A function of each cell of an activation, not yet among the layers.

    Exporters write GELU or SiLU as several nodes. They are collected here, as the function's values, until
    something else needs the result: then the layer is found that has these values.

    Attributes:
        source: the activation.
        values: of the function at SAMPLES.
        depth: how many nodes were collected.
        steps: the nodes and their numbers, where each has one constant and comes straight after the other.
        operands: formulas that the last step works on.
        apply: the last step on values of the operands.
        build: makes a graph node of the last step alone, where no layer is the whole function.
        blamed: the ONNX node of the last step.
        made: what became of it in the graph.
    """

    source: Activation
    values: NDArray[np.float64]
    depth: int
    steps: tuple[tuple[str, float], ...] | None
    operands: tuple[Formula, ...]
    apply: Callable[..., NDArray[np.float64]]
    build: Callable[[], Activation]
    blamed: object
    made: Activation | None = field(default=None)

    @property
    def shape(self) -> Shape:
        """The source's."""
        return self.source.shape

    def ancestors(self) -> list[Formula]:
        """The formulas it was made of, the nearest to the source first."""
        found: dict[int, Formula] = {}

        def visit(formula: Formula) -> None:
            for operand in formula.operands:
                if id(operand) not in found:
                    visit(operand)
                    found[id(operand)] = operand

        visit(self)
        return list(found.values())

    def values_from(self, start: Formula) -> NDArray[np.float64] | None:
        """Its values where `start` has the values SAMPLES; None if it needs the source otherwise too."""
        known: dict[int, NDArray[np.float64] | None] = {id(start): SAMPLES}

        def visit(formula: Formula) -> NDArray[np.float64] | None:
            if id(formula) not in known:
                parts = [visit(operand) for operand in formula.operands]
                there = [part for part in parts if part is not None]
                whole = len(there) == len(parts) > 0
                known[id(formula)] = formula.apply(*there) if whole else None
            return known[id(formula)]

        return visit(self)


Value = Constant | Activation | Formula
