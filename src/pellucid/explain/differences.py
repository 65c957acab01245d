"""What a small change of one activation makes of everything downstream: differences, layer by layer.

Running a network twice and subtracting loses a small change in the rounding of large numbers. Here the
change itself is carried: a linear layer is applied to it alone, a ReLU or a maximum compares it with how far
the cell is from its kink, and any other layer is evaluated with and without it, in float64.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.engines.engine import Array, CompileOptions, Purpose
from pellucid.engines.reference.definition import Context
from pellucid.engines.reference.definitions import definition
from pellucid.explain.derivatives import LINEAR
from pellucid.explain.derivatives.kernels import KERNEL_LAYERS
from pellucid.explain.evidence import Evidence
from pellucid.explain.rerun import downstream
from pellucid.graph import Graph, Node
from pellucid.layers import AxisWindow, Input, Layer, Linear, Normalize, Pad, ReLU
from pellucid.layers.convolution import Convolution
from pellucid.layers.pooling import MaxPooling
from pellucid.layers.transposed_convolution import TransposedConvolution

CONSTANTS = ("bias", "running_mean")
"""Parameters that add to a linear layer's output: differences do not see them."""

BLOCK_CELLS = 1 << 18
"""Of the differences that are looked at together: a megabyte of single precision."""


@dataclass(frozen=True)
class Change:
    """A node's output that changes, once for every run.

    Attributes:
        node: whose output.
        images: of the batch, those it changes for.
        differences: (R, len(images), *shape).
    """

    node: str
    images: tuple[int, ...]
    differences: Array


@dataclass(frozen=True)
class Consequences:
    """What follows from a change.

    Attributes:
        differences: by node asked for, (R, len(images), *shape); of those that nothing reaches there is none.
        crossings: by node, (R,) how many cells pass a kink: a zero of a ReLU, or another winner of a maximum.
    """

    differences: Mapping[str, Array]
    crossings: Mapping[str, Array]


def consequences(read: Evidence, change: Change, wanted: Sequence[str], *, by_engine: bool) -> Consequences:
    """Carry a change downstream.

    Args:
        read: the network, and the activations that the change is of.
        change: it, in the type of arrays to compute with.
        wanted: nodes whose differences are asked for.
        by_engine: whether the engine convolves, in float32; else the definitions do.
    """
    part = downstream(read.graph, [change.node], wanted)
    carried = {change.node: change.differences}
    crossings: dict[str, Array] = {}
    for node in part.nodes if part is not None else ():
        if isinstance(node.layer, Input):
            continue
        with np.errstate(all="ignore"):
            carried[node.name] = _carry(read, node, carried, change, crossings, by_engine)
        assert part is not None
        _forget(part, node.name, carried, wanted)
    return Consequences({name: carried[name] for name in wanted if name in carried}, crossings)


def _forget(part: Graph, done: str, carried: dict[str, Array], wanted: Sequence[str]) -> None:
    """Let go of what no later node reads."""
    names = [node.name for node in part.nodes]
    later = {source for node in part.nodes[names.index(done) + 1 :] for source in node.inputs}
    for name in set(carried) - later - set(wanted):
        del carried[name]


def _carry(
    read: Evidence,
    node: Node,
    carried: Mapping[str, Array],
    change: Change,
    crossings: dict[str, Array],
    by_engine: bool,
) -> Array:
    """The difference of a node's output from those of its inputs."""
    runs, dtype = len(change.differences), change.differences.dtype
    layer = node.layer
    if isinstance(layer, LINEAR + KERNEL_LAYERS):
        return _linear(read, node, carried, change, by_engine)
    if isinstance(layer, ReLU | MaxPooling):
        (source,) = node.inputs
        base, top = (_of_images(read.activation(name), change.images) for name in (source, node.name))
        result, crossings[node.name] = _past_kinks(layer, base, top, carried[source])
        return result
    base_inputs = [read.activation(source)[list(change.images)].astype(np.float64) for source in node.inputs]
    before = _forward(layer, base_inputs, read.short_parameters(node), np.float64)
    after = []
    for run in range(runs):
        inputs = [
            base + carried[source][run] if source in carried else base
            for source, base in zip(node.inputs, base_inputs, strict=True)
        ]
        after.append(
            (_forward(layer, inputs, read.short_parameters(node), np.float64) - before).astype(dtype)
        )
    return np.stack(after)


def _forward(layer: Layer, inputs: Sequence[Array], parameters: Mapping[str, Array], dtype: Any) -> Array:
    own = {name: array.astype(dtype, copy=False) for name, array in parameters.items()}
    output: Array = definition(layer).forward(layer, inputs, own, Context(images=len(inputs[0])))[0]
    return output


