"""What differs between two networks of one description: two moments of a run, two runs, before and after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.model import Model


@dataclass(frozen=True)
class ParameterDifference:
    """How far a parameter has moved.

    Attributes:
        name: of the parameter.
        distance: Euclidean norm of the difference.
        relative: that by the norm of the first model's; infinite where the latter is zero and they differ.
        cosine: of the angle between the two arrays; 1 where both are zero, 0 where one is.
        units: (outputs,) the distance of every output's own weights, the first axis of the array.
    """

    name: str
    distance: float
    relative: float
    cosine: float
    units: NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Two models side by side; what images show is None where none were given.

    Attributes:
        parameters: every parameter and running statistic, in graph order.
        outputs: (N, *output shape) the second model's first output minus the first's.
        activations: by node, the Euclidean norm of the difference by the norm of the first model's.
        changed: numbers of the images whose largest output is another.
        losses: of the first model and of the second, by the first's recipe; with targets only.
        accuracies: likewise, where targets are classes.
    """

    parameters: tuple[ParameterDifference, ...]
    outputs: Array | None = None
    activations: dict[str, float] | None = None
    changed: NDArray[np.int64] | None = None
    losses: tuple[float, float] | None = None
    accuracies: tuple[float, float] | None = None

    @property
    def most_moved(self) -> tuple[ParameterDifference, ...]:
        """The parameters by their relative difference, largest first."""
        return tuple(sorted(self.parameters, key=lambda difference: -difference.relative))


def compare(
    one: Model, other: Model, images: ArrayLike | None = None, targets: ArrayLike | None = None
) -> Comparison:
    """Compare two models of one description.

    Args:
        one: the first; differences are of the second from it.
        other: with nodes and parameters like the first's.
        images: (N, *shape) to compare outputs and activations on; all of them are held at once.
        targets: of the images, for losses and accuracies.

    Raises:
        DataError: the models differ in more than their numbers.
    """
    if one.graph != other.graph:
        raise DataError(f"compare: the two models have one description, received {one!r} and {other!r}")
    parameters = tuple(
        _difference(name, array, other.parameters[name]) for name, array in one.parameters.items()
    )
    if images is None:
        if targets is not None:
            raise DataError("compare: targets belong to images, received none")
        return Comparison(parameters)
    first, second = one.trace(images), other.trace(images)
    outputs = second[one.graph.outputs[0]] - first[one.graph.outputs[0]]
    losses = accuracies = None
    best = [_best(trace[one.graph.outputs[0]]) for trace in (first, second)]
    if targets is not None:
        objective = one.recipe.objective
        found = [model.gradients(images, targets, loss=objective).loss or 0.0 for model in (one, other)]
        losses = found[0], found[1]
        classes = np.asarray(targets)
        if classes.dtype.kind in "iu":
            accuracies = float((best[0] == classes).mean()), float((best[1] == classes).mean())
    return Comparison(
        parameters,
        outputs,
        {name: _relative(first[name], second[name] - first[name]) for name in first},
        np.flatnonzero(best[0] != best[1]),
        losses,
        accuracies,
    )


def _difference(name: str, one: Array, other: Array) -> ParameterDifference:
    first, second = one.astype(np.float64), other.astype(np.float64)
    norms = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    moved = (second - first).reshape(len(first) if first.ndim else 1, -1)
    if all(norms):
        cosine = float(np.clip(np.vdot(first, second) / (norms[0] * norms[1]), -1, 1))
    else:
        cosine = float(norms[0] == norms[1])
    return ParameterDifference(
        name,
        float(np.linalg.norm(moved)),
        _relative(first, moved),
        cosine,
        np.linalg.norm(moved, axis=1),
    )


def _relative(first: Array, difference: Array) -> float:
    norm, moved = float(np.linalg.norm(first)), float(np.linalg.norm(difference))
    if norm == 0:
        return 0.0 if moved == 0 else float("inf")
    return moved / norm


def _best(outputs: Array) -> NDArray[np.int64]:
    best: NDArray[np.int64] = outputs.reshape(len(outputs), -1).argmax(axis=1)
    return best
