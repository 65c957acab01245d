"""Sums and proofs of the library as messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pellucid.engines.engine import Array
from pellucid.explain import Arithmetic as ActivationSum
from pellucid.explain import GradientArithmetic as GradientSum
from pellucid.explain import Proof as FoundProof
from pellucid.explain import UpdateArithmetic
from pellucid.explain.sums import Factor, Products
from pellucid.graph import Graph
from pellucid.studio.edits import plain_names
from pellucid.studio.messages import Arithmetic, Edit, Partial, Proof, Term, Update

GRADIENT = "dJ/d "
"""What the names of error signals begin with."""

LIMIT = 64
"""Terms that are sent unless told otherwise."""


def activation_message(found: ActivationSum, limit: int, channel: int | None = None) -> Arithmetic:
    """The sum behind a cell.

    Args:
        found: by the library.
        limit: terms that are sent.
        channel: of the input, whose terms alone are sent; None for all.
    """
    graph = found.evidence.graph
    message = _message(found, graph, found.node, found.cell, found.layer.formula, limit)
    if channel is not None:
        own = [_of_channel(graph, group, channel) for group in found.products]
        terms = _terms(graph, [group for group in own if group is not None], limit)
        message["terms"], message["rest"], message["rest_count"] = terms
    if found.window is not None:
        message["terms"] = [
            {
                "source": found.window.node,
                "cell": cell.tolist(),
                "input": float(value),
                "weight_name": None,
                "weight_cell": [],
                "weight": None,
                "product": float(value),
            }
            for place, (cell, value) in enumerate(zip(found.window.cells, found.window.values, strict=True))
        ]
        message["winner"] = found.window.winner
        message["rest"], message["rest_count"] = 0.0, 0
    return message


def gradient_message(found: GradientSum, limit: int, edits: Sequence[Edit] = ()) -> Arithmetic:
    """The sum behind a gradient; of a network with edits built in, with parameters named as without them."""
    passed = found.differentiation
    name = found.parameter or found.node
    j = f"J = {passed.quantity.text}"
    message = _message(found, passed.evidence.graph, name, found.cell, j, limit)
    for field in ("title", "node", "text", "latex"):
        message[field] = plain_names(message[field], edits)
    for term in message["terms"]:
        if term["weight_name"] is not None:
            term["weight_name"] = plain_names(term["weight_name"], edits)
    return message


def _message(
    found: ActivationSum | GradientSum,
    graph: Graph,
    node: str,
    cell: Sequence[int],
    formula: str,
    limit: int,
) -> Arithmetic:
    terms, rest, rest_count = _terms(graph, found.products, limit)
    return {
        "title": found.name,
        "node": node,
        "cell": list(cell),
        "formula": formula,
        "function": found.function,
        "terms": terms,
        "rest": rest,
        "rest_count": rest_count,
        "partials": list(_partials(graph, found.products)),
        "winner": None,
        "total": found.total,
        "value": found.value,
        "engine": found.engine,
        "difference": found.difference,
        "tolerance": found.tolerance,
        "agrees": found.holds,
        "text": str(found),
        "latex": found.latex(),
    }


def _terms(graph: Graph, groups: Sequence[Products], limit: int) -> tuple[list[Term], float, int]:
    """The largest addends; constants always; the sum and the number of the others."""
    sizes = [
        (abs(float(value)), g, k) for g, group in enumerate(groups) for k, value in _largest(group, limit)
    ]
    constant = [g for g, group in enumerate(groups) if len(group) == 1]
    first = sorted((entry for entry in sizes if entry[1] not in constant), key=lambda entry: -entry[0])
    chosen = [(g, k) for _, g, k in first[: max(0, limit)]]
    chosen += [(g, 0) for g in constant]
    terms = [_term(graph, groups[g], k) for g, k in chosen]
    whole = sum(float(group.addends.sum()) for group in groups)
    left = sum(len(group) for group in groups) - len(terms)
    rest = whole - sum(term["product"] for term in terms) if left else 0.0
    return terms, rest, left


def _of_channel(graph: Graph, group: Products, channel: int) -> Products | None:
    """The addends of one input channel; None where there are none."""
    cells = _cells(graph, group.factors[0])
    if cells is None or len(group.factors) < 2:
        return None
    chosen = np.flatnonzero(cells[:, 0] == channel)
    if not len(chosen):
        return None
    return Products(tuple(_some(factor, chosen) for factor in group.factors), group.of)


def _some(factor: Factor, chosen: Array) -> Factor:
    cells = None if factor.cells is None else factor.cells[chosen]
    return Factor(factor.name, factor.values[chosen], cells)


def _largest(group: Products, limit: int) -> Iterator[tuple[int, float]]:
    """(number, value) of a group's largest addends."""
    addends = group.addends
    order = np.argsort(-np.abs(addends), kind="stable")[: max(1, limit)]
    for k in order:
        yield int(k), float(addends[k])


