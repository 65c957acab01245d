"""The networks of the zoo compute what PyTorch computes with the same weights, and read its state dicts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from zoo_cases import CASES, CLASSES, module

from pellucid import zoo
from pellucid.formats.weights import write_state_dict
from pellucid.model import Model

Arrays = dict[str, NDArray[np.float32]]


def state_of(net: torch.nn.Module) -> Arrays:
    tensors = net.state_dict().items()
    return {name: tensor.numpy() for name, tensor in tensors if tensor.is_floating_point()}


def in_order(net: Model, arrays: Mapping[str, NDArray[np.float32]]) -> Arrays:
    return dict(zip(net.parameters, arrays.values(), strict=True))


def loaded(name: str, net: torch.nn.Module, folder: Path) -> Model:
    """The zoo's network with a module's weights: by torchvision's names, or in order where it has none."""
    shape = (3, CASES[name].side, CASES[name].side)
    state = state_of(net)
    if zoo.find(name).published is None:
        ours = zoo.create(name, classes=CLASSES, input_shape=shape)
        ours.set_parameters(in_order(ours, state))
        return ours
    write_state_dict(folder / "weights.safetensors", state)
    return zoo.create(name, classes=CLASSES, input_shape=shape, weights=folder / "weights.safetensors")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if case.slow else ()) for name, case in CASES.items()],
)
def test_computes_what_pytorch_computes(name: str, tmp_path: Path) -> None:
    net = module(name)
    ours = loaded(name, net, tmp_path)
    images = np.random.default_rng(0).random((2, *ours.graph.shapes["input"]), np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(images))
    received = ours.predict(images)
    expected = expected if isinstance(expected, tuple) else (expected,)
    received = received if isinstance(received, tuple) else (received,)
    for theirs, scores in zip(expected, received, strict=True):
        wanted = theirs.numpy()
        assert scores.shape == (2, CLASSES)
        assert np.abs(wanted[0] - wanted[1]).max() > 1e-4 * np.abs(wanted).max()  # the images matter
        assert np.linalg.norm(scores - wanted) <= 1e-4 * np.linalg.norm(wanted)


def test_every_network_but_the_smallest_has_a_definition_in_pytorch() -> None:
    elsewhere = {"lenet5", "lenet5-1998", "mlp", "perceptron", "tiny-vgg"}
    assert CASES.keys() | elsewhere == set(zoo.names())
