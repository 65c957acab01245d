"""A step of training moves every network of the zoo downhill on the native engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from zoo_cases import CASES, CLASSES

from pellucid import zoo
from pellucid.engines.engine import CompileOptions, Examples, Purpose
from pellucid.engines.native import NativeEngine
from pellucid.graph import Graph, Node
from pellucid.layers.dropout import DropoutLayer
from pellucid.optimizers import SGD

BATCH = 4
LEARNING_RATE = 1e-3

SLOW = {
    *("alexnet-2012", "all-cnn", "inception-v3", "densenet121", "deepface"),
    *(name for name in CASES if name.startswith(("vgg", "googlenet"))),
}
"""Networks whose steps take more than a moment, besides those that are slow already."""


def without_chance(graph: Graph) -> Graph:
    """The graph with dropouts that drop nothing, so that two steps see the same function."""

    def quiet(node: Node) -> Node:
        drops = isinstance(node.layer, DropoutLayer)
        return replace(node, layer=replace(node.layer, rate=0.0)) if drops else node

    return replace(graph, nodes=tuple(quiet(node) for node in graph.nodes))


def losses_of(name: str, side: int, parameters: Mapping[str, NDArray[np.float32]]) -> list[float]:
    """J before and after one update, on one batch."""
    network = zoo.find(name)
    graph = without_chance(network.graph(CLASSES, (3, side, side)))
    options = CompileOptions(
        BATCH,
        Purpose.TRAINING,
        objective=network.recipe.objective,
        optimizer=SGD(),
        loss_weights=network.recipe.loss_weights,
    )
    program = NativeEngine().compile(graph, options)
    program.write_parameters(parameters)
    random = np.random.default_rng(3)
    data = Examples(random.random((BATCH, 3, side, side), np.float32), np.arange(BATCH) % CLASSES)
    rows = np.tile(np.arange(BATCH), 2)
    report = program.train_steps(data, rows, batch_size=BATCH, learning_rates=[LEARNING_RATE] * 2)
    return [float(loss) for loss in report.losses]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if case.slow or name in SLOW else ())
        for name, case in CASES.items()
    ],
)
def test_a_step_lowers_the_loss(name: str) -> None:
    side = CASES[name].side
    net = zoo.create(name, classes=CLASSES, input_shape=(3, side, side), seed=1, engine="reference")
    before, after = losses_of(name, side, net.parameters)
    assert np.isfinite([before, after]).all()
    assert after < before
