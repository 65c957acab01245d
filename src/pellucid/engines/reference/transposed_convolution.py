"""Definition of the transposed convolutions, for any number of spatial axes.

Each is the input gradient of the convolution that it matches: forward is that one's backward, and the
reverse. The equations are written for two axes; delta = dJ/dz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.convolution import correlate, correlate_input, correlate_weight
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import kernel_terms
from pellucid.engines.reference.windows import pad, pad_adjoint
from pellucid.layers import AxisWindow, ConvTranspose1d, ConvTranspose2d, Layer
from pellucid.layers.transposed_convolution import TransposedConvolution


@dataclass(frozen=True)
class Cache:
    """What backward needs: x as long as the matching convolution's output, the weights, the windows of that
    convolution, and the lengths of x itself."""

    x: Array
    weight: Array
    axes: tuple[AxisWindow, ...]
    lengths: tuple[int, ...]


def _groups(layer: TransposedConvolution, weight: Array) -> list[tuple[slice, slice]]:
    """(channels of x, channels of z) of every group."""
    inputs, outputs = len(weight) // layer.groups, layer.out_channels // layer.groups
    return [
        (slice(g * inputs, (g + 1) * inputs), slice(g * outputs, (g + 1) * outputs))
        for g in range(layer.groups)
    ]


def _extended(x: Array, axes: Sequence[AxisWindow]) -> Array:
    """x, and zeros where the convolution would have more outputs: output_padding leaves room for them."""
    missing = [(0, axis.output - length) for axis, length in zip(axes, x.shape[2:], strict=True)]
    return np.pad(x, [(0, 0), (0, 0), *missing])


def forward(
    layer: TransposedConvolution, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Cache]:
    """z[o,iS+uD-P,jS+vD-P] += W[c,o,u,v] x[c,i,j], then b[o]: x is what the convolution calls delta."""
    (x,) = inputs
    weight = parameters["weight"]
    axes = layer.convolution_window([x.shape[1:]])
    extended = _extended(x, axes)
    padded = np.empty((len(x), layer.out_channels, *(axis.padded for axis in axes)), x.dtype)
    for channels, outputs in _groups(layer, weight):
        padded[:, outputs] = correlate_input(weight[channels], extended[:, channels], axes)
    z = pad_adjoint(padded, axes)
    if layer.bias:
        z += parameters["bias"].reshape(-1, *(1,) * layer.rank)
    return z, Cache(extended, weight, axes, x.shape[2:])


def backward(layer: TransposedConvolution, gradient: Array, cache: Cache, rule: Rule) -> Backward:
    """dJ/dx is the convolution of delta; dJ/dW its weight gradient, x and delta in each other's place."""
    padded = pad(gradient, cache.axes)
    dx, d_weight = np.empty_like(cache.x), np.empty_like(cache.weight)
    for channels, outputs in _groups(layer, cache.weight):
        dx[:, channels] = correlate(padded[:, outputs], cache.weight[channels], cache.axes)
        d_weight[channels] = correlate_weight(padded[:, outputs], cache.x[:, channels], cache.axes)
    gradients = {"weight": d_weight}
    if layer.bias:
        gradients["bias"] = gradient.sum(axis=(0, *range(2, gradient.ndim)))
    own = tuple(slice(length) for length in cache.lengths)
    return (dx[(slice(None), slice(None), *own)],), gradients


def terms(layer: TransposedConvolution, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """One product for every input cell whose kernel covers this output cell, then the bias."""
    (x,) = inputs
    weight, output, position = parameters["weight"], cell[0], cell[1:]
    channels, outputs = next(g for g in _groups(layer, weight) if g[1].start <= output < g[1].stop)
    axes = layer.convolution_window([x.shape])
    pairs = [
        [(i, tap) for tap, i in _covering(axis, z) if i < length]
        for axis, z, length in zip(axes, position, x.shape[1:], strict=True)
    ]
    products = [
        (
            (channel, *(i for i, _ in covering)),
            (channel, output - outputs.start, *(tap for _, tap in covering)),
        )
        for channel in range(channels.start, channels.stop)
        for covering in product(*pairs)
    ]
    return kernel_terms(x, weight, products, parameters["bias"][output] if layer.bias else None)


def _covering(axis: AxisWindow, position: int) -> list[tuple[int, int]]:
    """(tap, window) for the windows of one axis that show a position through that tap."""
    starts = ((tap, position + axis.pad_start - tap * axis.dilation) for tap in range(axis.kernel))
    return [(tap, start // axis.stride) for tap, start in starts if start >= 0 and start % axis.stride == 0]


DEFINITIONS: dict[type[Layer], Definition] = dict.fromkeys(
    (ConvTranspose1d, ConvTranspose2d), Definition(forward, backward, terms)
)
