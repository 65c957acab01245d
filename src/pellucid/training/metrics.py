"""How good a model is on images it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.data import Split
from pellucid.data.dataset import TO_UNIT
from pellucid.engines.engine import Array, CompileOptions, Purpose
from pellucid.engines.loss_nodes import loss_node
from pellucid.engines.reference.channel_activation import softmax
from pellucid.engines.reference.objectives import loss as loss_and_delta
from pellucid.errors import DataError
from pellucid.graph import Graph
from pellucid.model import Model
from pellucid.objectives import Objective
from pellucid.training.inputs import input_shape

BATCH = 256
"""Images whose outputs are held at a time."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model does on a set of labelled images.

    Attributes:
        loss: mean over the images.
        accuracy: share of the images whose largest output is their class.
        labels: (N,) the classes.
        predictions: (N,) the largest outputs' classes.
        confidences: (N,) softmax of the outputs at the predicted class.
    """

    loss: float
    accuracy: float
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    confidences: NDArray[np.float32]

    def confusion(self, classes: int) -> NDArray[np.int64]:
        """(classes, classes) counts; row the label, column the prediction."""
        from sklearn.metrics import confusion_matrix

        return np.asarray(
            confusion_matrix(self.labels, self.predictions, labels=np.arange(classes)), np.int64
        )

    def worst(self, count: int = 10) -> NDArray[np.int64]:
        """Numbers of the wrong images, the most confident mistake first."""
        wrong = np.flatnonzero(self.predictions != self.labels)
        order = np.argsort(-self.confidences[wrong], kind="stable")
        return wrong[order][:count].astype(np.int64)


def evaluate(model: Model, split: Split, loss: Objective | None = None) -> Evaluation:
    """Loss, accuracy and predictions on labelled images that fit the model (`Dataset.fit`).

    Args:
        model: with one input; its first output counts.
        split: its images and classes.
        loss: the model's own recipe's when left out.

    Raises:
        DataError: no image, or images or classes that do not fit the model.
    """
    input_shape(model)
    if len(split) == 0:
        raise DataError("evaluation takes at least one image, received none")
    objective = loss or model.recipe.objective
    outputs = _loss_inputs(model, objective)
    labels = model.targets(split.labels, len(split)).astype(np.int64)
    total = 0.0
    predictions = np.empty(len(split), np.int64)
    confidences = np.empty(len(split), np.float32)
    for start in range(0, len(split), BATCH):
        part = slice(start, start + BATCH)
        z = outputs(split.pixels[part].astype(np.float32) * TO_UNIT)
        flat = z.reshape(len(z), -1)
        with np.errstate(all="ignore"):  # a network that diverged has infinities to report, not warnings
            total += loss_and_delta(objective, z, labels[part])[0] * len(z)
            confidences[part] = softmax(flat).max(axis=1)
        predictions[part] = flat.argmax(axis=1)
    accuracy = float((predictions == labels).mean())
    return Evaluation(total / len(split), accuracy, labels, predictions, confidences)


def _loss_inputs(model: Model, objective: Objective) -> Callable[[Array], Array]:
    """What gives the loss its z for a batch: the model up to there, without a Softmax for a cross-entropy."""
    name = loss_node(model.graph, objective)
    if (name,) == model.graph.outputs:
        return lambda images: np.asarray(model.predict(images))
    needed = model.graph.ancestors([name])
    graph = Graph(tuple(node for node in model.graph.nodes if node.name in needed), (name,))
    program = model.engine.compile(graph, CompileOptions(BATCH, Purpose.INFERENCE))
    program.write_parameters({key: model.parameters[key] for key in graph.parameters})
    return lambda images: program.forward(images)[0]
