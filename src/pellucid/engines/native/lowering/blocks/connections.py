"""Which channels a convolution connects, block by block; native/kernels/blocks/convolution.h."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.layers import Convolution


@dataclass(frozen=True)
class BlockConnections:
    """Groups of one or two vectors of output channels, each with the sources it reads.

    Attributes:
        groups: (groups, 4): first vector, vectors, first source, sources.
        sources: (sources, 5): plane, first lane, channels, first channel, vector where the weights begin.
        weights: vectors of packed weights.
    """

    groups: NDArray[np.int32]
    sources: NDArray[np.int32]
    weights: int


def channels_read(layer: Convolution, in_channels: int, first: int, last: int) -> Sequence[int]:
    """Input channels that output channels first to last (exclusive) are computed from, in order."""
    if layer.connections is not None:
        return sorted({channel for row in layer.connections[first:last] for channel in row})
    outputs, inputs = layer.out_channels // layer.groups, in_channels // layer.groups
    return range(first // outputs * inputs, -(-last // outputs) * inputs)


def channels_reached(layer: Convolution, in_channels: int, first: int, last: int) -> Sequence[int]:
    """Output channels that input channels first to last (exclusive) take part in, in order."""
    if layer.connections is not None:
        wanted = set(range(first, last))
        return [output for output, row in enumerate(layer.connections) if wanted & set(row)]
    outputs, inputs = layer.out_channels // layer.groups, in_channels // layer.groups
    return range(first // inputs * outputs, -(-last // inputs) * outputs)


def block_connections(
    layer: Convolution,
    in_channels: int,
    taps: int,
    lanes: int,
    *,
    transposed: bool = False,
    planar: bool = False,
) -> BlockConnections:
    """For a convolution's output, or transposed for its input's gradient.

    Args:
        taps: that are packed.
        planar: whether every source is one channel.
    """
    channels = in_channels if transposed else layer.out_channels
    read = channels_reached if transposed else channels_read
    groups: list[list[int]] = []
    sources: list[list[int]] = []
    weights = 0
    lists = [
        read(layer, in_channels, first, min(first + lanes, channels)) for first in range(0, channels, lanes)
    ]
    vector = 0
    while vector < len(lists):
        vectors = 2 if lists[vector] == (lists[vector + 1] if vector + 1 < len(lists) else None) else 1
        runs = _planes(lists[vector], 1 if planar else lanes)
        groups.append([vector, vectors, len(sources), len(runs)])
        for plane, first, count in runs:
            channel = plane if planar else plane * lanes + first
            sources.append([plane, first, count, channel, weights])
            weights += taps * count * vectors
        vector += vectors
    shaped = np.array(sources, np.int32).reshape(-1, 5)
    return BlockConnections(np.array(groups, np.int32), shaped, weights)


def _planes(channels: Sequence[int], lanes: int) -> list[tuple[int, int, int]]:
    """The blocks that hold these channels: number, first lane, lanes from the first to the last needed."""
    spans: dict[int, tuple[int, int]] = {}
    for channel in channels:
        plane, lane = divmod(channel, lanes)
        first, _ = spans.get(plane, (lane, lane))
        spans[plane] = first, lane
    return [(plane, first, last - first + 1) for plane, (first, last) in spans.items()]


def connection_numbers(layer: Convolution, in_channels: int) -> NDArray[np.int32] | None:
    """(outputs, inputs): number of the kernel that joins two channels or -1; None without a table."""
    if layer.connections is None:
        return None
    numbers = np.full((layer.out_channels, in_channels), -1, np.int32)
    count = 0
    for output, row in enumerate(layer.connections):
        numbers[output, list(row)] = range(count, count + len(row))
        count += len(row)
    return numbers
