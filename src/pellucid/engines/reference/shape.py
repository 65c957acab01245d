"""Definition of the layers that hold or rearrange numbers, and of means. Input has none: it is given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from pellucid.engines.engine import Array, Rule, Terms
from pellucid.engines.reference.definition import Backward, Cell, Context, Definition, ShortNames
from pellucid.engines.reference.terms import single_term, weighted_terms
from pellucid.layers import ChannelShuffle, Flatten, Layer, Mean, Parameter, Reshape, Transpose


def parameter_forward(
    layer: Parameter, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, None]:
    """y = w, the same for every image."""
    return np.broadcast_to(parameters["value"], (context.images, *layer.shape)), None


def parameter_backward(layer: Parameter, gradient: Array, cache: None, rule: Rule) -> Backward:
    """dJ/dw = sum of dJ/dy over the images."""
    return (), {"value": gradient.sum(axis=0)}


def parameter_terms(layer: Parameter, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The number itself; no input stands behind it."""
    addend = parameters["value"][cell].reshape(1)
    return Terms(addend, np.full((1, 1 + len(cell)), -1, np.int64), float(addend[0]))


def flatten_forward(
    layer: Flatten, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, tuple[int, ...]]:
    """y[(c H + i) W + j] = x[c,i,j]."""
    (x,) = inputs
    return x.reshape(len(x), int(np.prod(x.shape[1:]))), x.shape


def flatten_backward(layer: Flatten, gradient: Array, cache: tuple[int, ...], rule: Rule) -> Backward:
    """dJ/dx[c,i,j] = dJ/dy[(c H + i) W + j]."""
    return (gradient.reshape(cache),), {}


def flatten_terms(layer: Flatten, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The one cell that was copied."""
    (x,) = inputs
    return single_term(x, tuple(int(i) for i in np.unravel_index(cell[0], x.shape)))


def reshape_forward(
    layer: Reshape, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, tuple[int, ...]]:
    """y[k] = x[k], cells counted with the last axis running fastest."""
    (x,) = inputs
    return x.reshape(len(x), *layer.output_shape([x.shape[1:]])), x.shape


def reshape_backward(layer: Reshape, gradient: Array, cache: tuple[int, ...], rule: Rule) -> Backward:
    """dJ/dx[k] = dJ/dy[k]."""
    return (gradient.reshape(cache),), {}


def reshape_terms(layer: Reshape, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The one cell that was copied."""
    (x,) = inputs
    k = np.ravel_multi_index(cell, layer.output_shape([x.shape]))
    return single_term(x, tuple(int(i) for i in np.unravel_index(int(k), x.shape)))


def transpose_forward(
    layer: Transpose, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, None]:
    """y[i_axes] = x[i]."""
    return inputs[0].transpose(0, *(1 + axis for axis in layer.axes)), None


def transpose_backward(layer: Transpose, gradient: Array, cache: None, rule: Rule) -> Backward:
    """dJ/dx[i] = dJ/dy[i_axes]: the inverse order."""
    return (gradient.transpose(0, *(1 + int(axis) for axis in np.argsort(layer.axes))),), {}


def transpose_terms(layer: Transpose, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """The one cell that was copied."""
    return single_term(inputs[0], tuple(cell[int(axis)] for axis in np.argsort(layer.axes)))


def _dealt(x: Array, hands: int) -> Array:
    """Channels as `hands` rows of neighbours, read column by column."""
    count, channels = x.shape[:2]
    rows = x.reshape(count, hands, channels // hands, *x.shape[2:])
    return rows.swapaxes(1, 2).reshape(x.shape)


def shuffle_forward(
    layer: ChannelShuffle, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, None]:
    """y[k G + g] = x[g C/G + k]."""
    return _dealt(inputs[0], layer.groups), None


def shuffle_backward(layer: ChannelShuffle, gradient: Array, cache: None, rule: Rule) -> Backward:
    """dJ/dx[g C/G + k] = dJ/dy[k G + g]: a shuffle with C/G groups."""
    return (_dealt(gradient, gradient.shape[1] // layer.groups),), {}


def shuffle_terms(
    layer: ChannelShuffle, inputs: Sequence[Array], parameters: ShortNames, cell: Cell
) -> Terms:
    """The one cell that was copied."""
    (x,) = inputs
    k, g = divmod(cell[0], layer.groups)
    return single_term(x, (g * (len(x) // layer.groups) + k, *cell[1:]))


def _own_axes(layer: Mean) -> tuple[int, ...]:
    """The axes of an array with the batch first."""
    return tuple(1 + axis for axis in layer.axes)


def mean_forward(
    layer: Mean, inputs: Sequence[Array], parameters: ShortNames, context: Context
) -> tuple[Array, tuple[int, ...]]:
    """y = 1/n sum_{axes} x."""
    (x,) = inputs
    y = x.mean(axis=_own_axes(layer), dtype=x.dtype)
    return y.reshape(len(x), *layer.output_shape([x.shape[1:]])), x.shape


def mean_backward(layer: Mean, gradient: Array, cache: tuple[int, ...], rule: Rule) -> Backward:
    """dJ/dx = dJ/dy / n for each of the n cells."""
    axes = _own_axes(layer)
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(cache))
    n = gradient.dtype.type(np.prod([cache[axis] for axis in axes]))
    return (np.broadcast_to(gradient.reshape(kept) / n, cache),), {}


def mean_terms(layer: Mean, inputs: Sequence[Array], parameters: ShortNames, cell: Cell) -> Terms:
    """Each cell along the axes times 1/n."""
    (x,) = inputs
    others = [axis for axis in range(x.ndim) if axis not in layer.axes]
    place = cell if layer.keep_axes else dict(zip(others, cell, strict=False))
    ranges = [range(x.shape[axis]) if axis in layer.axes else (place[axis],) for axis in range(x.ndim)]
    cells = list(product(*ranges))
    return weighted_terms(x, [(c, 1 / len(cells)) for c in cells])


DEFINITIONS: dict[type[Layer], Definition] = {
    ChannelShuffle: Definition(shuffle_forward, shuffle_backward, shuffle_terms),
    Flatten: Definition(flatten_forward, flatten_backward, flatten_terms),
    Mean: Definition(mean_forward, mean_backward, mean_terms),
    Parameter: Definition(parameter_forward, parameter_backward, parameter_terms),
    Reshape: Definition(reshape_forward, reshape_backward, reshape_terms),
    Transpose: Definition(transpose_forward, transpose_backward, transpose_terms),
}
