"""What one number of a layer's input or parameters moves in its output, whatever the layer.

Layers of kernels have closed forms (kernels.py). Of the others the definitions in engines/reference are
asked: a layer that is linear in what is varied answers a one with its column; any other passes a one back
from every output cell that the number reaches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pellucid.engines.engine import Array, Rule
from pellucid.engines.reference.activation import DEFINITIONS as ACTIVATIONS
from pellucid.engines.reference.definition import Context
from pellucid.engines.reference.definitions import definition
from pellucid.explain.derivatives.column import Column
from pellucid.explain.derivatives.kernels import KERNEL_LAYERS
from pellucid.explain.derivatives.kernels import input_column as kernel_input_column
from pellucid.explain.derivatives.kernels import parameter_column as kernel_parameter_column
from pellucid.explain.sums import Cell, Factor
from pellucid.graph import Node
from pellucid.layers import (
    ELU,
    SELU,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    Add,
    ChannelShuffle,
    Concat,
    Crop,
    Divide,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    LogSoftmax,
    MatMul,
    Maxout,
    Mean,
    Multiply,
    Normalize,
    Pad,
    PReLU,
    Reshape,
    ScaledTanh,
    Sigmoid,
    Slice,
    Softmax,
    Subsample2d,
    Subtract,
    Tanh,
    Transpose,
    Upsample,
)
from pellucid.layers.dropout import DropoutLayer
from pellucid.layers.normalization import BatchNorm, ImageNorm
from pellucid.layers.pooling import AdaptiveAvgPooling, AvgPooling, LpPooling, MaxPooling

__all__ = ["Column", "input_column", "parameter_column"]

LINEAR: tuple[type[Layer], ...] = (
    *(Add, Subtract, Concat, Flatten, Reshape, Transpose, ChannelShuffle, Mean, Pad, Crop, Slice, Upsample),
    *(AvgPooling, AdaptiveAvgPooling, GlobalAvgPool, Subsample2d, Normalize, BatchNorm, DropoutLayer),
)
"""In all their inputs together, but for a constant."""

MULTILINEAR = (Multiply, MatMul)
"""In each of their inputs while the others stay; Divide is in its first."""

FROM_OUTPUT = (Sigmoid, Tanh, ScaledTanh, ELU, SELU)
"""Activation functions that saturate, and whose slope follows from what they have given."""

AT_A_POSITION: tuple[type[Layer], ...] = (*ACTIVATIONS, PReLU, Softmax, LogSoftmax, LocalResponseNorm, Maxout)
"""An output cell sees the channels at its own position alone."""

IN_A_CHANNEL = (MaxPooling, LpPooling, AdaptiveMaxPool1d, AdaptiveMaxPool2d, GlobalMaxPool)
"""An output cell sees its own channel alone."""

MOST_AXES = 32

CELLS_AT_ONCE = 1 << 22
"""Cells of the copies of a layer's input that ones are passed back through together."""


# ---- by a cell of the input


def input_column(
    node: Node,
    inputs: Sequence[Array],
    parameters: Mapping[str, Array],
    number: int,
    cell: Cell,
    output: Array,
) -> Column:
    """The output cells that one input cell of one image reaches.

    Args:
        node: the layer.
        inputs: (*shape) each, float64.
        parameters: by short names.
        number: of the input that the cell lies in.
        cell: which.
        output: (*shape) that the engine has: where a function saturates, rounding decides on its slope.
    """
    layer = node.layer
    if isinstance(layer, FROM_OUTPUT):
        return _slope(layer, output, cell)
    if isinstance(layer, KERNEL_LAYERS):
        return kernel_input_column(node, inputs[0].shape, dict(parameters), cell)
    with np.errstate(all="ignore"):
        if isinstance(layer, LINEAR):
            return _answer_to_a_one(layer, [np.zeros_like(x) for x in inputs], parameters, number, cell)
        if isinstance(layer, MULTILINEAR) or (isinstance(layer, Divide) and number == 0):
            return _answer_to_a_one(layer, inputs, parameters, number, cell)
        if isinstance(layer, ImageNorm):
            return _normalization_column(layer, inputs[0], parameters, cell)
        return _ones_passed_back(layer, inputs, parameters, number, cell)


def _slope(layer: Layer, y: Array, cell: Cell) -> Column:
    """dy/dx from y in y's own type, constants included: 1 - y^2 of a y near 1 depends on its last bits."""
    after = np.array([y[cell]])
    with np.errstate(all="ignore"):
        (slope,), _ = definition(layer).backward(layer, np.ones_like(after), (after, after), Rule.GRADIENT)
    return Column(np.array([cell]), Factor("derivative", slope.astype(np.float64)))


def _answer_to_a_one(
    layer: Layer, inputs: Sequence[Array], parameters: Mapping[str, Array], number: int, cell: Cell
) -> Column:
    """dy/dx[cell] of a y that is linear in x: y of a one there, less y of nothing."""
    changed = [x[None] for x in inputs]
    changed[number] = np.zeros_like(changed[number])
    nothing = _forward(layer, changed, parameters)
    changed[number][(0, *cell)] = 1
    derivatives = (_forward(layer, changed, parameters) - nothing)[0]
    return _nonzero(derivatives, "derivative")


