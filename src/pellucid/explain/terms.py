"""The sum behind one cell of an activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, Terms, Trace
from pellucid.engines.reference.definitions import definition
from pellucid.engines.reference.windows import window_cells
from pellucid.explain import proof
from pellucid.explain.evidence import Evidence, evidence
from pellucid.explain.formatting import latex_of_sum, text_of_sum
from pellucid.explain.grouping import grouped
from pellucid.explain.sums import Cell, Sum, single
from pellucid.graph import Node
from pellucid.layers import (
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    GlobalMaxPool,
    Input,
    Layer,
    Maxout,
    MaxPool1d,
    MaxPool2d,
    Shape,
)
from pellucid.model import Model


@dataclass(frozen=True)
class Window:
    """The cells among which a maximum was chosen.

    Attributes:
        node: whose cells they are.
        cells: (K, axes).
        values: (K,).
        winner: which of them won: the first of the largest.
    """

    node: str
    cells: Array
    values: Array
    winner: int


@dataclass(frozen=True)
class Arithmetic(Sum):
    """The sum behind one cell of an activation.

    Attributes:
        node: whose output it is.
        layer: the node's layer.
        image: number of the image in the batch.
        cell: position in the node's output.
        window: what the winner was chosen from, where the layer takes a maximum.
        evidence: what was read.
    """

    node: str
    layer: Layer
    image: int
    cell: Cell
    window: Window | None
    evidence: Evidence = field(repr=False, compare=False)

    def prove(self) -> proof.Proof:
        """Recompute the cell from what the node received, by the layer's definition in float64."""
        return proof.prove_activation(self.evidence, self.node, self.image, self.cell, self)

    def __str__(self) -> str:
        return text_of_sum(self, self.layer.formula, self.window)

    def latex(self) -> str:
        """The sum as an aligned equation."""
        return latex_of_sum(self)


def arithmetic(model: Model, image: ArrayLike | Trace | Evidence, node: str, at: Sequence[int]) -> Arithmetic:
    """The terms of one cell of any activation.

    Args:
        model: the network.
        image: one image, a batch, a trace already taken, or an Evidence; the latter two run nothing.
        node: whose output the cell is in.
        at: (channel, row, column) or whatever axes the output has; of a batch (image, channel, row, column).

    Raises:
        UnknownNameError: no such node.
        DataError: no such cell.

    Example:
        >>> import numpy as np, pellucid
        >>> net = pellucid.Sequential(pellucid.Linear(1), input_shape=(2,))
        >>> net.set_parameters({"fc1.weight": [[2, -1]], "fc1.bias": [4]})
        >>> pellucid.explain.arithmetic(net, [3, 5], node="fc1", at=(0,)).terms.tolist()
        [6.0, -5.0, 4.0]
    """
    read = evidence(model, image)
    number, cell = read.place(node, at)
    place, value = read.graph.node(node), float(read.activation(node)[(number, *cell)])
    name = f"{node}{list(cell)}"
    if isinstance(place.layer, Input):
        given = (single("given", value),)
        return Arithmetic(name, given, value, "", value, node, place.layer, number, cell, None, read)
    inputs = [x[0] for x in read.inputs(place, slice(number, number + 1))]
    parameters = read.short_parameters(place)
    with np.errstate(all="ignore"):
        terms = definition(place.layer).terms(place.layer, inputs, parameters, cell)
    window = _window(place, inputs, cell, terms)
    groups = grouped(place, terms, cell)
    return Arithmetic(
        name, groups, value, terms.function, terms.value, node, place.layer, number, cell, window, read
    )


def _window(node: Node, inputs: Sequence[Array], cell: Cell, terms: Terms) -> Window | None:
    """The cells that a maximum was taken of, for the layers that take one."""
    cells = _candidates(node.layer, [x.shape for x in inputs], cell)
    if cells is None:
        return None
    values = inputs[0][tuple(cells.T)]
    winner = np.flatnonzero((cells == terms.sources[0, 1:]).all(axis=1))[0]
    return Window(node.inputs[0], cells, values, int(winner))


def _candidates(layer: Layer, shapes: Sequence[Shape], cell: Cell) -> Array | None:
    """(K, axes) of the input's cells, in reading order."""
    channel, *position = cell
    if isinstance(layer, MaxPool1d | MaxPool2d):
        seen = [source for _, source in window_cells(layer.window(shapes), position, "zeros")]
        cells = [(channel, *source) for source in seen if source is not None]
    elif isinstance(layer, AdaptiveMaxPool1d | AdaptiveMaxPool2d):
        bins = [bins[o] for bins, o in zip(layer.bins(shapes), position, strict=True)]
        cells = [(channel, *source) for source in product(*bins)]
    elif isinstance(layer, GlobalMaxPool):
        cells = [(channel, *source) for source in np.ndindex(shapes[0][1:])]
    elif isinstance(layer, Maxout):
        cells = [(channel * layer.pieces + k, *position) for k in range(layer.pieces)]
    else:
        return None
    return np.array(cells, np.int64)
