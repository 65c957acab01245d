"""Activation maximisation: an image that a unit, a channel or a class responds to most.

Erhan, Bengio, Courville & Vincent 2009, Visualizing higher-layer features of a deep network.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, Wanted
from pellucid.errors import DataError
from pellucid.explain.passes import as_baseline, images_a_pass, parts, program_for
from pellucid.explain.target import class_number, score_node
from pellucid.graph import Graph
from pellucid.model import Float32, Model

Place = int | str | tuple[int, ...]
"""A channel or class by number, a class by name, or one cell."""

Places = Place | list[Place]


@dataclass(frozen=True)
class Regularization:
    """What keeps the image from turning into noise. Each term is taken off the activation.

    Attributes:
        l2: times the sum over pixels of (x - start)^2 (Simonyan et al. 2014, equation 1).
        total_variation: times the sum of the squared differences of neighbours (Mahendran & Vedaldi 2015,
            section 3, with beta 2).
        jitter: pixels by which the image is shifted at random before each step (Mordvintsev, Olah & Tyka
            2015, Inceptionism; Mahendran & Vedaldi 2016, section 4.2).
    """

    l2: float = 1e-4
    total_variation: float = 1e-3
    jitter: int = 2

    def __post_init__(self) -> None:
        if min(self.l2, self.total_variation, self.jitter) < 0:
            raise DataError(f"regularization: numbers are at least 0, received {self}")


@dataclass(frozen=True, eq=False)
class Maximized:
    """Images that were changed until something responded to them.

    Attributes:
        images: (N, *input shape), one a place.
        node: what responds.
        places: the channel, class or cell of each image.
        values: (N,) its activation in the end; a channel's is the mean over its cells.
        history: (steps, N) before each step, of the shifted image.
        regularization: what the activation was weighed against.
    """

    images: Float32
    node: str
    places: tuple[tuple[int, ...], ...]
    values: Array
    history: Array
    regularization: Regularization


def maximize_activation(
    model: Model,
    at: Places,
    *,
    node: str | None = None,
    steps: int = 128,
    step_size: float = 0.05,
    regularization: Regularization | None = None,
    limits: tuple[float, float] | None = (0.0, 1.0),
    start: ArrayLike | None = None,
    seed: int = 0,
) -> Maximized:
    """Climb the gradient of an activation with respect to the image.

    A step is the gradient, divided by its root mean square, times a step size that falls to nothing, so that
    the first steps go far and the last ones settle.

    Args:
        model: any network with one input.
        at: a channel (the mean of its map), a class by number or name, a cell, or a list of these.
        node: whose activation; the scores when left out.
        steps: to take.
        step_size: of the first step, in units of a pixel's value.
        regularization: see Regularization; its defaults when left out.
        limits: that pixels stay within; None for none.
        start: a number or an image, the same for all; the middle of the limits, or 0, when left out.
        seed: of the jitter, and of the faint noise that the image begins with.
    """
    name = model.graph.node(node).name if node is not None else score_node(model.graph)
    rule = regularization or Regularization()
    places = _places(model, name, at)
    middle = (limits[0] + limits[1]) / 2 if limits else 0.0
    first = as_baseline(model, middle if start is None else start)
    random = np.random.default_rng(seed)
    images = np.repeat(first[None], len(places), axis=0)
    images += step_size * random.standard_normal(images.shape, np.float32)
    seeds = _seeds(model.graph, name, places)
    history = []
    for step in range(steps):
        offset = tuple(random.integers(-rule.jitter, rule.jitter + 1, images.ndim - 2).tolist())
        values, gradient = _respond(model, name, seeds, _shifted(images, offset))
        history.append(values)
        ascent = _shifted(gradient, tuple(-by for by in offset)) - _pull(rule, images, first)
        scale = np.sqrt((ascent**2).reshape(len(images), -1).mean(axis=1) + 1e-20)
        rate = step_size * (1 - step / steps)
        images += rate * ascent / scale.reshape(-1, *[1] * (images.ndim - 1))
        if limits:
            np.clip(images, *limits, out=images)
    values, _ = _respond(model, name, seeds, images)
    return Maximized(images, name, places, values, np.array(history).reshape(steps, -1), rule)


def _places(model: Model, node: str, at: Places) -> tuple[tuple[int, ...], ...]:
    """Channels as one number, cells as many."""
    shape = model.graph.shapes[node]
    places = []
    for place in at if isinstance(at, list) else [at]:
        if isinstance(place, str):
            numbers: tuple[int, ...] = (class_number(model, place),)
        else:
            numbers = place if isinstance(place, tuple) else (operator.index(place),)
        inside = len(numbers) in (1, len(shape)) and all(
            0 <= number < length for number, length in zip(numbers, shape, strict=False)
        )
        if not inside:
            raise DataError(f"{node}: a place is a channel or a cell within {shape}, received {place!r}")
        places.append(numbers)
    return tuple(places)


def _seeds(graph: Graph, node: str, places: Sequence[tuple[int, ...]]) -> Float32:
    """(N, *shape) weights whose product with the activation is what is climbed."""
    seeds = np.zeros((len(places), *graph.shapes[node]), np.float32)
    for seed, place in zip(seeds, places, strict=True):
        seed[place] = 1 / np.size(seed[place])
    return seeds


def _respond(model: Model, node: str, seeds: Float32, images: Float32) -> tuple[Array, Float32]:
    """(N,) the activations, and their gradients with respect to the images."""
    capacity = images_a_pass(model.graph, len(images))
    program = program_for(model, node, capacity)
    wanted = Wanted(nodes=model.graph.inputs, parameters=(), activations=(node,))
    values, gradient = np.empty(len(images)), np.empty_like(images)
    for part in parts(len(images), capacity):
        found = program.differentiate([images[part]], {node: seeds[part]}, wanted=wanted)
        gradient[part] = found.input
        weighted = (found.activations[node] * seeds[part]).reshape(len(gradient[part]), -1)
        values[part] = weighted.sum(axis=1)
    return values, gradient


def _shifted(images: Float32, offset: tuple[int, ...]) -> Float32:
    return np.roll(images, offset, axis=tuple(range(2, images.ndim))) if any(offset) else images


def _pull(rule: Regularization, images: Float32, first: Float32) -> Float32:
    """The gradient of the terms that are taken off."""
    pull = 2 * rule.l2 * (images - first)
    for axis in range(2, images.ndim):
        for here, there in _neighbours(axis):
            pull[here] += 2 * rule.total_variation * (images[here] - images[there])
    return pull


def _neighbours(axis: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Cells that have one beyond them along an axis and those, then the other way round."""
    before = (slice(None),) * axis
    low, high = (*before, slice(None, -1)), (*before, slice(1, None))
    yield from ((low, high), (high, low))
