"""Whole networks at their own size: the native engine's logits are PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.torch_networks import torch_network
from pellucid import zoo
from pellucid.engines.engine import CompileOptions, Purpose
from pellucid.engines.native import NativeEngine
from pellucid.model import Model

LARGEST_LOGIT = 10.0
"""Of all images and classes; differences are held against logits of this scale."""

NETWORKS = (
    "lenet5",
    "tiny-vgg",
    "resnet20",
    "resnet18",
    pytest.param("resnet50", marks=pytest.mark.slow),
    pytest.param("alexnet", marks=pytest.mark.slow),
    pytest.param("vgg16", marks=pytest.mark.slow),
)


FILTERED = ("alexnet", "vgg16", "resnet18", "resnet50")
"""Networks that have layers for which minimal filtering is chosen."""


def algorithms(net: Model) -> set[str]:
    schema = net.engine.describe(net.graph, CompileOptions(1, Purpose.INFERENCE))
    return {decision.choice for decision in schema.decisions}


def drawn(name: str) -> Model:
    """With scales, shifts and running statistics as training might leave them."""
    net = zoo.create(name, seed=1, engine=NativeEngine(poison=True))
    random = np.random.default_rng(2)
    ranges = {
        "weight": (0.5, 1.5),
        "bias": (-0.2, 0.2),
        "running_mean": (-0.2, 0.2),
        "running_var": (0.5, 1.5),
    }
    net.set_parameters(
        {
            full: random.uniform(*ranges[full.rpartition(".")[2]], array.shape)
            for full, array in net.parameters.items()
            if array.ndim == 1
        }
    )
    return net


def torch_logits(net: Model, name: str, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        logits: np.ndarray = torch_network(name, net.parameters).eval()(torch.from_numpy(images)).numpy()
    return logits


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_those_of_pytorch(name: str) -> None:
    net = drawn(name)
    images = np.random.default_rng(0).random((2, *net.graph.shapes["input"]), np.float32)
    scale = LARGEST_LOGIT / np.abs(torch_logits(net, name, images)).max()
    *_, weight, bias = net.parameters
    net.set_parameters({full: net.parameters[full] * scale for full in (weight, bias)})
    expected = torch_logits(net, name, images)
    assert np.abs(expected).max() == pytest.approx(LARGEST_LOGIT, rel=1e-3)
    assert np.abs(expected[0] - expected[1]).max() > 0.01  # the images matter
    assert name not in FILTERED or "winograd" in algorithms(net)
    for count in (1, 2):
        assert np.abs(net.predict(images[:count]) - expected[:count]).max() <= 1e-3
