"""Which maps of a convolution with the batch in the lanes are computed from which."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.layers import Convolution


@dataclass(frozen=True)
class Connections:
    """Which maps each map is computed from, as native/kernels/convolution/convolution.h lays it out.

    Attributes:
        groups: (groups, 5): first map, maps, first connection, connections, weights between two maps.
        pairs: (connections, 2): map read, where its kernel begins.
    """

    groups: NDArray[np.int32]
    pairs: NDArray[np.int32]


def output_connections(layer: Convolution, in_channels: int) -> Connections:
    """For output maps: neighbours that see the same input maps share a group."""
    taps = math.prod(layer.kernel)
    groups: list[list[int]] = []
    pairs: list[tuple[int, int]] = []
    weight = 0
    previous: tuple[int, ...] | None = None
    for output, row in enumerate(layer.table(in_channels)):
        if row == previous:
            groups[-1][1] += 1
        else:
            groups.append([output, 1, len(pairs), len(row), len(row) * taps])
            pairs.extend((channel, weight + i * taps) for i, channel in enumerate(row))
            previous = row
        weight += len(row) * taps
    return Connections(np.array(groups, np.int32), np.array(pairs, np.int32))


def input_connections(layer: Convolution, in_channels: int) -> Connections:
    """For input maps: which output maps saw them, and with which kernel."""
    taps = math.prod(layer.kernel)
    seen_by: list[list[tuple[int, int]]] = [[] for _ in range(in_channels)]
    weight = 0
    for output, row in enumerate(layer.table(in_channels)):
        for channel in row:
            seen_by[channel].append((output, weight))
            weight += taps
    groups: list[list[int]] = []
    pairs: list[tuple[int, int]] = []
    for channel, seen in enumerate(seen_by):
        shifted = [(output, start - taps) for output, start in seen]
        if channel > 0 and seen and shifted == seen_by[channel - 1]:
            groups[-1][1] += 1
        else:
            groups.append([channel, 1, len(pairs), len(seen), taps])
            pairs.extend(seen)
        # A run of neighbours keeps the first one's kernels, each `taps` further for the next map.
    return Connections(np.array(groups, np.int32), np.array(pairs, np.int32).reshape(-1, 2))
