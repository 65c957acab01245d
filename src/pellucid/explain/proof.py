"""Proving a number by another road than the one that it came by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pellucid.engines.engine import Array, CompileOptions, Engine, Purpose
from pellucid.engines.reference import ReferenceEngine
from pellucid.engines.reference.definition import Context
from pellucid.engines.reference.definitions import definition
from pellucid.explain.differentiation import Differentiation
from pellucid.explain.evidence import Evidence
from pellucid.explain.formatting import text_of_proof
from pellucid.explain.parts import part_of_cell, part_of_weight
from pellucid.explain.rerun import cost, downstream
from pellucid.explain.sums import Cell, Sum
from pellucid.graph import Node
from pellucid.layers import Input

EXACT_COST = 100_000_000
"""Multiply-adds that differences may take in float64, by the definitions; beyond, the engine makes them."""

EXACT_STEPS = (2.0**-7, 2.0**-10, 2.0**-13, 2.0**-16)
ENGINE_STEPS = (1.0, 2.0**-2, 2.0**-4)
"""Of the differences, as shares of the number's size: large ones drown rounding, small ones miss kinks."""

ROUNDINGS = 8.0
"""How many times the precision of its type an output is off by, at most: float32 and float64 alike."""

GRADIENT_ROUNDING = 1e-4
"""Of the sum of the terms' magnitudes: what a gradient may be off by that came through float32 layers."""

IMAGES_AT_ONCE = 32


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


def _output(layer: object, inputs: Sequence[Array], parameters: Mapping[str, Array], images: int) -> Array:
    own = {name: array.astype(np.float64) for name, array in parameters.items()}
    with np.errstate(all="ignore"):
        rules = definition(layer)  # type: ignore[arg-type]
        return np.asarray(rules.forward(layer, inputs, own, Context(images=images))[0])


# ---- gradients


@dataclass(frozen=True)
class Variation:
    """A number that is varied, and the output of its node that follows.

    Attributes:
        node: whose output changes.
        images: those of the batch that it changes for.
        outputs: (R, len(images), *shape), of the number as it is, then of +h and -h for every step.
        steps: h, as they come out in the type of the arrays.
    """

    node: str
    images: tuple[int, ...]
    outputs: Array
    steps: tuple[float, ...]


def prove_gradient(
    passed: Differentiation, name: str, parameter: str | None, image: int | None, cell: Cell, found: Sum
) -> Proof:
    """Measure a gradient by central differences that run again what lies downstream of the number."""
    read, quantity = passed.evidence, passed.quantity
    part = downstream(read.graph, [name], quantity.nodes)
    images = read.count if image is None else 1
    runs = 1 + 2 * len(EXACT_STEPS)
    exact = part is None or cost(part) * images * runs <= EXACT_COST
    shares, dtype = (EXACT_STEPS, np.float64) if exact else (ENGINE_STEPS, np.float32)
    node = read.graph.node(name)
    if parameter is None:
        assert image is not None
        varied = _varied_cell(read, name, image, cell, shares, dtype)
    else:
        varied = _varied_parameter(read, node, parameter.rpartition(".")[2], cell, shares, dtype)
    engine = ReferenceEngine("float64") if exact else read.engine
    values = _values(passed, varied, engine)
    method = "central differences, what lies downstream run again by " + (
        "the definitions in float64" if exact else f"the {read.engine.name} engine"
    )
    noise = ROUNDINGS * float(np.finfo(dtype).eps) * _magnitude(passed, varied.images)
    return _measured(found, values, varied.steps, noise, method)


def _varied_cell(
    read: Evidence, name: str, image: int, cell: Cell, shares: Sequence[float], dtype: type
) -> Variation:
    activation = read.activation(name)[image : image + 1]
    size = _size(activation[0], float(activation[(0, *cell)]))
    outputs: Array = np.repeat(activation[None].astype(dtype), 1 + 2 * len(shares), axis=0)
    for k, share in enumerate(shares):
        outputs[(1 + 2 * k, 0, *cell)] += dtype(share * size)
        outputs[(2 + 2 * k, 0, *cell)] -= dtype(share * size)
    numbers = np.moveaxis(outputs, 0, -1)[(0, *cell)].astype(np.float64)
    steps = tuple(float(step) for step in (numbers[1::2] - numbers[2::2]) / 2)
    return Variation(name, (image,), outputs, steps)


def _varied_parameter(
    read: Evidence, node: Node, name: str, at: Cell, shares: Sequence[float], dtype: type
) -> Variation:
    """The engine's output, and what changes of it when the layer's definition is given another number."""
    array = read.short_parameters(node)[name]
    size = _size(array, float(array[at]))
    part = part_of_weight(node.layer, read.inputs(node), read.short_parameters(node), name, at)
    before = _output(part.layer, part.inputs, part.parameters, read.count)
    activation = read.activation(node.name)
    outputs: Array = np.repeat(activation[None].astype(dtype), 1 + 2 * len(shares), axis=0)
    steps = tuple(share * size for share in shares)
    for k, step in enumerate(np.repeat(steps, 2) * np.tile([1, -1], len(steps)), start=1):
        own = {key: value.astype(np.float64) for key, value in part.parameters.items()}
        own[name][part.at] += step
        change = _output(part.layer, part.inputs, own, read.count) - before
        outputs[k][part.outputs] += change.astype(dtype)
    return Variation(node.name, tuple(range(read.count)), outputs, steps)


