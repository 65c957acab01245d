"""Definition of the locally connected layers, for any number of spatial axes.

The equations are written for two. x is the padded input, S the stride, delta = dJ/dz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import kernel_terms
from pellucid.engines.reference.windows import pad, pad_adjoint, window_cells, windows, windows_adjoint
from pellucid.layers import AxisWindow, Layer, LocallyConnected1d, LocallyConnected2d
from pellucid.layers.locally_connected import LocallyConnected

Axes = tuple[AxisWindow, ...]


@dataclass(frozen=True)
class Cache:
    """The padded input and the weights."""

    padded: Array
    weight: Array
    axes: Axes


def _as_matrices(weight: Array, rank: int) -> Array:
    """(out_channels, *output, in_channels, *kernel) to (positions, out_channels, cells of a window)."""
    positions = int(np.prod(weight.shape[1 : 1 + rank]))
    return weight.reshape(len(weight), positions, -1).swapaxes(0, 1)


def _as_columns(seen: Array, rank: int) -> Array:
    """(N, C, *output, *kernel) to (positions, cells of a window, N)."""
    spatial = tuple(range(2, 2 + rank))
    ordered = seen.transpose(*spatial, 1, *range(2 + rank, 2 + 2 * rank), 0)
    return ordered.reshape(int(np.prod(ordered.shape[:rank])), -1, len(seen))


def forward(
    layer: LocallyConnected, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Cache]:
    """z[o,i,j] = b[o,i,j] + sum_{c,u,v} W[o,i,j,c,u,v] x[c,iS+u-P,jS+v-P]: at each position one product."""
    (x,) = inputs
    axes, weight = layer.window([x.shape[1:]]), parameters["weight"]
    padded = pad(x, axes)
    products = _as_matrices(weight, layer.rank) @ _as_columns(windows(padded, axes), layer.rank)
    z = products.transpose(2, 1, 0).reshape(len(x), *layer.output_shape([x.shape[1:]]))
    return (z + parameters["bias"] if layer.bias else z), Cache(padded, weight, axes)


def backward(layer: LocallyConnected, gradient: Array, cache: Cache, rule: Rule) -> Backward:
    """dJ/dW[o,i,j,c,u,v] = sum_n delta[o,i,j] x[c,iS+u,jS+v];  dJ/dx collects W delta from all windows."""
    rank, images = layer.rank, len(gradient)
    delta = gradient.reshape(*gradient.shape[:2], -1).transpose(2, 1, 0)
    seen = windows(cache.padded, cache.axes)
    d_weight = delta @ _as_columns(seen, rank).swapaxes(1, 2)
    gradients = {"weight": d_weight.swapaxes(0, 1).reshape(cache.weight.shape)}
    if layer.bias:
        gradients["bias"] = gradient.sum(axis=0)
    d_seen = _as_matrices(cache.weight, rank).swapaxes(1, 2) @ delta
    outputs, kernel = gradient.shape[2:], cache.weight.shape[-rank:]
    d_seen = d_seen.reshape(*outputs, cache.padded.shape[1], *kernel, images)
    d_seen = d_seen.transpose(-1, rank, *range(rank), *range(rank + 1, 2 * rank + 1))
    return (pad_adjoint(windows_adjoint(d_seen, cache.axes), cache.axes),), gradients


def terms(layer: LocallyConnected, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """One product for every tap inside the input, then the cell's own bias."""
    (x,) = inputs
    seen = list(window_cells(layer.window([x.shape]), cell[1:], "zeros"))
    products = [
        ((channel, *source), (*cell, channel, *tap))
        for channel in range(len(x))
        for tap, source in seen
        if source is not None
    ]
    return kernel_terms(x, parameters["weight"], products, parameters["bias"][cell] if layer.bias else None)


DEFINITIONS: dict[type[Layer], Definition] = dict.fromkeys(
    (LocallyConnected1d, LocallyConnected2d), Definition(forward, backward, terms)
)
