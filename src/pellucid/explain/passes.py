"""Batches of any size through a network and back, a part at a time, so that memory stays bounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, CompileOptions, Gradients, Program, Purpose, Rule, Wanted
from pellucid.errors import DataError
from pellucid.explain.target import Target, TargetLike, choose_target, score_node
from pellucid.graph import Graph
from pellucid.model import Float32, Model

IMAGES_A_PASS = 128
"""At most; the native engine divides such a part further, so that it stays in the processor's cache."""

BYTES_A_PASS = 1 << 29
"""Bound on the activations of a part; one image is always a part."""

FEW_IMAGES = 32
"""Up to which a program is made for about so many; beyond, one serves all batches."""


def as_batch(model: Model, images: ArrayLike) -> Float32:
    """(N, *input shape) float32 from a batch or a single image.

    Raises:
        DataError: another shape, or a network of several inputs.
    """
    if len(model.graph.inputs) != 1:
        names = ", ".join(model.graph.inputs)
        raise DataError(
            f"{model.name}: images are explained where a network has one input; this one has "
            f"{len(model.graph.inputs)}: where a trace will do, give model.trace({names})"
        )
    (name,) = model.graph.inputs
    shape = model.graph.shapes[name]
    array = np.ascontiguousarray(images, dtype=np.float32)
    if array.shape == shape:
        array = array[None]
    if array.shape[1:] != shape or not len(array):
        expected = ", ".join(map(str, shape))
        raise DataError(f"{name}: expects images of shape (N, {expected}), received {np.shape(images)}")
    return array


def as_baseline(model: Model, baseline: ArrayLike | None) -> Float32:
    """One image, from a number, an image or None for zeros."""
    (name,) = model.graph.inputs
    shape = model.graph.shapes[name]
    array = np.asarray(0 if baseline is None else baseline, np.float32)
    if array.shape not in ((), shape):
        raise DataError(f"{name}: a baseline is a number or one image {shape}, received {array.shape}")
    return np.broadcast_to(array, shape)


def images_a_pass(graph: Graph, count: int) -> int:
    """How many images go together: a power of two, so that a few programs serve batches of every size."""
    cells = sum(math.prod(shape) for shape in graph.shapes.values())
    most = min(IMAGES_A_PASS, max(1, BYTES_A_PASS // (4 * cells)))
    wanted = count if count <= FEW_IMAGES else most
    return min(1 << (most.bit_length() - 1), 1 << max(0, wanted - 1).bit_length())


def program_for(model: Model, node: str, capacity: int) -> Program:
    """The one program that gives this node's activation and every gradient of it."""
    return model.program(CompileOptions(capacity, Purpose.TRACE, keep=(node,)))


def parts(count: int, capacity: int) -> Iterator[slice]:
    """A batch in as few parts as there can be, all of them about equally large."""
    number = -(-count // capacity)
    for part in range(number):
        yield slice(count * part // number, count * (part + 1) // number)


def activations(model: Model, images: Float32, node: str) -> Float32:
    """(N, *shape) a node's activation."""
    capacity = images_a_pass(model.graph, len(images))
    program = program_for(model, node, capacity)
    return np.concatenate([program.trace(images[part])[node] for part in parts(len(images), capacity)])


def differentiated(
    model: Model,
    images: Float32,
    target: Target,
    wanted: Wanted,
    rules: Mapping[str, Rule] | None = None,
) -> Iterator[tuple[slice, Gradients]]:
    """The targets' gradients, with the images that each part is about."""
    capacity = images_a_pass(model.graph, len(images))
    program = program_for(model, target.node, capacity)
    for part in parts(len(images), capacity):
        seeds = target.subset(part).seed(model.graph)
        yield part, program.differentiate([images[part]], seeds, rules, wanted)


def input_gradients(
    model: Model, images: Float32, target: Target, rules: Mapping[str, Rule] | None = None
) -> Float32:
    """(N, *input shape) gradient of the targets with respect to the images."""
    wanted = Wanted(nodes=model.graph.inputs, parameters=())
    result = np.empty_like(images)
    for part, gradients in differentiated(model, images, target, wanted, rules):
        if part == slice(0, len(images)):
            return gradients.input  # of all images, which need not be copied
        result[part] = gradients.input
    return result


def find_target(model: Model, images: Float32, target: TargetLike) -> Target:
    """As `choose_target`, a part of the images at a time."""
    if target is not None:
        return choose_target(model, images, target)
    node = score_node(model.graph)
    return choose_target(model, images, scores=activations(model, images, node))


def summed_gradients(
    model: Model,
    count: int,
    target: Target,
    weights: Array,
    points: Callable[[range, range], Float32],
) -> Array:
    """Sum over s of w_s dS/dx at the s-th point of every image.

    Args:
        model: the network.
        count: images.
        target: of each image, the same at all its points.
        weights: w, (points of an image,).
        points: given the numbers of some images and of some points, (images, points, *input shape).

    Returns:
        (count, *input shape) float64.
    """
    (name,) = model.graph.inputs
    shape = model.graph.shapes[name]
    capacity = images_a_pass(model.graph, count * len(weights))
    program = program_for(model, target.node, capacity)
    wanted = Wanted(nodes=(name,), parameters=())
    sums = np.zeros((count, *shape))
    for part in parts(count, capacity):
        some = range(part.start, part.stop)
        for points_part in parts(len(weights), max(1, capacity // len(some))):
            steps = range(points_part.start, points_part.stop)
            seeds = target.subset(np.repeat(np.arange(part.start, part.stop), len(steps))).seed(model.graph)
            batch = points(some, steps).reshape(-1, *shape)
            gradient = program.differentiate([batch], seeds, wanted=wanted).input
            gradient = gradient.reshape(len(some), len(steps), *shape)
            sums[part] += np.einsum("s,is...->i...", weights[points_part], gradient)
    return sums
