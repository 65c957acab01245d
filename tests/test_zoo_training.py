"""A step of training moves every network of the zoo downhill on the native engine; some as in PyTorch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from zoo_cases import CASES, CLASSES

from pellucid import zoo
from pellucid.engines.engine import CompileOptions, Examples, Purpose
from pellucid.engines.native import NativeEngine
from pellucid.graph import Graph, Node
from pellucid.layers.dropout import DropoutLayer
from pellucid.model import Model
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

BATCH = 4
LEARNING_RATE = 1e-5
"""Deep networks that normalise four small images curve sharply; this follows the slope of most."""

SMALLER_STEPS = {"inception-v3": 1e-8, "resnet152": 1e-8}

SLOW = {"alexnet", "alexnet-2012", "all-cnn", "vgg16", "googlenet", "resnet50", "densenet121"}
"""Networks whose steps take more than a moment, besides those that are slow already."""

COMPARED = ("conv-blocks", "resnet32", "squeezenet-1.1", "efficientnet-b0", "deepface")
COMPARED_AT_LENGTH = ("googlenet-bn-aux", "mobilenet-v2")


def without_chance(graph: Graph) -> Graph:
    """The graph with dropouts that drop nothing, so that two steps see the same function."""

    def quiet(node: Node) -> Node:
        drops = isinstance(node.layer, DropoutLayer)
        return replace(node, layer=replace(node.layer, rate=0.0)) if drops else node

    return replace(graph, nodes=tuple(quiet(node) for node in graph.nodes))


def native_losses(net: Model, data: Examples, rate: float = LEARNING_RATE) -> list[float]:
    """J before and after one update, on one batch."""
    options = CompileOptions(
        BATCH,
        Purpose.TRAINING,
        objective=net.recipe.objective,
        optimizer=SGD(),
        loss_weights=net.recipe.loss_weights,
    )
    program = NativeEngine().compile(without_chance(net.graph), options)
    program.write_parameters(net.parameters)
    rows = np.tile(np.arange(BATCH), 2)
    report = program.train_steps(data, rows, batch_size=BATCH, learning_rates=[rate] * 2)
    return [float(loss) for loss in report.losses]


def torch_twin(name: str, net: Model) -> nn.Module:
    """The definition in PyTorch with a network's parameters, without dropout."""
    twin = CASES[name].build(CLASSES)
    published = zoo.find(name).published
    state = {full: tensor for full, tensor in twin.state_dict().items() if tensor.is_floating_point()}
    names = list(state)
    if published is not None:
        modules = published.names(net.graph)
        parts = (full.rpartition(".") for full in net.parameters)
        names = [f"{modules[node]}.{part}" for node, _, part in parts]
    for full, array in zip(names, net.parameters.values(), strict=True):
        state[full].copy_(torch.from_numpy(array.copy()))
    for module in twin.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0
    return twin.train()


def torch_losses(name: str, net: Model, data: Examples) -> list[float]:
    """The same in PyTorch."""
    twin, objective = torch_twin(name, net), net.recipe.objective
    assert isinstance(objective, CrossEntropy)
    images, classes = torch.from_numpy(data.images), torch.from_numpy(data.targets)
    optimizer = torch.optim.SGD(twin.parameters(), LEARNING_RATE)
    losses = []
    for _ in range(2):
        outputs = twin(images)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        weights = net.recipe.loss_weights or (1.0,)
        loss = torch.zeros(())
        for weight, scores in zip(weights, outputs, strict=True):
            loss += weight * functional.cross_entropy(
                scores, classes, label_smoothing=objective.label_smoothing
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def network_and_data(name: str) -> tuple[Model, Examples]:
    side = CASES[name].side
    random = np.random.default_rng(3)
    data = Examples(random.random((BATCH, 3, side, side), np.float32), np.arange(BATCH) % CLASSES)
    return zoo.create(name, classes=CLASSES, input_shape=(3, side, side), seed=1), data


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if case.slow or name in SLOW else ())
        for name, case in CASES.items()
    ],
)
def test_a_step_lowers_the_loss(name: str) -> None:
    rate = SMALLER_STEPS.get(name, LEARNING_RATE)
    before, after = native_losses(*network_and_data(name), rate)
    assert after < before


@pytest.mark.parametrize(
    "name",
    [*COMPARED, *(pytest.param(name, marks=pytest.mark.slow) for name in COMPARED_AT_LENGTH)],
)
def test_a_step_lowers_the_loss_as_far_as_in_pytorch(name: str) -> None:
    net, data = network_and_data(name)
    before, after = native_losses(net, data)
    expected = torch_losses(name, net, data)
    np.testing.assert_allclose(before, expected[0], rtol=1e-4)
    np.testing.assert_allclose(before - after, expected[0] - expected[1], rtol=0.05, atol=1e-6)
