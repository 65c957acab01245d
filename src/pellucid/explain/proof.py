"""Proving a number by another road than the one that it came by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pellucid.engines.engine import Array
from pellucid.engines.reference.definition import Context
from pellucid.engines.reference.definitions import definition
from pellucid.explain.differences import Change, consequences
from pellucid.explain.differentiation import Differentiation
from pellucid.explain.evidence import Evidence
from pellucid.explain.formatting import text_of_proof
from pellucid.explain.parts import part_of_cell, part_of_weight
from pellucid.explain.rerun import cost, downstream
from pellucid.explain.sums import Cell, Sum
from pellucid.graph import Node
from pellucid.layers import Input, Layer

EXACT_COST = 100_000_000
"""Multiply-adds that differences may take in float64, by the definitions; beyond, the engine convolves."""

EXACT_STEPS = (2.0**-6, 2.0**-10, 2.0**-14)
ENGINE_STEPS = (2.0**-10, 2.0**-15)
"""Of the differences, as shares of the number's size."""

ROUNDINGS = 8.0
"""How many times the precision of its type J is off by, at most."""

GRADIENT_ROUNDING = 1e-4
"""Of the sum of the terms' magnitudes: what a gradient may be off by that came through float32 layers."""

SHARED_ROUNDING = 1e-5
"""Of the usual size of the same array's gradients: small ones are sums of what large ones are sums of."""


KINK = 1e-4
"""Of a slope: what those of the two sides differ by at least, where one speaks of a kink."""


@dataclass(frozen=True)
class Proof:
    """Three values of one number.

    Attributes:
        name: of the number.
        engine: the engine's.
        terms: the terms'.
        independent: the one found by another road.
        method: that road, in words.
        uncertainty: of the independent value.
        rounding: what the engine's float32 arithmetic explains.
        steps: of the differences, if it is measured by such.
        estimates: what each of them yields.
        remarks: what a person should know, a sentence each: kinks.
    """

    name: str
    engine: float
    terms: float
    independent: float
    method: str
    uncertainty: float
    rounding: float
    steps: tuple[float, ...] = ()
    estimates: tuple[float, ...] = ()
    remarks: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether the three agree within the uncertainty and rounding."""
        allowed = self.uncertainty + self.rounding
        return all(abs(value - self.independent) <= allowed for value in (self.engine, self.terms))

    def __str__(self) -> str:
        return text_of_proof(self)


def prove_activation(read: Evidence, name: str, image: int, cell: Cell, found: Sum) -> Proof:
    """Recompute a cell from what its node received, by the definition in float64."""
    node = read.graph.node(name)
    if isinstance(node.layer, Input):
        return Proof(found.name, found.engine, found.value, found.engine, "given, not computed", 0.0, 0.0)
    inputs = read.inputs(node, slice(image, image + 1))
    part = part_of_cell(node.layer, inputs, read.short_parameters(node), cell)
    output = _output(part.layer, part.inputs, part.parameters, 1)
    return Proof(
        found.name,
        found.engine,
        found.value,
        float(output[(0, *part.at)]),
        f"{node.layer.name} by its definition, in float64",
        0.0,
        found.tolerance,
    )


def _output(layer: Layer, inputs: Sequence[Array], parameters: Mapping[str, Array], images: int) -> Array:
    own = {name: array.astype(np.float64) for name, array in parameters.items()}
    with np.errstate(all="ignore"):
        return np.asarray(definition(layer).forward(layer, inputs, own, Context(images=images))[0])


# ---- gradients


def prove_gradient(
    passed: Differentiation, name: str, parameter: str | None, image: int | None, cell: Cell, found: Sum
) -> Proof:
    """Measure a gradient by central differences that run again what lies downstream of the number."""
    read, quantity = passed.evidence, passed.quantity
    part = downstream(read.graph, [name], quantity.nodes)
    images = read.count if image is None else 1
    exact = part is None or cost(part) * images * 2 * len(EXACT_STEPS) <= EXACT_COST
    shares, dtype = (EXACT_STEPS, np.float64) if exact else (ENGINE_STEPS, np.float32)
    if parameter is None:
        assert image is not None
        change, steps = _changed_cell(read, name, image, cell, shares, dtype)
    else:
        node = read.graph.node(name)
        change, steps = _changed_parameter(read, node, parameter.rpartition(".")[2], cell, shares, dtype)
    followed = consequences(read, change, quantity.nodes, by_engine=not exact)
    base = {node: read.activation(node)[list(change.images)].astype(np.float64) for node in quantity.nodes}
    values = [quantity.value(base, change.images)]
    for run in range(2 * len(steps)):
        outputs = {
            node: base[node] + followed.differences[node][run] if node in followed.differences else base[node]
            for node in quantity.nodes
        }
        values.append(quantity.value(outputs, change.images))
    method = "central differences, carried through what lies downstream by the definitions" + (
        " in float64" if exact else f", convolutions by the {read.engine.name} engine"
    )
    whole = passed.gradients[name if parameter is None else parameter]
    whole = whole if image is None else whole[image]
    rounding = GRADIENT_ROUNDING * float(np.abs(found.terms).sum()) + SHARED_ROUNDING * _usual_size(whole)
    rounding += _seed_rounding(passed, change.images, followed.differences, steps[-1])
    return _measured(found, np.array(values), steps, followed.crossings, method, rounding)


def _seed_rounding(
    passed: Differentiation, images: Sequence[int], differences: Mapping[str, Array], step: float
) -> float:
    """What the rounding of the gradients at the outputs comes to: that of p - t counts, where p is nearly t.

    Args:
        passed: has those gradients.
        images: that change.
        differences: of the outputs, of which the last but one is for +step.
        step: the smallest.
    """
    read, nodes = passed.evidence, passed.quantity.nodes
    exact = passed.quantity.seeds({node: read.activation(node) for node in nodes})
    off = {node: np.abs(passed.seeds[node] - exact[node])[list(images)] for node in differences}
    return sum(float((off[node] * np.abs(differences[node][-2])).sum()) / step for node in differences)


def _changed_cell(
    read: Evidence, name: str, image: int, cell: Cell, shares: Sequence[float], dtype: type
) -> tuple[Change, tuple[float, ...]]:
    """+h and -h at one cell, for every step."""
    activation = read.activation(name)[image]
    size = _size(activation, float(activation[cell]))
    steps = tuple(share * size for share in shares)
    differences: Array = np.zeros((2 * len(steps), 1, *activation.shape), dtype)
    np.moveaxis(differences, (0, 1), (-2, -1))[cell] = _signed(steps)[:, None]
    return Change(name, (image,), differences), steps


def _changed_parameter(
    read: Evidence, node: Node, name: str, at: Cell, shares: Sequence[float], dtype: type
) -> tuple[Change, tuple[float, ...]]:
    """What the layer's definition makes of one number, more and less by h for every step."""
    array = read.short_parameters(node)[name]
    steps = tuple(share * _size(array, float(array[at])) for share in shares)
    part = part_of_weight(node.layer, read.inputs(node), read.short_parameters(node), name, at)
    before = _output(part.layer, part.inputs, part.parameters, read.count)
    differences: Array = np.zeros((2 * len(steps), *read.activation(node.name).shape), dtype)
    for run, step in enumerate(_signed(steps)):
        own = {key: value.astype(np.float64) for key, value in part.parameters.items()}
        own[name][part.at] += step
        differences[run][part.outputs] = _output(part.layer, part.inputs, own, read.count) - before
    return Change(node.name, tuple(range(read.count)), differences), steps


