"""What PyTorch exports comes in: the families of networks that people use, by both of its exporters."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch_families import FAMILIES, Family

import pellucid
from pellucid import Model

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
