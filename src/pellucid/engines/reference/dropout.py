"""Definition of dropout and of its random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.philox import philox4x32
from pellucid.engines.reference.terms import single_term
from pellucid.layers import Dropout, Dropout2d, DropoutLayer, Layer, StochasticDepth


def kept_cells(rate: float, shape: tuple[int, ...], context: Context, part: int = 1) -> NDArray[np.bool_]:
    """Which cells of a batch (N, ...) stay: those whose u in [0, 1) is at least `rate`.

    u = (word >> 8) 2^-24, where word is number k % 4 of the Philox4x32-10 output for the key (seed low, seed
    high) and the counter (k // 4, image, node, step low); k = cell // part, and cell counts in NCHW order
    inside an image. rate is rounded to float32 first, whatever the engine's type.

    Args:
        rate: share of the parts that are lost.
        shape: of the batch.
        context: what else the numbers follow from.
        part: neighbouring cells that share a draw.
    """
    count, cells = shape[0], math.prod(shape[1:]) // part
    counter = np.zeros((count, -(-cells // 4), 4), np.uint32)
    counter[..., 0] = np.arange(counter.shape[1])
    counter[..., 1] = np.arange(count)[:, None]
    counter[..., 2] = context.node
    counter[..., 3] = context.step & 0xFFFFFFFF
    words = philox4x32(counter, (context.seed & 0xFFFFFFFF, context.seed >> 32 & 0xFFFFFFFF))
    u = (words >> np.uint32(8)) * 2.0**-24
    kept = (u >= np.float32(rate)).reshape(count, -1)[:, :cells]
    return np.repeat(kept, part, axis=1).reshape(shape)


def forward(
    layer: DropoutLayer, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, NDArray[np.bool_] | None]:
    """y = x m / (1 - rate) in training, m being 1 for kept parts; y = x else."""
    (x,) = inputs
    if not context.training:
        return x, None
    m = kept_cells(layer.rate, x.shape, context, layer.part(x.shape[1:]))
    return np.where(m, x * x.dtype.type(1 / (1 - layer.rate)), x.dtype.type(0)), m


def backward(layer: DropoutLayer, gradient: Array, cache: NDArray[np.bool_] | None, rule: Rule) -> Backward:
    """dJ/dx = dJ/dy m / (1 - rate) in training; dJ/dy else."""
    if cache is None:
        return (gradient,), {}
    number = gradient.dtype.type
    return (np.where(cache, gradient * number(1 / (1 - layer.rate)), number(0)),), {}


def terms(layer: DropoutLayer, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The input cell: outside training nothing happens."""
    return single_term(inputs[0], cell)


DEFINITIONS: dict[type[Layer], Definition] = dict.fromkeys(
    (Dropout, Dropout2d, StochasticDepth), Definition(forward, backward, terms)
)