def _linear(
    read: Evidence, node: Node, carried: Mapping[str, Array], change: Change, by_engine: bool
) -> Array:
    """A layer without its constants, applied to the differences alone."""
    runs, count, dtype = *change.differences.shape[:2], change.differences.dtype
    inputs = [
        carried[source].reshape(runs * count, *carried[source].shape[2:])
        if source in carried
        else np.zeros((runs * count, *read.graph.shapes[source]), dtype)
        for source in node.inputs
    ]
    layer = node.layer
    if by_engine and isinstance(layer, Convolution | TransposedConvolution):
        source = node.inputs[0]
        alone = Node(node.name, replace(layer, bias=False), (source,))
        graph = Graph((Node(source, Input(read.graph.shapes[source])), alone), (node.name,))
        program = read.program(graph, CompileOptions(runs * count, Purpose.INFERENCE))
        (output,) = program.forward(np.ascontiguousarray(inputs[0]))
    elif isinstance(layer, Linear):
        # One row after the other: the weights are read as they lie, not packed for a product of matrices.
        weight = read.short_parameters(node)["weight"].astype(dtype, copy=False)
        output = np.stack([weight @ row for row in inputs[0]])
    else:
        parameters = {
            name: np.zeros_like(array) if name in CONSTANTS else array
            for name, array in read.short_parameters(node).items()
        }
        if isinstance(layer, Normalize):
            layer = replace(layer, mean=(0.0,) * len(layer.mean))
        elif isinstance(layer, Pad):
            layer = replace(layer, value=0.0)
        output = _forward(layer, inputs, parameters, dtype)
    return output.reshape(runs, count, *output.shape[1:])


def _of_images(activation: Array, images: Sequence[int]) -> Array:
    """An activation of these images, not copied where they are all."""
    return activation if tuple(images) == tuple(range(len(activation))) else activation[list(images)]


def _past_kinks(layer: ReLU | MaxPooling, base: Array, top: Array, difference: Array) -> tuple[Array, Array]:
    """What a ReLU or maximum makes of differences; and how many cells pass a kink, (R,).

    Some channels at a time, which stay in the cache of the core that looks at them.

    Args:
        layer: it.
        base: (N, *shape) its input without the change.
        top: (N, *shape) its output.
        difference: (R, N, *shape) of the input.
    """
    runs, channels = len(difference), base.shape[1]
    result: Array = np.empty((runs, *top.shape), difference.dtype)
    together = max(1, BLOCK_CELLS * channels // difference.size)
    parts = [slice(first, first + together) for first in range(0, channels, together)]

    def pass_part(some: slice) -> Array:
        if not difference[:, :, some].any():  # a weight's own layer changes in one channel
            result[:, :, some] = 0
            return np.zeros(runs, np.int64)
        with np.errstate(all="ignore"):  # of this thread
            own = base[:, some].astype(difference.dtype, copy=False), difference[:, :, some]
            if isinstance(layer, ReLU):
                result[:, :, some], passed = _rectified(*own)
            else:
                result[:, :, some], passed = _maximum(layer, top[:, some], *own)
        crossed: Array = np.count_nonzero(passed.reshape(runs, -1), axis=1)
        return crossed

    if len(parts) == 1:
        return result, pass_part(parts[0])
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        crossings = sum(threads.map(pass_part, parts), np.zeros(runs, np.int64))
    return result, crossings


def _rectified(base: Array, difference: Array) -> tuple[Array, Array]:
    """max(0, z + dz) - max(0, z), without adding dz to a larger z; and whether the sign changes."""
    kink = -base
    result: Array = np.maximum(difference, kink)
    passed = (difference > kink) != (kink < 0)
    result += np.minimum(base, 0, out=kink)
    return result, passed


def _maximum(layer: MaxPooling, top: Array, base: Array, difference: Array) -> tuple[Array, Array]:
    """max over a window of (x - y) + dx, which is the difference of the maximum y; and whether another wins.

    x - y is 0 for the winner, the first of equal ones, so that its difference arrives as it is.
    """
    axes = layer.window([base.shape[1:]])
    best: Array = np.full((len(difference), *top.shape), -np.inf, difference.dtype)
    winners, found = best.copy(), np.zeros(top.shape, bool)
    for tap in np.ndindex(layer.kernel):
        places = [_places(axis, k) for axis, k in zip(axes, tap, strict=True)]
        outputs: Any = (..., *(windows for windows, _ in places))
        inputs: Any = (..., *(cells for _, cells in places))
        below = base[inputs] - top[outputs]
        here = below + difference[inputs]
        np.fmax(best[outputs], here, out=best[outputs])
        wins = (below == 0) & ~found[outputs]
        np.copyto(winners[outputs], here, where=wins)
        found[outputs] |= wins
    return best, best > winners


def _places(axis: AxisWindow, tap: int) -> tuple[slice, slice]:
    """The windows of an axis whose tap lies in the input, and the cells that it shows there."""
    offset = tap * axis.dilation - axis.pad_start
    first = max(0, -(offset // axis.stride))
    last = min(axis.output - 1, (axis.input - 1 - offset) // axis.stride)
    length = max(0, last - first + 1)
    start = first * axis.stride + offset
    cells = slice(start, start + length * axis.stride, axis.stride) if length else slice(0, 0)
    return slice(first, first + length), cells
