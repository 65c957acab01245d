"""Small networks in both libraries, the same weights, every bias at work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from benchmarks.torch_networks import load_in_order
from pellucid.graph import GraphBuilder
from pellucid.layers import (
    Add,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool1d,
    MaxPool2d,
    ReLU,
    Softmax,
)
from pellucid.model import Model, Sequential


class Residual(nn.Module):
    """A stem, one block with a shortcut, the mean of each map, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.branch = nn.Sequential(
            nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1)
        )
        self.last = nn.ReLU()
        self.fc = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.stem(x))
        return self.fc(self.last(x + self.branch(x)).mean((2, 3)))


def residual() -> Model:
    builder = GraphBuilder()
    x = builder.input((2, 13, 11))
    x = builder.add(ReLU(), builder.add(BatchNorm2d(), builder.add(Conv2d(6, kernel_size=3, padding=1), x)))
    x = builder.add(MaxPool2d(3, stride=2, padding=1), x)
    y = builder.add(ReLU(), builder.add(BatchNorm2d(), builder.add(Conv2d(6, kernel_size=3, padding=1), x)))
    y = builder.add(Conv2d(6, kernel_size=3, padding=1), y)
    x = builder.add(ReLU(), builder.add(Add(), x, y), name="last")
    x = builder.add(Linear(4), builder.add(GlobalAvgPool(), x))
    builder.add(Softmax(), x)
    return Model(builder.graph())


def chain() -> Model:
    return Sequential(
        Conv2d(6, kernel_size=3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Conv2d(8, kernel_size=3),
        ReLU(),
        Flatten(),
        Linear(12),
        ReLU(),
        Linear(4),
        input_shape=(3, 12, 10),
    )


def torch_chain() -> nn.Module:
    features = (nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU())
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(96, 12), nn.ReLU(), nn.Linear(12, 4))


def signal() -> Model:
    return Sequential(
        Conv1d(5, kernel_size=5),
        ReLU(),
        MaxPool1d(2),
        Conv1d(6, kernel_size=3),
        ReLU(),
        Flatten(),
        Linear(4),
        input_shape=(2, 30),
    )


def torch_signal() -> nn.Module:
    features = (nn.Conv1d(2, 5, 5), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(5, 6, 3), nn.ReLU())
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(66, 4))


@dataclass(frozen=True)
class Pair:
    """One network in both libraries.

    Attributes:
        model: Pellucid's.
        module: PyTorch's.
        layer: the submodule whose output is the last that has places.
        images: some.
        classes: one an image.
    """

    model: Model
    module: nn.Module
    layer: str
    images: np.ndarray
    classes: np.ndarray


CASES: dict[str, tuple[Callable[[], Model], Callable[[], nn.Module], str]] = {
    "chain": (chain, torch_chain, "4"),
    "residual": (residual, Residual, "last"),
    "signal": (signal, torch_signal, "4"),
}


def pair(name: str, count: int = 5, seed: int = 0) -> Pair:
    """The case of this name with drawn weights, images and classes."""
    ours, theirs, layer = CASES[name]
    model, module = ours(), theirs().eval()
    random = np.random.default_rng(seed)
    small = {
        full: random.normal(0, 0.3, array.shape)
        for full, array in model.parameters.items()
        if full.endswith((".bias", ".running_mean"))
    }
    model.set_parameters(small)
    load_in_order(module.requires_grad_(False), model.parameters)
    shape = model.graph.shapes[model.graph.inputs[0]]
    images = random.normal(size=(count, *shape)).astype(np.float32)
    return Pair(model, module, layer, images, random.integers(0, 4, count))
