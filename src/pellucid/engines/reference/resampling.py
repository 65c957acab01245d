"""Definition of the layers that take part of a map, surround it or enlarge it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference import windows
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import single_term, weighted_terms
from pellucid.layers import Crop, Layer, Pad, Shape, Slice, Upsample


def _with_one_channel(x: Array) -> Array:
    """An axis of length 1 behind the batch, so that channels are padded like any axis."""
    return x[:, None]


def pad_forward(
    layer: Pad, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Shape]:
    """y[c,i,j] = x[c, i - P, j - P], beyond the edge by the mode."""
    (x,) = inputs
    sides = layer.sides(x.shape[1:])
    return windows.pad(_with_one_channel(x), sides, layer.mode, layer.value)[:, 0], x.shape[1:]


def pad_backward(layer: Pad, gradient: Array, cache: Shape, rule: Rule) -> Backward:
    """Every cell collects from all the positions that show it."""
    sides = layer.sides(cache)
    return (windows.pad_adjoint(_with_one_channel(gradient), sides, layer.mode)[:, 0],), {}


def pad_terms(layer: Pad, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The one cell that was copied, or the constant."""
    (x,) = inputs
    sources = [
        int(windows.padding_sources(axis, layer.mode)[position])
        for axis, position in zip(layer.sides(x.shape), cell, strict=True)
    ]
    if min(sources) >= 0:
        return single_term(x, tuple(sources))
    constant = np.array([layer.value], x.dtype)
    return Terms(constant, np.full((1, 1 + x.ndim), -1, np.int64), float(constant[0]))


def _middle(layer: Crop, shape: Shape) -> tuple[slice, ...]:
    """Of an array with the batch first."""
    starts = [-axis.pad_start for axis in layer.sides(shape)]
    lengths = layer.output_shape([shape])
    return (slice(None), *(slice(s, s + n) for s, n in zip(starts, lengths, strict=True)))


def crop_forward(
    layer: Crop, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Shape]:
    """y[c,i,j] = x[c, i + P, j + P]."""
    (x,) = inputs
    return x[_middle(layer, x.shape[1:])], x.shape[1:]


def crop_backward(layer: Crop, gradient: Array, cache: Shape, rule: Rule) -> Backward:
    """dJ/dx[c, i + P, j + P] = dJ/dy[c,i,j], 0 on the border."""
    share = np.zeros((len(gradient), *cache), gradient.dtype)
    share[_middle(layer, cache)] = gradient
    return (share,), {}


def crop_terms(layer: Crop, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The one cell that was copied."""
    (x,) = inputs
    starts = (-axis.pad_start for axis in layer.sides(x.shape))
    return single_term(x, tuple(i + start for i, start in zip(cell, starts, strict=True)))


def _chosen(layer: Slice, shape: Shape) -> tuple[slice, ...]:
    """Of an array with the batch first."""
    kept = layer.cells(shape)
    return (*(slice(None),) * (1 + layer.axis), slice(kept.start, kept.stop, kept.step))


def slice_forward(
    layer: Slice, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Shape]:
    """y[k] = x[start + k step] along the axis."""
    (x,) = inputs
    return x[_chosen(layer, x.shape[1:])], x.shape[1:]


def slice_backward(layer: Slice, gradient: Array, cache: Shape, rule: Rule) -> Backward:
    """dJ/dx[start + k step] = dJ/dy[k], 0 for the cells left out."""
    share = np.zeros((len(gradient), *cache), gradient.dtype)
    share[_chosen(layer, cache)] = gradient
    return (share,), {}


def slice_terms(layer: Slice, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The one cell that was copied."""
    (x,) = inputs
    kept, axis = layer.cells(x.shape), layer.axis
    return single_term(x, (*cell[:axis], kept[cell[axis]], *cell[axis + 1 :]))


def _mixing_matrices(layer: Upsample, shape: Shape, dtype: np.dtype[np.generic]) -> list[Array]:
    """For every spatial axis M[o,i], the share of input i in output o."""
    matrices = []
    for length, mixtures in zip(shape[1:], layer.neighbours([shape]), strict=True):
        M = np.zeros((len(mixtures), length), dtype)
        for o, mixture in enumerate(mixtures):
            for i, share in mixture:
                M[o, i] = share
        matrices.append(M)
    return matrices


def upsample_forward(
    layer: Upsample, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, Shape]:
    """y[c,o,q] = sum_{i,j} M[o,i] N[q,j] x[c,i,j], one matrix an axis."""
    (x,) = inputs
    y = x
    for axis, M in enumerate(_mixing_matrices(layer, x.shape[1:], x.dtype), start=2):
        y = np.moveaxis(np.tensordot(y, M, (axis, 1)), -1, axis)
    return y, x.shape[1:]


def upsample_backward(layer: Upsample, gradient: Array, cache: Shape, rule: Rule) -> Backward:
    """dJ/dx[c,i,j] = sum_{o,q} M[o,i] N[q,j] dJ/dy[c,o,q]."""
    share = gradient
    for axis, M in enumerate(_mixing_matrices(layer, cache, gradient.dtype), start=2):
        share = np.moveaxis(np.tensordot(share, M, (axis, 0)), -1, axis)
    return (share,), {}


def upsample_terms(layer: Upsample, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The mixed cells, each times the product of its shares."""
    (x,) = inputs
    axes = layer.neighbours([x.shape])
    mixtures = (mixtures[position] for mixtures, position in zip(axes, cell[1:], strict=True))
    products = [
        ((cell[0], *(i for i, _ in parts)), prod(share for _, share in parts)) for parts in product(*mixtures)
    ]
    return weighted_terms(x, products)


DEFINITIONS: dict[type[Layer], Definition] = {
    Crop: Definition(crop_forward, crop_backward, crop_terms),
    Pad: Definition(pad_forward, pad_backward, pad_terms),
    Slice: Definition(slice_forward, slice_backward, slice_terms),
    Upsample: Definition(upsample_forward, upsample_backward, upsample_terms),
}
