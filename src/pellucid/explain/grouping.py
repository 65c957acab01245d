"""A layer's terms as groups of products, every number by its name."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pellucid.engines.engine import Array, Terms
from pellucid.explain.sums import Cell, Factor, Products, single
from pellucid.graph import Node
from pellucid.layers import (
    Divide,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    LogSoftmax,
    LpPool1d,
    LpPool2d,
    Multiply,
    Normalize,
    Pad,
    Parameter,
    PReLU,
    RBFOutput,
    Softmax,
    Subsample2d,
    Subtract,
)
from pellucid.layers.locally_connected import LocallyConnected
from pellucid.layers.normalization import BatchNorm, ImageNorm

SCALE = "gamma / sqrt(variance + epsilon)"

ADDENDS: dict[type[Layer], tuple[str, str]] = {
    **dict.fromkeys((Softmax, LogSoftmax), ("exp(z - z[k]) of {}",) * 2),
    **dict.fromkeys((LpPool1d, LpPool2d), ("|x|^p of {}",) * 2),
    RBFOutput: ("-(x - prototype)^2 of {}",) * 2,
    LocalResponseNorm: ("alpha/n x^2 of {}",) * 2,
    Subtract: ("{}", "-{}"),
    Divide: ("quotient of {}",) * 2,
}
"""What the addends are that are neither cells nor cells times weights: of the first input, of the others."""


def grouped(node: Node, terms: Terms, cell: Cell) -> tuple[Products, ...]:
    """A layer's addends in groups: those from each input, then the constants one by one."""
    groups = []
    for number, source in enumerate(node.inputs):
        mine = np.flatnonzero(terms.sources[:, 0] == number)
        if not len(mine):
            continue
        cells = terms.sources[mine, 1:]
        if terms.inputs is None or terms.weights is None:
            name = ADDENDS.get(type(node.layer), ("{}",) * 2)[min(number, 1)].format(source)
            groups.append(Products((Factor(name, terms.addends[mine], cells),)))
            continue
        places = None if terms.weight_cells is None else terms.weight_cells[mine]
        weights = Factor(_weight_name(node, places), terms.weights[mine], places)
        groups.append(Products((Factor(source, terms.inputs[mine], cells), weights)))
    constants = np.flatnonzero(terms.sources[:, 0] < 0)
    if isinstance(node.layer, BatchNorm | ImageNorm):
        return (*groups, *_shifts(node, node.layer, terms, cell))
    return (*groups, *(_constant(node, float(terms.addends[k]), cell) for k in constants))


def _weight_name(node: Node, places: Array | None) -> str:
    if places is not None:
        return f"{node.name}.weight"
    if isinstance(node.layer, BatchNorm | ImageNorm):
        return SCALE
    if isinstance(node.layer, Multiply):
        return " ".join(node.inputs[1:])
    return {Normalize: "1 / deviation", PReLU: "slope", Subsample2d: f"{node.name}.coefficient"}.get(
        type(node.layer), "share"
    )


def _shifts(node: Node, layer: BatchNorm | ImageNorm, terms: Terms, cell: Cell) -> Iterator[Products]:
    """What a normalisation adds: its mean, scaled, and beta."""
    assert terms.inputs is not None
    assert terms.weights is not None
    of_batch = isinstance(layer, BatchNorm)
    mean = Factor(
        f"-{node.name}.running_mean" if of_batch else "-mean of its part",
        terms.inputs[1:2],
        np.array([cell[:1]]) if of_batch else None,
    )
    yield Products((mean, Factor(SCALE, terms.weights[1:2])))
    if layer.affine:
        own = cell[-(layer.axes or len(cell)) :] if isinstance(layer, LayerNorm) else cell[:1]
        yield single(f"{node.name}.bias", float(terms.addends[2]), own)


def _constant(node: Node, value: float, cell: Cell) -> Products:
    """An addend that comes from no cell."""
    layer = node.layer
    if isinstance(layer, Parameter):
        return single(f"{node.name}.value", value, cell)
    names = {Normalize: "-mean / deviation", LocalResponseNorm: "k", Pad: "padding"}
    if type(layer) in names:
        return single(names[type(layer)], value)
    return single(f"{node.name}.bias", value, cell if isinstance(layer, LocallyConnected) else cell[:1])
