"""Definition of the convolutions, for any number of spatial axes.

The equations are written for two. x is the padded input, S the stride, D the dilation, delta = dJ/dz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import kernel_terms
from pellucid.engines.reference.windows import pad, pad_adjoint, window_cells, windows
from pellucid.layers import AxisWindow, Conv1d, Conv2d, Layer, Shape
from pellucid.layers.convolution import Convolution


@dataclass(frozen=True)
class Block:
    """Neighbouring output maps that see the same input maps: one dense convolution.

    A plain convolution is one block, a grouped one a block a group; a connection table has a block for each
    run of equal rows.
    """

    inputs: list[int]
    outputs: slice
    kernels: slice


@dataclass(frozen=True)
class Cache:
    """What backward needs of a forward pass."""

    padded: Array
    weight: Array
    axes: tuple[AxisWindow, ...]


def blocks(layer: Convolution, in_channels: int) -> list[Block]:
    """The dense convolutions that make up the layer."""
    result = []
    output = kernel = 0
    for row, equal in groupby(layer.table(in_channels)):
        outputs = len(list(equal))
        kernels = outputs * len(row)
        result.append(Block(list(row), slice(output, output + outputs), slice(kernel, kernel + kernels)))
        output, kernel = output + outputs, kernel + kernels
    return result


def rotate(kernels: Array, rank: int) -> Array:
    """Every kernel rotated by 180 degrees: reversed along its spatial axes, the last `rank`."""
    return np.flip(kernels, tuple(range(-rank, 0)))


def block_weight(layer: Convolution, weight: Array, block: Block) -> Array:
    """(outputs, inputs, *kernel) of one block, as the cross-correlation uses it."""
    W = weight.reshape(-1, *layer.kernel)[block.kernels]
    W = W.reshape(-1, len(block.inputs), *layer.kernel)
    return rotate(W, layer.rank) if layer.flip else W


def kernel_places(layer: Convolution, shape: Shape) -> list[Cell]:
    """Where each kernel lies in the parameter "weight" of this shape, in the order of `blocks`."""
    return list(np.ndindex(shape[: len(shape) - layer.rank]))


def own_tap(layer: Convolution, tap: Cell) -> Cell:
    """Where the weight that is applied at a tap lies in its kernel: elsewhere in a true convolution."""
    return tuple(n - 1 - k for n, k in zip(layer.kernel, tap, strict=True)) if layer.flip else tap


def correlate(x: Array, W: Array, axes: Sequence[AxisWindow]) -> Array:
    """Cross-correlation of (N, C, *padded) with (O, C, *kernel): (N, O, *output)."""
    # z[n,o,i,j] = sum_{c,u,v} W[o,c,u,v] x[n,c,iS+uD,jS+vD]
    taps = tuple(range(2 + len(axes), 2 + 2 * len(axes)))
    z = np.tensordot(windows(x, axes), W, axes=((1, *taps), tuple(range(1, W.ndim))))
    return np.moveaxis(z, -1, 1)


def correlate_weight(x: Array, delta: Array, axes: Sequence[AxisWindow]) -> Array:
    """dJ/dW, (O, C, *kernel): the correlation of the input with the error signal."""
    # dJ/dW[o,c,u,v] = sum_{n,i,j} delta[n,o,i,j] x[n,c,iS+uD,jS+vD]
    positions = (0, *range(2, 2 + len(axes)))
    return np.tensordot(delta, windows(x, axes), axes=(positions, positions))


def correlate_input(W: Array, delta: Array, axes: Sequence[AxisWindow]) -> Array:
    """dJ/dx, (N, C, *padded): the full correlation of delta with W rotated, channel axes swapped."""
    rank = len(axes)
    # Stride puts S - 1 zeros between the cells of delta; input that no window reaches has gradient 0.
    stuffed = np.zeros(
        (*delta.shape[:2], *((axis.output - 1) * axis.stride + 1 for axis in axes)), delta.dtype
    )
    cells = (slice(None, None, axis.stride) for axis in axes)
    stuffed[(slice(None), slice(None), *cells)] = delta
    # dJ/dx[n,c,i,j] = sum_{o,u,v} W[o,c,F-1-u,F-1-v] stuffed[n,o,i+uD-(F_eff-1),j+vD-(F_eff-1)]
    full = [
        AxisWindow(length, axis.kernel, 1, axis.dilation, axis.extent - 1, axis.extent - 1)
        for length, axis in zip(stuffed.shape[2:], axes, strict=True)
    ]
    reached = correlate(pad(stuffed, full), np.swapaxes(rotate(W, rank), 0, 1), full)
    lengths = [axis.pad_start + axis.input + axis.pad_end for axis in axes]
    unreached = [(0, length - size) for length, size in zip(lengths, reached.shape[2:], strict=True)]
    return np.pad(reached, [(0, 0), (0, 0), *unreached])


def forward(
    layer: Convolution, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Cache]:
    """z = W * x + b, block by block."""
    (x,) = inputs
    axes = layer.window([x.shape[1:]])
    padded = pad(x, axes, layer.padding_mode)
    weight = parameters["weight"]
    z = np.empty((len(x), layer.out_channels, *(axis.output for axis in axes)), x.dtype)
    for block in blocks(layer, x.shape[1]):
        z[:, block.outputs] = correlate(padded[:, block.inputs], block_weight(layer, weight, block), axes)
    if layer.bias:
        z += parameters["bias"].reshape(-1, *(1,) * layer.rank)
    return z, Cache(padded, weight, axes)


def backward(layer: Convolution, gradient: Array, cache: Cache, rule: Rule) -> Backward:
    """dJ/dx, dJ/dW and dJ/db from delta = dJ/dz."""
    delta, axes = gradient, cache.axes
    d_padded = np.zeros_like(cache.padded)
    d_weight = np.empty((cache.weight.size // int(np.prod(layer.kernel)), *layer.kernel), delta.dtype)
    for block in blocks(layer, cache.padded.shape[1]):
        W = block_weight(layer, cache.weight, block)
        d_padded[:, block.inputs] += correlate_input(W, delta[:, block.outputs], axes)
        d_W = correlate_weight(cache.padded[:, block.inputs], delta[:, block.outputs], axes)
        d_W = rotate(d_W, layer.rank) if layer.flip else d_W
        d_weight[block.kernels] = d_W.reshape(-1, *layer.kernel)
    gradients = {"weight": d_weight.reshape(cache.weight.shape)}
    if layer.bias:
        # dJ/db[o] = sum_{n,i,j} delta[n,o,i,j]
        gradients["bias"] = delta.sum(axis=(0, *range(2, delta.ndim)))
    return (pad_adjoint(d_padded, axes, layer.padding_mode),), gradients


def terms(layer: Convolution, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """One product for every tap that shows an input cell, in the order of W; then the bias."""
    (x,) = inputs
    output, position = cell[0], cell[1:]
    axes = layer.window([x.shape])
    (block,) = (b for b in blocks(layer, len(x)) if b.outputs.start <= output < b.outputs.stop)
    kernels = kernel_places(layer, parameters["weight"].shape)
    first = block.kernels.start + (output - block.outputs.start) * len(block.inputs)
    seen = [
        (own_tap(layer, tap), source)
        for tap, source in window_cells(axes, position, layer.padding_mode)
        if source is not None
    ]
    products = [
        ((channel, *source), (*kernels[first + c], *tap))
        for c, channel in enumerate(block.inputs)
        for tap, source in seen
    ]
    bias = parameters["bias"][output] if layer.bias else None
    return kernel_terms(x, parameters["weight"], products, bias)


DEFINITIONS: dict[type[Layer], Definition] = dict.fromkeys(
    (Conv1d, Conv2d), Definition(forward, backward, terms)
)
