"""Differences past the kinks of a network: a ReLU at zero, a maximum where another cell wins."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pellucid.engines.engine import Array
from pellucid.engines.reference.windows import pad, windows
from pellucid.layers import ReLU
from pellucid.layers.pooling import MaxPooling

BLOCK_CELLS = 1 << 19
"""Of the differences that are looked at together: two megabytes of single precision."""


def past_kinks(layer: ReLU | MaxPooling, base: Array, top: Array, difference: Array) -> tuple[Array, Array]:
    """What a ReLU or maximum makes of differences; and how many cells pass a kink, (R,).

    Some channels at a time, which stay in the cache of the core that looks at them.

    Args:
        layer: it.
        base: (N, *shape) its input without the change.
        top: (N, *shape) its output.
        difference: (R, N, *shape) of the input.
    """
    runs, channels = len(difference), base.shape[1]
    result: Array = np.zeros((runs, *top.shape), difference.dtype)
    together = max(1, BLOCK_CELLS * channels // difference.size)
    parts = [slice(first, first + together) for first in range(0, channels, together)]

    def pass_part(some: slice) -> Array:
        own, out = difference[:, :, some], result[:, :, some]
        with np.errstate(all="ignore"):  # of this thread
            if own.max() == 0 == own.min():  # a weight's own layer changes in one channel
                return np.zeros(runs, np.int64)
            before = base[:, some].astype(difference.dtype, copy=False)
            if isinstance(layer, ReLU):
                passed = _rectified(before, own, out)
            else:
                passed = _maximum(layer, top[:, some], before, own, out)
        return np.array([np.count_nonzero(run) for run in passed])

    if len(parts) == 1:
        return result, pass_part(parts[0])
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        crossings = sum(threads.map(pass_part, parts), np.zeros(runs, np.int64))
    return result, crossings


def _rectified(base: Array, difference: Array, result: Array) -> Array:
    """max(0, z + dz) - max(0, z), without adding dz to a larger z; and whether the sign changes."""
    kink = -base
    np.maximum(difference, kink, out=result)
    result += np.minimum(base, 0)
    passed: Array = (difference > kink) != (kink < 0)
    return passed


def _maximum(layer: MaxPooling, top: Array, base: Array, difference: Array, result: Array) -> Array:
    """max over a window of (x - y) + dx, which is the difference of the maximum y; and whether another wins.

    x - y is 0 for the winner, the first of equal ones, so that its difference arrives as it is.
    """
    axes = layer.window([base.shape[1:]])
    cells = windows(pad(base, axes, constant=-np.inf), axes)
    changes = windows(pad(difference.reshape(-1, *base.shape[1:]), axes), axes)
    changes = changes.reshape(*difference.shape[:2], *changes.shape[1:])
    bits = np.dtype(f"i{difference.itemsize}")
    found, winners = np.zeros(top.shape, bool), np.zeros(result.shape, bits)
    here = np.empty(result.shape, result.dtype)
    share = here.view(bits)
    result[...] = -np.inf
    for tap in np.ndindex(layer.kernel):
        below = cells[(..., *tap)] - top
        np.add(below, changes[(..., *tap)], out=here)
        np.fmax(result, here, out=result)
        # Of each window one cell wins, once for all runs: its bits are let through, and no other's.
        wins = (below == 0) & ~found
        found |= wins
        share &= -wins.astype(bits)
        winners |= share
    kept = winners.view(difference.dtype)
    if not found.all():  # rounded otherwise than y, or no number
        kept[:, ~found] = -np.inf
    passed: Array = result > kept
    return passed
