"""Rows of the operators that work cell by cell, and of sums, products and matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.formats.onnx_import.affine import fold_into_node
from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.decomposed import layer_norm, local_response_norm
from pellucid.formats.onnx_import.formulas import IDENTITY, recognise
from pellucid.formats.onnx_import.functions import evaluate
from pellucid.formats.onnx_import.reductions import largest_of
from pellucid.formats.onnx_import.values import (
    SAMPLES,
    Activation,
    Array,
    Constant,
    Formula,
    UnsupportedError,
    Value,
)
from pellucid.layers import Add, Divide, Layer, Linear, MatMul, Multiply, PReLU, Subtract

Samples = NDArray[np.float64]

DEEPEST_FORMULA = 16
"""Nodes that are collected before a layer is made of them."""

MERGES: dict[str, type[Layer]] = {
    "Add": Add,
    "Sum": Add,
    "Sub": Subtract,
    "Mul": Multiply,
    "Div": Divide,
}


def elementwise(call: Call) -> Sequence[Value | None]:
    """A function of one activation, or several that meet cell by cell."""
    formula = _formula(call)
    return [_together(call) if formula is None else formula]


def _formula(call: Call) -> Formula | None:
    """The function of its one source; None where several activations or constant arrays meet."""
    numbers: list[Samples | None] = []
    for value in call.inputs:
        if isinstance(value, Constant):
            if value.size != 1 or value.dtype.kind not in "fiu":
                return None
            numbers.append(value.array().reshape(()).astype(np.float64))
        else:
            numbers.append(None)
    parts = _parts(call)
    if len({part.source.node for part in parts}) == 1 and sum(p.depth for p in parts) >= DEEPEST_FORMULA:
        parts = [call.importer.formula(call.importer.activation(part)) for part in parts]
    if len({part.source.node for part in parts}) != 1:
        return None
    places = [index for index, value in enumerate(call.inputs) if isinstance(value, Activation | Formula)]

    def apply(*values: Samples) -> Samples:
        arrays = list(numbers)
        for place, array in zip(places, values, strict=True):
            arrays[place] = array
        return np.broadcast_to(evaluate(call, *arrays).astype(np.float64), SAMPLES.shape)

    return Formula(
        parts[0].source,
        apply(*(part.values for part in parts)),
        sum(part.depth for part in parts) + 1,
        _steps(call, parts),
        tuple(parts),
        apply,
        partial(_together, call),
        call.operation,
    )


def _parts(call: Call) -> list[Formula]:
    return [call.importer.formula(value) for value in call.inputs if isinstance(value, Activation | Formula)]


def _steps(call: Call, parts: Sequence[Formula]) -> tuple[tuple[str, float], ...] | None:
    """The chain of operations so far, each with at most one number, and that commuting or on the right."""
    kind, constants = call.operation.type, [v for v in call.inputs if isinstance(v, Constant)]
    if len(parts) != 1 or parts[0].steps is None or len(constants) > 1:
        return None
    if kind not in ("Add", "Mul") and constants and isinstance(call.inputs[0], Constant):
        return None
    number = float(constants[0].array().item()) if constants else 0.0
    return (*parts[0].steps, (kind, number))


def _together(call: Call) -> Activation:
    """A node for this operation alone."""
    kind = call.operation.type
    if kind == "Pow" and call.number(1) == 2:
        base = call.activation(0)
        return call.emit(Multiply(), base, base)
    if kind == "Neg":
        minus_one = Constant.of(np.full(1, -1, np.float32))
        base = call.activation(0)
        return call.emit(Multiply(), base, _aligned(call, minus_one, len(base.shape)))
    if kind not in MERGES:
        return _alone(call)
    if kind == "Div":
        for special in (layer_norm, local_response_norm):
            found = special(call)
            if found is not None:
                return found
    folded = fold_into_node(call)
    return _merge(call, MERGES[kind]()) if folded is None else folded


def _alone(call: Call) -> Activation:
    """The layer that has this operation's values, after whatever its input is."""
    nodes = {
        call.importer.activation(value) for value in call.inputs if isinstance(value, Activation | Formula)
    }
    if len(nodes) == 1:
        (x,) = nodes
        call.inputs = [value if isinstance(value, Constant | None) else x for value in call.inputs]
        formula = _formula(call)
        layer = None if formula is None else recognise(formula.values)
        if layer is not None:
            return x if layer is IDENTITY else call.emit(layer, x)
    if call.operation.type == "Max" and len(nodes) == len(call.inputs):
        return largest_of(call, [call.activation(index) for index in range(len(call.inputs))])
    raise UnsupportedError("no layer computes this function of a cell")


