"""Small networks of every kind of wiring, for the tests of what explains them."""

from __future__ import annotations

import numpy as np

from pellucid import zoo
from pellucid.engines.engine import Array
from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import (
    Add,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    LeakyReLU,
    Linear,
    LocallyConnected2d,
    LocalResponseNorm,
    MaxPool2d,
    Multiply,
    PReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Subtract,
)
from pellucid.model import Model

SHAPE = (2, 8, 8)


def residual() -> Graph:
    """A residual block, where one node feeds a sum by two ways, and the same node twice."""
    builder = GraphBuilder()
    x = builder.input(SHAPE)
    first = builder.add(Conv2d(4, 3, padding=1), x)
    y = builder.add(ReLU(), builder.add(BatchNorm2d(), first))
    y = builder.add(Conv2d(4, 3, padding=1), y)
    total = builder.add(ReLU(), builder.add(Add(), y, first, first))
    squeezed = builder.add(Sigmoid(), builder.add(Conv2d(4, 1), builder.add(AvgPool2d(8), total)))
    gated = builder.add(Multiply(), total, squeezed)
    builder.add(Linear(3), builder.add(GlobalAvgPool(), gated))
    return builder.graph()


def dense() -> Graph:
    """Maps of all layers side by side, and a difference."""
    builder = GraphBuilder()
    x = builder.input(SHAPE)
    maps = [builder.add(Conv2d(3, 3, padding="same"), x)]
    for _ in range(2):
        together = builder.add(Concat(), x, *maps)
        maps.append(builder.add(Conv2d(3, 3, padding=1), builder.add(PReLU(), together)))
    y = builder.add(Subtract(), maps[-1], maps[0])
    builder.add(Softmax(), builder.add(Linear(3), builder.add(Flatten(), builder.add(MaxPool2d(2), y))))
    return builder.graph()


def strange() -> Graph:
    """Grouped, dilated, transposed and locally connected layers, and normalisations."""
    builder = GraphBuilder()
    y = builder.input(SHAPE)
    for layer in (
        Conv2d(6, 3, padding=2, dilation=2, groups=2, padding_mode="reflect"),
        LocalResponseNorm(3, alpha=0.5),
        LeakyReLU(),
        Conv2d(4, 3, stride=2, flip=True),
        GroupNorm(groups=2),
        ConvTranspose2d(4, 3, stride=2, groups=2, output_padding=1),
        MaxPool2d(3, 2),
        LocallyConnected2d(3, 2),
        Dropout(0.5),
        GlobalMaxPool(),
        Linear(3),
    ):
        y = builder.add(layer, y)
    return builder.graph()


def trained(graph: Graph, seed: int = 0) -> Model:
    """A model with statistics, scales, shifts and biases as if trained."""
    generator = np.random.default_rng(seed)
    model = Model(graph, seed=seed)
    changed = {}
    for name, spec in graph.parameters.items():
        if spec.role != "fixed" and len(spec.shape) < 2:
            drawn = generator.uniform(0.5, 1.5, spec.shape) if "bias" not in name else None
            changed[name] = generator.normal(0, 0.2, spec.shape) if drawn is None else drawn
    model.set_parameters(changed)
    return model


def networks() -> dict[str, Model]:
    """Models by name, each for images of its own shape and three classes or more."""
    made = {name.__name__: trained(name()) for name in (residual, dense, strange)}
    return made | {"lenet5-1998": zoo.create("lenet5-1998")}


def images(model: Model, count: int, seed: int = 0) -> Array:
    """Images of a model's shape."""
    shape = model.graph.shapes[model.graph.inputs[0]]
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)
