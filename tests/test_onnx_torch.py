"""What PyTorch exports comes in: the families of networks that people use, by both of its exporters."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from onnx_text import runtime
from torch_families import FAMILIES, Family

import pellucid
from pellucid import Model
from pellucid.engines.engine import CompileOptions, Examples, Purpose
from pellucid.engines.native import NativeEngine
from pellucid.objectives import CrossEntropy, SquaredError
from pellucid.optimizers import SGD

Exporter = Literal["script", "dynamo"]


def exported(family: Family, exporter: Exporter, path: Path) -> Path:
    """The family's network as an ONNX file, the number of images left open."""
    module, images = family.module(), family.images(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PyTorch says about its own parts
        if exporter == "script":
            names = [f"x{index}" for index in range(len(images))]
            axes = {name: {0: "n"} for name in names}
            torch.onnx.export(module, images, path, dynamo=False, input_names=names, dynamic_axes=axes)
        else:
            shapes = tuple({0: torch.export.Dim("n")} for _ in images)
            torch.onnx.export(module, images, path, dynamo=True, dynamic_shapes=shapes, verbose=False)
    return path


def outputs(model: Model, images: tuple[torch.Tensor, ...]) -> tuple[np.ndarray, ...]:
    made = model.predict(*(image.numpy() for image in images))
    return made if isinstance(made, tuple) else (made,)


@pytest.mark.parametrize("exporter", ["script", "dynamo"])
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_an_exported_network_computes_what_pytorch_does(
    family: Family, exporter: Exporter, tmp_path: Path
) -> None:
    path = exported(family, exporter, tmp_path / "network.onnx")
    images = family.images(3)
    with torch.no_grad():
        expected = family.module()(*images)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for engine in ("reference", "native"):
        given = outputs(pellucid.load(path, engine=engine), images)
        for ours, theirs in zip(given, expected, strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_an_imported_network_goes_back_to_onnx(family: Family, tmp_path: Path) -> None:
    net = pellucid.load(exported(family, "script", tmp_path / "network.onnx"), engine="reference")
    net.to_onnx(tmp_path / "again.onnx")
    images = family.images(3)
    expected = outputs(net, images)
    again = pellucid.load(tmp_path / "again.onnx", engine="reference")
    for computed in (runtime(tmp_path / "again.onnx", *(i.numpy() for i in images)), outputs(again, images)):
        for ours, theirs in zip(computed, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert [node.name for node in again.graph.nodes] == [node.name for node in net.graph.nodes]
    assert [type(node.layer) for node in again.graph.nodes] == [type(node.layer) for node in net.graph.nodes]


@pytest.mark.parametrize("family", [family for family in FAMILIES if len(family.shapes) == 1], ids=str)
def test_an_imported_network_trains(family: Family, tmp_path: Path) -> None:
    net = pellucid.load(exported(family, "script", tmp_path / "network.onnx"))
    images = family.images(8)[0].numpy()
    shape = net.graph.shapes[net.graph.outputs[0]]
    random = np.random.default_rng(3)
    classes = len(shape) == 1
    targets = random.integers(0, shape[0], 8) if classes else random.normal(size=(8, *shape))
    program = NativeEngine().compile(
        net.graph,
        CompileOptions(
            8, Purpose.TRAINING, objective=CrossEntropy() if classes else SquaredError(), optimizer=SGD()
        ),
    )
    program.write_parameters(net.parameters)
    examples = Examples(images, targets if classes else targets.astype(np.float32))
    rate = 0.05 if classes else 0.05 / np.prod(shape)
    report = program.train_steps(examples, np.tile(np.arange(8), 6), batch_size=8, learning_rates=[rate] * 6)
    assert report.losses[-1] < report.losses[0]