def _signed(steps: Sequence[float]) -> Array:
    """+h, -h for every step."""
    signed: Array = np.repeat(np.array(steps), 2) * np.tile([1.0, -1.0], len(steps))
    return signed


def _size(array: Array, value: float) -> float:
    """The usual size of an array's numbers, or of this one if it is larger; 1 where all are zero."""
    return max(_usual_size(array), abs(value)) or 1.0


def _usual_size(array: Array) -> float:
    """The root of the mean square."""
    flat = array.reshape(-1)
    return float(np.sqrt(np.vdot(flat, flat) / flat.size))


def _measured(
    found: Sum,
    values: Array,
    steps: Sequence[float],
    crossings: Mapping[str, Array],
    method: str,
    rounding: float,
) -> Proof:
    """The best of the estimates, how far it can be trusted, and what the others say."""
    base, above, below, sizes = values[0], values[1::2], values[2::2], np.array(steps)
    estimates = (above - below) / (2 * sizes)
    # A step's error shows against the next one: kinks and curvature fade with it, so that the last one has a
    # share of what the one before it is off by; rounding grows.
    apart = np.abs(np.diff(estimates))
    roundings = ROUNDINGS * np.finfo(np.float64).eps * abs(base) / sizes
    doubts = np.append(apart, apart[-1] / 4) + roundings
    best = int(doubts.argmin())
    uncertainty = float(doubts[best])
    passed = {node: counts.reshape(-1, 2).max(axis=1)[best] for node, counts in crossings.items()}
    kinks = [f"{int(count)} of {node}" for node, count in passed.items() if count]
    remarks = [f"within a step of {steps[best]:.3g} cells pass a kink: {', '.join(kinks)}"] if kinks else []
    # Between the slopes of the two sides curvature leaves a gap that fades with the step; a kink's stays.
    gaps = np.abs(above + below - 2 * base) / sizes
    lasting = gaps[-1] > max(gaps[0] / 4, 4 * roundings[-1], KINK * float(np.abs(estimates).max()))
    if lasting:
        remarks.append(f"J has a kink just here: the slopes of its two sides differ by {gaps[-1]:.3g}")
    if kinks or lasting:
        uncertainty += float(gaps[best]) / 2
    return Proof(
        found.name,
        found.engine,
        found.value,
        float(estimates[best]),
        method,
        uncertainty,
        rounding,
        tuple(steps),
        tuple(float(estimate) for estimate in estimates),
        tuple(remarks),
    )
