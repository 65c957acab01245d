"""PyTorch modules come in with their own layers and names, and their weights go back."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch_families import FAMILIES, Family

import pellucid
from pellucid.errors import DataError, FormatError
from pellucid.formats.pytorch import load_state_dict, save_state_dict, state_dict
from pellucid.layers import BatchNorm, Dropout, Dropout2d, DropoutLayer, StochasticDepth


class DropPath(nn.Module):
    """As timm writes it."""

    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        return x * torch.empty((len(x), 1, 1, 1)).bernoulli_(1 - self.drop_prob) / (1 - self.drop_prob)


class Dropping(nn.Module):
    """Every kind of dropout, one of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.maps = nn.Dropout2d(0.25)
        self.path = DropPath(0.125)
        self.cells = nn.Dropout(0.5)
        self.fc1 = nn.Linear(4, 4)
        self.fc2 = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.maps(self.bn(self.conv(x))))
        x = (x + self.path(x)).mean((2, 3))
        return self.fc2(self.cells(self.fc1(self.cells(x))))


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_a_module_computes_the_same_under_its_own_names(family: Family) -> None:
    module, images = family.module(), family.images(3)
    net = pellucid.from_torch(module, family.images(2), engine="reference")
    with torch.no_grad():
        expected = module(*images)
    made = net.predict(*(image.numpy() for image in images))
    pairs = zip(made, expected, strict=True) if isinstance(made, tuple) else [(made, expected)]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-4)
    own = {name for name, value in module.state_dict().items() if value.dim()}
    assert own <= state_dict(net).keys()
    norms = sum(isinstance(child, nn.modules.batchnorm._BatchNorm) for child in module.modules())
    assert sum(isinstance(node.layer, BatchNorm) for node in net.graph.nodes) == norms
    assert not module.training


@pytest.mark.parametrize("family", FAMILIES, ids=str)
@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_weights_go_back_into_the_module_and_come_again(family: Family, ending: str, tmp_path: Path) -> None:
    module = family.module()
    net = pellucid.from_torch(module, family.images(2), engine="reference")
    moved = {
        name: array + np.float32(0.5)
        for name, array in net.parameters.items()
        if net.graph.parameters[name].role != "fixed"
    }
    net.set_parameters(moved)
    save_state_dict(net, tmp_path / f"weights{ending}")
    reshaped = family.name == "channel-layer-norm"  # weight[:, None, None] is all that the graph sees
    if ending == ".pth" and not reshaped:
        written = torch.load(tmp_path / "weights.pth", weights_only=True)
        module.load_state_dict({name: written[name] for name in module.state_dict()}, strict=True)
        for name, value in module.state_dict().items():
            assert torch.equal(value, written[name]), name
    again = pellucid.from_torch(family.module(), family.images(2), engine="reference")
    load_state_dict(again, tmp_path / f"weights{ending}")
    for name, array in net.parameters.items():
        assert np.array_equal(array, again.parameters[name]), name


def test_every_kind_of_dropout_comes_along() -> None:
    module = Dropping().train()
    net = pellucid.from_torch(module, torch.rand(2, 3, 6, 6), engine="reference", class_names=("a", "b"))
    dropouts = {node.name: node.layer for node in net.graph.nodes if isinstance(node.layer, DropoutLayer)}
    assert dropouts == {
        "maps": Dropout2d(0.25),
        "path": StochasticDepth(0.125),
        "cells": Dropout(0.5),
        "cells_1": Dropout(0.5),
    }
    assert isinstance(net.graph.node("bn").layer, BatchNorm)
    assert net.class_names == ("a", "b")
    assert net.name == "Dropping"
    assert module.training
    assert isinstance(module.path, DropPath)
    assert module.state_dict().keys() == state_dict(net).keys()


def test_what_cannot_come_in_is_said_in_one_line() -> None:
    recurrent = nn.Sequential(nn.Flatten(2), nn.LSTM(36, 4))
    with pytest.raises(FormatError, match=r"Sequential: "):
        pellucid.from_torch(recurrent, torch.rand(2, 3, 6, 6))
    with pytest.raises(FormatError, match="Conv2d: PyTorch cannot export it: ") as raised:
        pellucid.from_torch(nn.Conv2d(3, 4, 3), torch.rand(2, 5, 6, 6))
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value.__cause__, RuntimeError)  # where in their own code, for those who look
    with pytest.raises(DataError, match=r"takes a torch\.nn\.Module, received str"):
        pellucid.from_torch("resnet18", torch.rand(2, 3, 6, 6))


def test_without_torch_the_command_to_type_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(FormatError, match=r"type: pip install 'pellucid\[torch,onnx\]'"):
        pellucid.from_torch(nn.ReLU(), torch.rand(1, 2))


def test_a_state_dict_of_another_network_is_refused(tmp_path: Path) -> None:
    net = pellucid.from_torch(Dropping(), torch.rand(2, 3, 6, 6), engine="reference")
    torch.save(nn.Linear(2, 3).state_dict(), tmp_path / "other.pth")
    with pytest.raises(FormatError, match=r"it lacks bn\.bias, .* and 4 more"):
        load_state_dict(net, tmp_path / "other.pth")
    with pytest.raises(FormatError, match="are written as"):
        save_state_dict(net, tmp_path / "weights.txt")