def _size(array: Array, value: float) -> float:
    """The usual size of an array's numbers, or of this one if it is larger; 1 where all are zero."""
    usual = float(np.sqrt(np.square(array, dtype=np.float64).mean()))
    return max(usual, abs(value)) or 1.0


def _magnitude(passed: Differentiation, images: Sequence[int]) -> float:
    """What J changes by, at first order, when the outputs it reads change by their own size."""
    return sum(
        float(
            np.abs(seed[list(images)] * passed.evidence.activation(node)[list(images)]).sum(dtype=np.float64)
        )
        for node, seed in passed.seeds.items()
    )


def _values(passed: Differentiation, varied: Variation, engine: Engine) -> Array:
    """(R,) J of every variation, as far as the images that vary decide it."""
    read, quantity = passed.evidence, passed.quantity
    runs, count = varied.outputs.shape[:2]
    flat = varied.outputs.reshape(runs * count, *varied.outputs.shape[2:])
    outputs: dict[str, Array] = {varied.node: flat}
    rerun = downstream(read.graph, [varied.node], quantity.nodes)
    if rerun is not None:
        at_once = min(runs * count, IMAGES_AT_ONCE)
        program = read.program(engine, rerun, CompileOptions(at_once, Purpose.INFERENCE))
        fed = [_fed(read, name, varied, flat) for name in rerun.inputs]
        chunks = [
            program.forward(*(np.ascontiguousarray(array[start : start + at_once]) for array in fed))
            for start in range(0, runs * count, at_once)
        ]
        for name, results in zip(rerun.outputs, zip(*chunks, strict=True), strict=True):
            outputs[name] = np.concatenate(results)
    for name in quantity.nodes:
        if name not in outputs:
            outputs[name] = _fed(read, name, varied, flat)
    by_run = [
        {name: array[run * count : (run + 1) * count] for name, array in outputs.items()}
        for run in range(runs)
    ]
    return np.array([quantity.value(of_run, varied.images) for of_run in by_run])


def _fed(read: Evidence, name: str, varied: Variation, flat: Array) -> Array:
    """A node's activation for every variation: the varied one's, or the trace's again and again."""
    if name == varied.node:
        return flat
    own = read.activation(name)[list(varied.images)].astype(flat.dtype)
    return np.concatenate([own] * len(varied.outputs))


def _measured(found: Sum, values: Array, steps: Sequence[float], noise: float, method: str) -> Proof:
    """The best of the estimates, how far it can be trusted, and what the others say."""
    base, above, below = values[0], values[1::2], values[2::2]
    sizes = np.array(steps)
    estimates = (above - below) / (2 * sizes)
    roundings = noise / sizes
    # A step's error is seen in the next smaller one: kinks and curvature fade with the step, rounding grows.
    apart = np.abs(np.diff(estimates))
    doubts = np.append(apart, apart[-1]) + roundings
    best = int(doubts.argmin())
    gaps = np.abs((above - base) / sizes - (base - below) / sizes)
    remarks = _remarks(gaps, estimates, roundings, sizes, best)
    uncertainty = float(doubts[best])
    if gaps[best] > uncertainty and remarks:
        uncertainty = max(uncertainty, float(gaps[best]) / 2)
    magnitude = float(np.abs(found.terms).sum())
    return Proof(
        found.name,
        found.engine,
        found.value,
        float(estimates[best]),
        method,
        uncertainty,
        GRADIENT_ROUNDING * magnitude,
        tuple(steps),
        tuple(float(estimate) for estimate in estimates),
        remarks,
    )


def _remarks(gaps: Array, estimates: Array, roundings: Array, sizes: Array, best: int) -> tuple[str, ...]:
    """Whether J has a kink at the number itself, or one within the larger steps."""
    smallest = int(np.argmax(gaps <= 4 * roundings)) if (gaps <= 4 * roundings).any() else len(gaps) - 1
    remarks = []
    if smallest == len(gaps) - 1 and gaps[-1] > 4 * roundings[-1] and gaps[-1] > gaps[0] / 2:
        remarks.append(
            f"J has a kink just here: its slopes on the two sides differ by {gaps[-1]:.3g}, "
            "and the engine takes the one that its rule for zero and for ties names"
        )
    far = np.abs(estimates - estimates[best]) > 4 * (roundings + roundings[best]) + 1e-2 * abs(
        estimates[best]
    )
    if far[:best].any():
        step = sizes[:best][far[:best]].min()
        remarks.append(f"steps of {step:.3g} and more reach kinks or curvature: they yield another slope")
    return tuple(remarks)