def _merge(call: Call, layer: Layer) -> Activation:
    if len(call.inputs) == 1:
        return call.activation()
    values = [call.value(index) for index in range(len(call.inputs))]
    rank = max(len(value.shape) for value in values if not isinstance(value, Constant))
    nodes = [
        _aligned(call, value, rank) if isinstance(value, Constant) else call.importer.activation(value)
        for value in values
    ]
    return call.emit(layer, *(_with_rank(call, node, rank) for node in nodes))


def _with_rank(call: Call, value: Activation, rank: int) -> Activation:
    """An image's array with as many axes as the others'; ONNX adds axes in front, where the batch is."""
    if len(value.shape) != rank:
        raise UnsupportedError(f"arrays of {len(value.shape)} and {rank} axes an image meet in it")
    return value


def _aligned(call: Call, value: Constant, rank: int) -> Activation:
    """A constant as a node of this many axes; its batch must be 1."""
    shape = value.shape
    extra = len(shape) - rank
    if extra > 1 or (extra == 1 and shape[0] != 1):
        raise UnsupportedError(f"a constant of shape {shape} gives every image of the batch its own numbers")
    shape = shape[1:] if extra == 1 else (1,) * -extra + shape
    return call.importer.parameter(value, shape)


def prelu(call: Call) -> list[Value]:
    """PRelu with one slope, or one a channel."""
    x, slope = call.activation(), call.constant(1)
    shape = slope.shape[1:] if len(slope.shape) == len(x.shape) + 1 else slope.shape
    one_a_channel = (x.shape[0], *(1,) * (len(x.shape) - 1))
    fits = slope.size == 1 or shape == one_a_channel
    call.require(fits, f"its slopes have the shape {slope.shape}; one, or one a channel, are expected")
    weights = {"weight": lambda: slope.floats().reshape(-1)}
    return [call.emit(PReLU(shared=slope.size == 1 and x.shape[0] != 1), x, parameters=weights, weight=slope)]


def matrix_product(call: Call) -> list[Value]:
    """MatMul: Linear on features, else a product over the last two axes."""
    a, b = call.value(0), call.value(1)
    if not isinstance(a, Constant) and isinstance(b, Constant) and len(a.shape) == 1 and len(b.shape) == 2:
        x, weight = call.activation(), b
        layer = Linear(weight.shape[1], bias=False)
        return [call.emit(layer, x, parameters={"weight": lambda: weight.floats().T}, weight=weight)]
    ranks = [len(value.shape) for value in (a, b) if not isinstance(value, Constant)]
    call.require(max(ranks) >= 2, "a matrix is multiplied with one row an image")
    nodes = [
        _aligned(call, value, max(ranks)) if isinstance(value, Constant) else call.importer.activation(value)
        for value in (a, b)
    ]
    return [call.emit(MatMul(), *(_with_rank(call, node, max(ranks)) for node in nodes))]


def gemm(call: Call) -> list[Value]:
    """Gemm with constant matrices: Linear."""
    x, weight = call.activation(), call.constant(1)
    call.require(call.integer("transA", 0) == 0, "its first matrix is transposed, which moves the batch")
    transposed, alpha, beta = call.integer("transB", 0), call.real("alpha", 1.0), call.real("beta", 1.0)
    call.require(len(weight.shape) == 2, f"its weights have the shape {weight.shape}")
    outputs = weight.shape[0] if transposed else weight.shape[1]

    def matrix() -> Array:
        oriented = weight.floats() if transposed else weight.floats().T
        return oriented if alpha == 1 else oriented * np.float32(alpha)

    parameters: dict[str, Any] = {"weight": matrix}
    if call.has(2):
        bias = call.constant(2)
        call.require(bias.size in (1, outputs), f"its bias has the shape {bias.shape}")
        parameters["bias"] = lambda: np.broadcast_to(bias.floats().reshape(-1) * np.float32(beta), (outputs,))
    return [call.emit(Linear(outputs, bias=call.has(2)), x, parameters=parameters, weight=weight)]
