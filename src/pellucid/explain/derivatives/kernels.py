"""Columns of the layers of kernels, whose derivatives are their weights and what they see.

In the equations x is the input, delta = dJ/dz, S the stride, D the dilation, P the padding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.engines.engine import Array
from pellucid.engines.reference.convolution import blocks, kernel_places
from pellucid.engines.reference.windows import padding_sources
from pellucid.explain.derivatives.column import Column
from pellucid.explain.sums import Cell, Factor
from pellucid.graph import Node
from pellucid.layers import AxisWindow, Linear, Shape
from pellucid.layers.convolution import Convolution
from pellucid.layers.locally_connected import LocallyConnected
from pellucid.layers.transposed_convolution import TransposedConvolution

KERNEL_LAYERS = (Convolution, TransposedConvolution, LocallyConnected, Linear)


def mesh(*axes: Array) -> Array:
    """Every combination of one entry an axis, the last running fastest: (K, axes)."""
    if not axes:
        return np.zeros((1, 0), np.int64)
    grids = np.meshgrid(*axes, indexing="ij")
    return np.stack([grid.reshape(-1) for grid in grids], axis=1).astype(np.int64)


def _join(*parts: Array) -> Array:
    """Columns side by side; a part of one row goes with every row of the others, even with none."""
    (length,) = np.broadcast_shapes(*((len(part),) for part in parts))
    return np.concatenate([np.broadcast_to(part, (length, part.shape[1])) for part in parts], axis=1)


def shown(axis: AxisWindow, mode: str) -> Array:
    """(outputs, taps): the input position that each tap of each window shows; -1 for a constant."""
    sources = padding_sources(axis, mode)
    steps = np.arange(axis.output)[:, None] * axis.stride + np.arange(axis.kernel) * axis.dilation
    shown_by: Array = sources[steps]
    return shown_by


def _pairs(found: Sequence[Array]) -> tuple[Array, Array]:
    """(outputs, taps), (K, axes) each, from the (window, tap) pairs found along every axis."""
    choice = mesh(*(np.arange(len(pairs)) for pairs in found))
    outputs = [pairs[choice[:, a], 0] for a, pairs in enumerate(found)]
    taps = [pairs[choice[:, a], 1] for a, pairs in enumerate(found)]
    return np.stack(outputs, axis=1), np.stack(taps, axis=1)


# ---- by a cell of the input


def input_column(node: Node, shape: Shape, parameters: dict[str, Array], cell: Cell) -> Column:
    """Weights, for a layer of KERNEL_LAYERS that received this shape."""
    layer, weight = node.layer, parameters["weight"]
    if isinstance(layer, Linear):
        # z[o] = sum_i W[o,i] a[i]
        cells = np.arange(len(weight))[:, None]
        places = _join(cells, np.array([cell]))
    elif isinstance(layer, Convolution):
        cells, places = _seen_by_convolution(layer, shape, weight.shape, cell)
    elif isinstance(layer, LocallyConnected):
        # z[o,i,j] = sum W[o,i,j,c,u,v] x[c,iS+u-P,jS+v-P]
        axes = layer.window([shape])
        found = [np.argwhere(shown(axis, "zeros") == i) for axis, i in zip(axes, cell[1:], strict=True)]
        outputs, taps = _pairs(found)
        maps = np.arange(layer.out_channels)
        pick = mesh(maps, np.arange(len(outputs)))
        cells = _join(pick[:, :1], outputs[pick[:, 1]])
        places = _join(cells, np.array([cell[:1]]), taps[pick[:, 1]])
    else:
        assert isinstance(layer, TransposedConvolution)
        cells, places = _reached_by_transposed(layer, shape, cell)
    return Column(cells, Factor(f"{node.name}.weight", weight[tuple(places.T)], places))


def _seen_by_convolution(layer: Convolution, shape: Shape, weight: Shape, cell: Cell) -> tuple[Array, Array]:
    """z[o,i,j] = sum W[o,c,u,v] x[c,iS+uD-P,jS+vD-P]: output cells, and the weights that they see it by."""
    channel, axes = cell[0], layer.window([shape])
    found = [
        np.argwhere(shown(axis, layer.padding_mode) == i) for axis, i in zip(axes, cell[1:], strict=True)
    ]
    outputs, taps = _pairs(found)
    maps, kernels, first = [], [], 0
    for o, row in enumerate(layer.table(shape[0])):
        if channel in row:
            maps.append(o)
            kernels.append(first + row.index(channel))
        first += len(row)
    lead = np.array(kernel_places(layer, weight), np.int64)[kernels].reshape(len(maps), -1)
    pick = mesh(np.arange(len(maps)), np.arange(len(outputs)))
    cells = _join(np.array(maps, np.int64).reshape(-1, 1)[pick[:, 0]], outputs[pick[:, 1]])
    return cells, _join(lead[pick[:, 0]], _turned(layer, taps)[pick[:, 1]])


def _turned(layer: Convolution, taps: Array) -> Array:
    """Where the weights applied at these taps lie in their kernels: elsewhere in a true convolution."""
    return np.array(layer.kernel) - 1 - taps if layer.flip else taps


def _reached_by_transposed(layer: TransposedConvolution, shape: Shape, cell: Cell) -> tuple[Array, Array]:
    """z[o,iS+uD-P,jS+vD-P] += W[c,o,u,v] x[c,i,j]."""
    found = []
    for axis, i in zip(layer.convolution_window([shape]), cell[1:], strict=True):
        reached = shown(axis, "zeros")[i]
        taps = np.flatnonzero(reached >= 0)
        found.append(np.stack([reached[taps], taps], axis=1))
    outputs, taps = _pairs(found)
    per_group = layer.out_channels // layer.groups
    group = cell[0] // (shape[0] // layer.groups)
    pick = mesh(np.arange(per_group), np.arange(len(outputs)))
    cells = _join(group * per_group + pick[:, :1], outputs[pick[:, 1]])
    return cells, _join(np.array([cell[:1]]), pick[:, :1], taps[pick[:, 1]])


# ---- by a number of a parameter


def parameter_column(node: Node, x: Array, source: str, name: str, at: Cell, output: Shape) -> Column:
    """Cells of the input, for a weight of a layer of KERNEL_LAYERS; ones for a bias.

    Args:
        node: the layer.
        x: (N, *shape), what it received.
        source: the node that it came from.
        name: "weight" or "bias".
        at: which number of it.
        output: shape of the layer's output.
    """
    images = np.arange(len(x))
    if name == "bias":
        positions = [np.arange(length) for length in output[len(at) :]]
        cells = mesh(images, *(np.array([i]) for i in at), *positions)
        return Column(cells, Factor("1", np.ones(len(cells))))
    outputs, sources = _used(node, x.shape[1:], at)
    pick = mesh(images, np.arange(len(outputs)))
    seen = _join(pick[:, :1], sources[pick[:, 1]])
    cells = _join(pick[:, :1], outputs[pick[:, 1]])
    return Column(cells, Factor(source, x[tuple(seen.T)], seen))


def _used(node: Node, shape: Shape, at: Cell) -> tuple[Array, Array]:
    """The output cells of one image that use a weight, and the input cells that it multiplies there."""
    layer = node.layer
    if isinstance(layer, Linear):
        # dJ/dW[o,i] = delta[o] a[i]
        return np.array([at[:1]]), np.array([at[1:]])
    if isinstance(layer, LocallyConnected):
        # dJ/dW[o,i,j,c,u,v] = delta[o,i,j] x[c,iS+u-P,jS+v-P]
        place, channel, taps = at[: 1 + layer.rank], at[1 + layer.rank], at[2 + layer.rank :]
        axes = layer.window([shape])
        position = [shown(a, "zeros")[o, k] for a, o, k in zip(axes, place[1:], taps, strict=True)]
        inside = min(position) >= 0
        return np.array([place])[: int(inside)], np.array([(channel, *position)])[: int(inside)]
    if isinstance(layer, TransposedConvolution):
        # dJ/dW[c,o,u,v] = sum_{i,j} x[c,i,j] delta[o,iS+uD-P,jS+vD-P]
        axes, taps = layer.convolution_window([shape]), at[2:]
        reached = [shown(a, "zeros")[:length, k] for a, length, k in zip(axes, shape[1:], taps, strict=True)]
        outputs, sources = _along(reached, swap=True)
        group = at[0] // (shape[0] // layer.groups)
        channel = group * (layer.out_channels // layer.groups) + at[1]
        return _join(np.array([[channel]]), outputs), _join(np.array([at[:1]]), sources)
    assert isinstance(layer, Convolution)
    # dJ/dW[o,c,u,v] = sum_{i,j} delta[o,i,j] x[c,iS+uD-P,jS+vD-P]
    lead = at[: len(at) - layer.rank]
    applied = _turned(layer, np.array(at[len(lead) :]))
    output, channel = _maps(layer, shape[0], lead)
    axes = layer.window([shape])
    seen = [shown(a, layer.padding_mode)[:, k] for a, k in zip(axes, applied, strict=True)]
    outputs, positions = _along(seen)
    return _join(np.array([[output]]), outputs), _join(np.array([[channel]]), positions)


def _maps(layer: Convolution, in_channels: int, lead: Cell) -> tuple[int, int]:
    """(output map, input map) of a kernel."""
    if layer.connections is None:
        return lead[0], layer.table(in_channels)[lead[0]][lead[1]]
    for block in blocks(layer, in_channels):
        if block.kernels.start <= lead[0] < block.kernels.stop:
            row, place = divmod(lead[0] - block.kernels.start, len(block.inputs))
            return block.outputs.start + row, block.inputs[place]
    raise AssertionError("every kernel lies in a block")


def _along(sources: Sequence[Array], swap: bool = False) -> tuple[Array, Array]:
    """(windows, positions), (K, axes) each, of every axis' windows that show a cell; or the reverse."""
    windows = [np.flatnonzero(axis >= 0) for axis in sources]
    positions = [axis[kept] for axis, kept in zip(sources, windows, strict=True)]
    pair = mesh(*windows), mesh(*positions)
    return pair[::-1] if swap else pair