def _nonzero(derivatives: Array, name: str) -> Column:
    cells = np.argwhere(derivatives != 0)
    return Column(cells, Factor(name, derivatives[tuple(cells.T)]))


def _forward(
    layer: Layer, inputs: Sequence[Array], parameters: Mapping[str, Array], images: int = 1
) -> Array:
    """A layer's output, an array of its own even where the layer only looks at its input otherwise."""
    return np.array(definition(layer).forward(layer, inputs, parameters, Context(images=images))[0])


def _normalization_column(layer: ImageNorm, x: Array, parameters: Mapping[str, Array], cell: Cell) -> Column:
    """dx^/dx is symmetric: its column is what backward answers to a one; y is gamma x^ + beta."""
    plain = dict(parameters)
    gamma = np.ones(())
    if layer.affine:
        gamma = parameters["weight"]
        plain = {"weight": np.ones_like(gamma, np.float64), "bias": np.zeros_like(gamma, np.float64)}
        gamma = gamma if isinstance(layer, LayerNorm) else gamma.reshape(-1, *(1,) * (x.ndim - 1))
    rules = definition(layer)
    _, cache = rules.forward(layer, [x[None]], plain, Context())
    one = np.zeros_like(x[None])
    one[(0, *cell)] = 1
    (share,), _ = rules.backward(layer, one, cache, Rule.GRADIENT)
    return _nonzero(gamma * share[0], "derivative")


def _ones_passed_back(
    layer: Layer, inputs: Sequence[Array], parameters: Mapping[str, Array], number: int, cell: Cell
) -> Column:
    """dy[o]/dx[cell] for every o that sees the cell, each from a one at o passed back to x."""
    inputs, cell, origin = _surroundings(layer, inputs, cell)
    reached = _reached(layer, inputs, parameters, number, cell)
    at_once = max(1, CELLS_AT_ONCE // sum(x.size for x in inputs))
    rules, parts = definition(layer), [np.zeros(0)]
    for start in range(0, len(reached), at_once):
        some = reached[start : start + at_once]
        copies = [np.repeat(x[None], len(some), axis=0) for x in inputs]
        output, cache = rules.forward(layer, copies, parameters, Context(images=len(some)))
        ones = np.zeros_like(output)
        ones[(np.arange(len(some)), *some.T)] = 1
        shares, _ = rules.backward(layer, ones, cache, Rule.GRADIENT)
        parts.append(np.moveaxis(shares[number], 0, -1)[cell])
    return Column(reached + origin[: reached.shape[1]], Factor("derivative", np.concatenate(parts)))


def _surroundings(layer: Layer, inputs: Sequence[Array], cell: Cell) -> tuple[list[Array], Cell, Array]:
    """The part of the inputs that matters, the cell in it, and where that part's outputs lie in the whole."""
    if isinstance(layer, AT_A_POSITION):
        part = (slice(None), *(slice(i, i + 1) for i in cell[1:]))
        own = (cell[0], *(0 for _ in cell[1:]))
        return [x[part] for x in inputs], own, np.array((0, *cell[1:]))
    if isinstance(layer, IN_A_CHANNEL):
        channel = cell[0]
        origin = np.array((channel, *(0 for _ in cell[1:])))
        return [x[channel : channel + 1] for x in inputs], (0, *cell[1:]), origin
    return list(inputs), cell, np.zeros(MOST_AXES, np.int64)


def _reached(
    layer: Layer, inputs: Sequence[Array], parameters: Mapping[str, Array], number: int, cell: Cell
) -> Array:
    """(K, axes) output cells that see a cell: where a NaN there arrives."""
    probe = [x[None].copy() for x in inputs]
    before = np.isnan(_forward(layer, probe, parameters)[0])
    probe[number][(0, *cell)] = np.nan
    return np.argwhere(np.isnan(_forward(layer, probe, parameters)[0]) & ~before)


# ---- by a number of a parameter


def parameter_column(
    node: Node,
    inputs: Sequence[Array],
    parameters: Mapping[str, Array],
    name: str,
    at: Cell,
    output: tuple[int, ...],
) -> Column:
    """The output cells of a batch that one number of a parameter reaches.

    Args:
        node: the layer, which is linear in the parameter, as all are that have trainable ones.
        inputs: (N, *shape) each, float64.
        parameters: by short names.
        name: of the parameter.
        at: which number of it.
        output: (N, *shape) of the layer's output.
    """
    if isinstance(node.layer, KERNEL_LAYERS):
        return kernel_parameter_column(node, inputs[0], node.inputs[0], name, at, output[1:])
    changed = dict(parameters)
    changed[name] = np.zeros(parameters[name].shape)
    with np.errstate(all="ignore"):
        nothing = _forward(node.layer, inputs, changed, output[0])
        changed[name][at] = 1
        derivatives = _forward(node.layer, inputs, changed, output[0]) - nothing
    return _nonzero(derivatives, "derivative")