def _term(graph: Graph, group: Products, k: int) -> Term:
    first = group.factors[0]
    second = group.factors[1] if len(group.factors) > 1 else None
    product = float(group.addends[k])
    if second is None and (first.cells is None or first.name.rpartition(".")[0] in graph.by_name):
        return _constant(graph, first, k, product)
    source = _source(graph, first.name)
    return {
        "source": source,
        "cell": _cell(graph, first, k),
        "input": float(first.values[k]) if source == first.name else None,
        "weight_name": second.name if second else None,
        "weight_cell": _cell(graph, second, k) if second else [],
        "weight": float(second.values[k]) if second else None,
        "product": product,
    }


def _source(graph: Graph, name: str) -> str:
    """The node that an addend is made of: fc1 of "exp(z - z[k]) of fc1"."""
    for inner in (name, name.rpartition(" of ")[2], name.removeprefix("-")):
        if inner in graph.by_name:
            return inner
    return name


def _constant(graph: Graph, factor: Factor, k: int, product: float) -> Term:
    """A bias, or another number that belongs to no cell of an input."""
    return {
        "source": None,
        "cell": [],
        "input": None,
        "weight_name": factor.name,
        "weight_cell": _cell(graph, factor, k),
        "weight": float(factor.values[k]),
        "product": product,
    }


def _cell(graph: Graph, factor: Factor, k: int) -> list[int]:
    cells = _cells(graph, factor)
    return [] if cells is None else [int(number) for number in cells[k]]


def _cells(graph: Graph, factor: Factor) -> Array | None:
    """(K, axes) where its numbers lie, without the number of the image, which is the only one."""
    node = factor.name.removeprefix(GRADIENT)
    if factor.cells is None or node not in graph.shapes:
        return factor.cells
    return factor.cells[:, factor.cells.shape[1] - len(graph.shapes[node]) :]


def _partials(graph: Graph, groups: Sequence[Products]) -> Iterator[Partial]:
    """The sum of each input channel's terms."""
    for group in groups:
        cells = _cells(graph, group.factors[0])
        if cells is None or len(group.factors) < 2 or cells.shape[1] < 2:
            continue
        channels = cells[:, 0]
        sums = np.bincount(channels, weights=group.addends)
        for channel in np.unique(channels):
            yield {"source": group.factors[0].name, "channel": int(channel), "sum": float(sums[channel])}


def update_message(found: UpdateArithmetic) -> Update:
    """A step of a weight."""
    return {
        "parameter": found.parameter,
        "cell": list(found.cell),
        "formula": f"{type(found.optimizer).__name__}: {found.optimizer.formula}",
        "rows": [{"symbol": row.symbol, "equation": row.equation, "value": row.value} for row in found.rows],
        "engine": found.engine,
        "same_bits": found.holds,
    }


def proof_message(found: FoundProof) -> Proof:
    """A number by another road."""
    return {
        "title": found.name,
        "engine": found.engine,
        "terms": found.terms,
        "independent": found.independent,
        "uncertainty": found.uncertainty,
        "agrees": found.holds,
        "method": found.method,
        "remarks": list(found.remarks),
    }
