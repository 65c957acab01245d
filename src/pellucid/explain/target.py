"""What an explanation is about: one cell of one node for every image, most often a class's score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.graph import Graph
from pellucid.layers import LogSoftmax, Softmax
from pellucid.model import Float32, Model


@dataclass(frozen=True)
class Target:
    """One cell of a node for each image of a batch.

    Attributes:
        node: whose cells they are.
        cells: (N, axes) whole numbers, a cell an image: (N, 1) classes for a vector of scores.
    """

    node: str
    cells: Array

    @property
    def classes(self) -> Array:
        """(N,) the first number of every cell: the class, or the channel."""
        return self.cells[:, 0]

    def subset(self, images: slice | Array) -> Target:
        """The cells of these images."""
        return replace(self, cells=self.cells[images])

    def seed(self, graph: Graph) -> dict[str, Float32]:
        """What `Program.backward` starts from to differentiate the sum of these cells: ones at them."""
        ones = np.zeros((len(self.cells), *graph.shapes[self.node]), np.float32)
        ones[(np.arange(len(ones)), *self.cells.T)] = 1
        return {self.node: ones}

    def values(self, activation: Array) -> Array:
        """(N,) the cells' values in an activation (N, ...) of the node."""
        values: Array = activation[(np.arange(len(activation)), *self.cells.T)]
        return values


TargetLike = ArrayLike | str | Target | None
"""A class number or one an image, a class's name, a Target, or None for the class that the network finds."""


def score_node(graph: Graph, output: str | None = None) -> str:
    """The node of an output's scores: its own (the first's when left out), or the input of a softmax.

    A softmax's shares depend on all classes and stop changing where the network is sure, so that explanations
    start from the scores below it (Simonyan et al. 2014, section 3).
    """
    node = graph.node(output or graph.outputs[0])
    return node.inputs[0] if isinstance(node.layer, Softmax | LogSoftmax) else node.name


def choose_target(
    model: Model,
    images: Array,
    target: TargetLike = None,
    *,
    node: str | None = None,
    scores: Array | None = None,
) -> Target:
    """The cells that an explanation of these images is about.

    Args:
        model: whose output it is.
        images: (N, *shape).
        target: a class for all images, (N,) classes, the name of a class, (N, axes) cells of any node,
            a Target, which names its node itself, or None for each image's largest score.
        node: whose cells they are; `score_node` when left out.
        scores: the node's activation, where it is known already.

    Raises:
        DataError: the target is no cell of the node.
    """
    if isinstance(target, Target):
        node, target = target.node, target.cells
    name = model.graph.node(node).name if node is not None else score_node(model.graph)
    shape, count = model.graph.shapes[name], len(images)
    if target is None:
        values = model.trace(images, nodes=(name,))[name] if scores is None else scores
        best = values.reshape(count, -1).argmax(axis=1)
        return Target(name, np.stack(np.unravel_index(best, shape), axis=1))
    if isinstance(target, str):
        target = class_number(model, target)
    cells = np.asarray(target)
    if cells.dtype.kind not in "iu":
        raise DataError(f"{name}: a target is a class number or a cell, received {target!r}")
    if cells.ndim < 2 and cells.size in (1, count) and len(shape) == 1:
        cells = np.broadcast_to(cells.reshape(-1, 1), (count, 1))
    if cells.shape == (len(shape),) and len(shape) > 1:
        cells = np.broadcast_to(cells, (count, len(shape)))
    if cells.shape != (count, len(shape)):
        expected = f"a class, {count} classes" if len(shape) == 1 else f"a cell of {len(shape)} numbers"
        raise DataError(f"{name}: a target is {expected}, or one cell an image, received {target!r}")
    if ((cells < 0) | (cells >= shape)).any():
        raise DataError(f"{name}: a target lies within {shape}, received {np.asarray(target).tolist()}")
    return Target(name, cells.astype(np.int64))


def class_number(model: Model, name: str) -> int:
    """The number of a class by its name."""
    if name not in model.class_names:
        known: Sequence[str] = model.class_names or ("none",)
        raise DataError(
            f"{model.name}: the target is one of its classes ({', '.join(known)}), received {name!r}"
        )
    return model.class_names.index(name)
