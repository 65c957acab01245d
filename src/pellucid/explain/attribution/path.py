"""Integrated gradients: the gradient added up along the way from a baseline to the image."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.explain.attribution.result import Attribution
from pellucid.explain.passes import (
    activations,
    as_baseline,
    as_batch,
    summed_gradients,
)
from pellucid.explain.target import Target, TargetLike, choose_target, score_node
from pellucid.model import Float32, Model

Quadrature = Literal["gauss-legendre", "riemann-left", "riemann-right", "riemann-middle", "riemann-trapezoid"]

FEWEST_STEPS = 16
"""That are tried first when no number of steps is asked for."""


def quadrature_points(rule: Quadrature, steps: int) -> tuple[Array, Array]:
    """Where between 0 and 1 the gradient is taken, and what each of these weighs, as Captum has them.

    Raises:
        DataError: an unknown rule, or too few steps for it.
    """
    if rule not in get_args(Quadrature):
        raise DataError(f"quadrature is one of {', '.join(get_args(Quadrature))}, received {rule!r}")
    fewest = 1 if rule == "gauss-legendre" else 2
    if steps < fewest:
        raise DataError(f"{rule}: steps are at least {fewest}, received {steps}")
    if rule == "gauss-legendre":
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        return (nodes + 1) / 2, weights / 2
    weights = np.full(steps, 1 / steps)
    if rule == "riemann-trapezoid":
        weights[[0, -1]] /= 2
        return np.linspace(0, 1, steps), weights
    shift = {"riemann-left": 0.0, "riemann-middle": 0.5, "riemann-right": 1.0}[rule]
    return (np.arange(steps) + shift) / steps, weights


def integrated_gradients(
    model: Model,
    images: ArrayLike,
    target: TargetLike = None,
    *,
    baseline: ArrayLike | None = None,
    steps: int | None = None,
    quadrature: Quadrature = "gauss-legendre",
    tolerance: float = 0.01,
    most_steps: int = 512,
) -> Attribution:
    """(x - x') times the mean of dS/dx on the straight way from the baseline x' to x.

    Sundararajan, Taly & Yan 2017, equations 1 and 3. The values of an image add up to S(x) - S(x'); what is
    missing is the completeness gap. Left to itself the method doubles the steps of the images whose gap is
    too large.

    Args:
        model: any network with one input.
        images: (N, *input shape), or one image.
        target: what is explained, as `choose_target` takes it.
        baseline: a number, or one image; zeros when left out.
        steps: exactly so many; None for as many as the tolerance takes.
        quadrature: the points and weights of the mean.
        tolerance: largest gap, a share of S(x) - S(x').
        most_steps: after which the gap is only reported.
    """
    batch, start = as_batch(model, images), as_baseline(model, baseline)
    chosen, change = _target_and_change(model, batch, start, target)
    way = batch - start
    count = len(batch)
    values = np.zeros_like(batch)
    gap, taken = np.full(count, np.inf), np.zeros(count, np.int64)
    rows, tried = np.arange(count), steps or min(FEWEST_STEPS, most_steps)
    while True:
        fractions, weights = quadrature_points(quadrature, tried)
        mean = _mean_on_the_way(model, way[rows], start, chosen.subset(rows), fractions, weights)
        mean *= way[rows]
        missing = np.abs(mean.reshape(len(rows), -1).sum(axis=1) - change[rows])
        values[rows], taken[rows] = mean, tried
        with np.errstate(divide="ignore", invalid="ignore"):
            gap[rows] = np.where(missing == 0, 0, missing / np.abs(change[rows]))
        rows = rows[~(gap[rows] <= tolerance)]
        if steps is not None or not len(rows) or 2 * tried > most_steps:
            break
        tried *= 2
    settings = {"quadrature": quadrature, "steps": int(taken.max()), "largest gap": f"{gap.max():.2%}"}
    return Attribution(
        "integrated-gradients",
        values,
        chosen,
        baseline=start,
        settings=settings,
        notes=_notes(gap, tolerance, tried),
        gap=gap,
    )


def _target_and_change(
    model: Model, batch: Float32, start: Float32, target: TargetLike
) -> tuple[Target, Array]:
    """The cells that are explained, and S(x) - S(x') of every image."""
    node = target.node if isinstance(target, Target) else score_node(model.graph)
    ends = activations(model, np.concatenate([batch, start[None]]), node)
    scores, at_start = ends[:-1], ends[-1:]
    chosen = choose_target(model, batch, target, scores=scores)
    before = chosen.values(np.broadcast_to(at_start, scores.shape))
    return chosen, chosen.values(scores).astype(np.float64) - before


def _mean_on_the_way(
    model: Model, way: Float32, start: Float32, target: Target, fractions: Array, weights: Array
) -> Array:
    shares = fractions.astype(np.float32).reshape(-1, *[1] * start.ndim)

    def points(some: range, steps: range) -> Float32:
        stretch: Float32 = way[some.start : some.stop, None] * shares[steps.start : steps.stop]
        stretch += start
        return stretch

    return summed_gradients(model, len(way), target, weights, points)


def _notes(gap: Array, tolerance: float, steps: int) -> tuple[str, ...]:
    wide = int((~(gap <= tolerance)).sum())
    if not wide:
        return ()
    return (
        f"After {steps} steps the values of {wide} of {len(gap)} image(s) miss the change in score "
        f"by more than {tolerance:.0%}, by {gap.max():.1%} at most.",
    )
