"""Occlusion: what the score loses when a window of the image is covered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from types import EllipsisType

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, Program
from pellucid.errors import DataError
from pellucid.explain.attribution.result import Attribution
from pellucid.explain.passes import (
    activations,
    as_baseline,
    as_batch,
    images_a_pass,
    parts,
    program_for,
)
from pellucid.explain.target import Target, TargetLike, choose_target, score_node
from pellucid.model import Float32, Model

Lengths = int | Sequence[int]
Window = tuple[EllipsisType | slice, ...]
"""Of the last axes of any array."""


def occlusion(
    model: Model,
    images: ArrayLike,
    target: TargetLike = None,
    *,
    window: Lengths | None = None,
    stride: Lengths | None = None,
    baseline: ArrayLike | None = None,
) -> Attribution:
    """S(x) - S(x with a window covered), at every place the mean over the windows that cover it.

    Zeiler & Fergus 2014, section 4.2, with Captum's convention: windows start at multiples of the stride,
    the last ones are cut off at the border. All channels are covered together.

    Args:
        model: any network with one input.
        images: (N, *input shape), or one image.
        target: what is explained, as `choose_target` takes it.
        window: its lengths along the axes, or one for all; an eighth of each axis when left out.
        stride: likewise; half the window when left out.
        baseline: what covers: a number, or one image; zeros when left out.
    """
    batch, cover = as_batch(model, images), as_baseline(model, baseline)
    lengths = batch.shape[2:] or batch.shape[1:]
    sizes = _lengths("window", window, [max(1, length // 8) for length in lengths])
    steps = _lengths("stride", stride, [max(1, size // 2) for size in sizes])
    if any(size > length for size, length in zip(sizes, lengths, strict=True)):
        raise DataError(f"a window lies within the image's {lengths}, received {sizes}")
    node = target.node if isinstance(target, Target) else score_node(model.graph)
    scores = activations(model, batch, node)
    chosen = choose_target(model, batch, target, scores=scores)
    windows = _windows(lengths, sizes, steps)
    capacity = images_a_pass(model.graph, len(batch) * len(windows))
    program = program_for(model, node, capacity)
    full = chosen.values(scores).astype(np.float64)
    values = np.empty((len(batch), *lengths), np.float32)
    for part in parts(len(batch), capacity):
        values[part] = _losses(program, batch[part], chosen.subset(part), full[part], cover, windows)
    settings = {"window": sizes, "stride": steps, "windows": len(windows)}
    shaped = values[:, None] if batch.ndim > 2 else values
    return Attribution("occlusion", shaped, chosen, baseline=cover, settings=settings)


def _lengths(what: str, given: Lengths | None, default: Sequence[int]) -> tuple[int, ...]:
    wanted = default if given is None else given
    lengths = (wanted,) * len(default) if isinstance(wanted, int) else tuple(wanted)
    if len(lengths) != len(default) or min(lengths) < 1:
        raise DataError(f"{what}: expects a length, or {len(default)}, of at least 1, received {given}")
    return lengths


def _windows(lengths: Sequence[int], sizes: Sequence[int], steps: Sequence[int]) -> list[Window]:
    starts = [
        range(0, math.ceil((length - size) / step) * step + 1, step)
        for length, size, step in zip(lengths, sizes, steps, strict=True)
    ]
    return [
        (..., *(slice(start, start + size) for start, size in zip(corner, sizes, strict=True)))
        for corner in product(*starts)
    ]


def _losses(
    program: Program,
    images: Float32,
    target: Target,
    full: Array,
    cover: Float32,
    windows: Sequence[Window],
) -> Array:
    """(images, *axes) mean loss over the windows that cover each place."""
    count = len(images)
    lengths = images.shape[2:] or images.shape[1:]
    sums, covered = np.zeros((count, *lengths)), np.zeros(lengths)
    for part in parts(len(windows), max(1, program.options.capacity // count)):
        some = windows[part]
        batch = np.repeat(images[None], len(some), axis=0)
        for copies, window in zip(batch, some, strict=True):
            copies[window] = cover[window]
        scores = program.trace(batch.reshape(-1, *images.shape[1:]))[target.node]
        rows = np.tile(np.arange(count), len(some))
        lost = full - target.subset(rows).values(scores).reshape(len(some), count)
        for window, loss in zip(some, lost, strict=True):
            sums[window] += loss.reshape(-1, *[1] * len(lengths))
            covered[window] += 1
    mean: Array = sums / np.maximum(covered, 1)
    return mean
