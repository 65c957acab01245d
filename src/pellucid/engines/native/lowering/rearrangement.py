"""Layers that are one linear map of an image's cells: rearranging, padding, cropping, resizing, means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.cell_maps import (
    CONSTANT,
    CellSums,
    Indices,
    LinearMap,
    cell_map_along,
    cells_of,
)
from pellucid.engines.native.lowering.cells import mapped
from pellucid.engines.native.lowering.context import Cache, Lowering, NodeContext
from pellucid.engines.native.plan import Buffer
from pellucid.layers import (
    ChannelShuffle,
    Crop,
    Layer,
    Mean,
    Pad,
    Shape,
    Slice,
    Transpose,
    Upsample,
)

NUMPY_MODES: dict[str, Literal["edge", "reflect", "wrap"]] = {
    "edge": "edge",
    "reflect": "reflect",
    "circular": "wrap",
}


def transposed(layer: Transpose, shape: Shape) -> LinearMap:
    """Cells in the new order of the axes."""
    moved = [axis for axis, origin in enumerate(layer.axes) if axis != origin]
    first = min(moved, default=0)
    order = [axis - first for axis in layer.axes[first : max(moved, default=-1) + 1]]
    return cell_map_along(shape, moved, lambda middle: cells_of(middle).transpose(order))


def shuffled(layer: ChannelShuffle, shape: Shape) -> LinearMap:
    """Channels dealt out across groups."""
    order = np.arange(shape[0]).reshape(layer.groups, -1).T.reshape(-1)
    return cell_map_along(shape, (0,), lambda middle: cells_of(middle)[order])


def padded(layer: Pad, shape: Shape) -> LinearMap:
    """What each cell around the map shows."""
    amounts = [(axis.pad_start, axis.pad_end) for axis in layer.sides(shape)]
    moved = [axis for axis, ends in enumerate(amounts) if any(ends)]
    own = amounts[min(moved, default=0) : max(moved, default=-1) + 1]

    def sources(middle: Shape) -> Indices:
        if not own:
            return cells_of(middle)
        if layer.mode == "zeros":
            return np.pad(cells_of(middle), own, constant_values=CONSTANT)
        return np.pad(cells_of(middle), own, mode=NUMPY_MODES[layer.mode])

    return cell_map_along(shape, moved, sources, layer.value)


def cropped(layer: Crop, shape: Shape) -> LinearMap:
    """The cells within."""
    sides = layer.sides(shape)
    moved = [axis for axis, side in enumerate(sides) if side.pad_start or side.pad_end]
    own = sides[min(moved, default=0) : max(moved, default=-1) + 1]
    within = tuple(slice(-axis.pad_start, axis.input + axis.pad_end) for axis in own)
    return cell_map_along(shape, moved, lambda middle: cells_of(middle)[within])


def sliced(layer: Slice, shape: Shape) -> LinearMap:
    """The cells kept."""
    return cell_map_along(shape, (layer.axis,), lambda middle: cells_of(middle)[list(layer.cells(shape))])


def resized(layer: Upsample, shape: Shape) -> LinearMap:
    """The nearest cells, or sums of neighbours."""
    axes = layer.neighbours([shape])
    if layer.mode == "nearest":
        nearest = [[cell for ((cell, _),) in axis] for axis in axes]
        return cell_map_along(shape, range(1, len(shape)), lambda middle: cells_of(middle)[np.ix_(*nearest)])
    numbers = cells_of(shape[1:])
    mixed: list[tuple[int, float]] = []
    starts = [0]
    for mixtures in product(*axes):
        for parts in product(*mixtures):
            cell = numbers[tuple(i for i, _ in parts)]
            mixed.append((int(cell), math.prod(share for _, share in parts)))
        starts.append(len(mixed))
    addends, weights = zip(*mixed, strict=True)
    return CellSums(
        outer=shape[0],
        inputs=math.prod(shape[1:]),
        starts=np.array(starts),
        addends=np.array(addends),
        weights=np.array(weights, np.float64),
        inner=1,
    )


def averaged(layer: Mean, shape: Shape) -> LinearMap:
    """Equal shares of the cells along the axes."""
    first, last = min(layer.axes), max(layer.axes) + 1
    middle = shape[first:last]
    axes = tuple(axis - first for axis in layer.axes)
    n = math.prod(middle[axis] for axis in axes)
    addends = np.moveaxis(cells_of(middle), axes, range(-len(axes), 0)).reshape(-1)
    return CellSums(
        outer=math.prod(shape[:first]),
        inputs=math.prod(middle),
        starts=np.arange(0, len(addends) + 1, n),
        addends=addends,
        weights=None,
        inner=math.prod(shape[last:]),
        scale=1 / n,
    )


MAPS: Mapping[type[Layer], Callable[[Any, Shape], LinearMap]] = {
    ChannelShuffle: shuffled,
    Crop: cropped,
    Mean: averaged,
    Pad: padded,
    Slice: sliced,
    Transpose: transposed,
    Upsample: resized,
}
"""(layer, input shape) to the map that the layer is."""


def map_of(context: NodeContext) -> LinearMap:
    """The map of a node."""
    layer = context.node.layer
    return MAPS[type(layer)](layer, context.input_shapes[0])


def forward(builder: PlanBuilder, context: NodeContext, inputs: Sequence[Buffer]) -> tuple[Buffer, Cache]:
    """The map."""
    cells = map_of(context)
    return mapped(builder, context.name, context.name, cells, inputs[0]), cells


def backward(
    builder: PlanBuilder, context: NodeContext, cache: Cache, gradient: Buffer, wanted: Sequence[bool]
) -> list[Buffer | None]:
    """Its adjoint."""
    if not wanted[0]:
        return [None]
    return [mapped(builder, context.name, f"d input of {context.name}", cache.adjoint(), gradient)]


LOWERINGS: dict[type[Layer], Lowering] = dict.fromkeys(MAPS, Lowering(forward, backward))
