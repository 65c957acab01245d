"""The sums behind numbers."""

from __future__ import annotations

from typing import TypedDict


class Term(TypedDict):
    """One addend: input cell times weight, or an addend alone.

    source: the input's node, null for a bias; cell: where in it. weight_name, weight_cell: which weight.
    """

    source: str | None
    cell: list[int]
    input: float | None
    weight_name: str | None
    weight_cell: list[int]
    weight: float | None
    product: float


class Curve(TypedDict):
    """An elementwise activation at points along its input, to be drawn as a curve."""

    inputs: list[float]
    outputs: list[float]


class Partial(TypedDict):
    """The terms of one input channel together: the cell of a partial map."""

    source: str
    channel: int
    sum: float


class Arithmetic(TypedDict):
    """The sum behind one number.

    terms: at most as many as asked for, largest first, the bias always; rest, rest_count: the others. Where
    one input channel was asked for, those of that channel. Of a maximum pooling the cells of its window, and
    winner is the index of the largest. text, latex: the sum as a person would write it.
    """

    title: str
    node: str
    cell: list[int]
    formula: str
    function: str
    terms: list[Term]
    rest: float
    rest_count: int
    partials: list[Partial]
    winner: int | None
    total: float
    value: float
    engine: float
    difference: float
    tolerance: float
    agrees: bool
    text: str
    latex: str


class UpdateRow(TypedDict):
    """One number of an optimiser's step."""

    symbol: str
    equation: str
    value: float


class Update(TypedDict):
    """An optimiser's step of one weight, row by row."""

    parameter: str
    cell: list[int]
    formula: str
    rows: list[UpdateRow]
    engine: float
    same_bits: bool


class Proof(TypedDict):
    """The same number by another road."""

    title: str
    engine: float
    terms: float
    independent: float
    uncertainty: float
    agrees: bool
    method: str
    remarks: list[str]
