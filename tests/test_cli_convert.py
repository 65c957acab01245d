"""The command that writes a model in another format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from cli_cases import Run, model_file
from safetensors.numpy import load_file

import pellucid


def test_a_model_goes_to_onnx_and_back_with_its_names(pellucid_command: Run, tmp_path: Path) -> None:
    model_file(tmp_path / "net.pellucid")
    status, output, errors = pellucid_command("convert", "net.pellucid", "net.onnx")
    assert (status, errors) == (0, "")
    assert output.startswith("net.onnx: the model for other programs, ")
    assert pellucid_command("convert", "net.onnx", "again.pellucid")[0] == 0
    first = pellucid.load(tmp_path / "net.pellucid", engine="reference")
    again = pellucid.load(tmp_path / "again.pellucid", engine="reference")
    assert again.graph == first.graph
    assert again.class_names == ("circle", "cross", "star")
    assert (again.name, again.output_kind) == (first.name, first.output_kind)
    for name, array in first.parameters.items():
        assert np.array_equal(again.parameters[name], array), name


def test_summary_is_the_same_of_an_onnx_file(pellucid_command: Run, tmp_path: Path) -> None:
    model_file(tmp_path / "net.pellucid")
    pellucid_command("convert", "net.pellucid", "net.onnx")
    assert pellucid_command("summary", "net.onnx") == pellucid_command("summary", "net.pellucid")


def test_a_network_of_the_zoo_is_written_with_its_names(pellucid_command: Run, tmp_path: Path) -> None:
    assert pellucid_command("convert", "lenet5", "net.onnx")[0] == 0
    made = onnx.load(tmp_path / "net.onnx")
    names = {tensor.name for tensor in made.graph.initializer}
    assert names == set(pellucid.zoo.create("lenet5", engine="reference").parameters)
    assert made.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"


def test_weights_alone_are_written_by_name(pellucid_command: Run, tmp_path: Path) -> None:
    net = model_file(tmp_path / "net.pellucid")
    assert pellucid_command("convert", net, "weights.safetensors")[0] == 0
    arrays = load_file(tmp_path / "weights.safetensors")
    parameters = pellucid.load(net, engine="reference").parameters
    assert {name: array.tobytes() for name, array in arrays.items()} == {
        name: array.tobytes() for name, array in parameters.items()
    }


def test_weights_are_written_for_pytorch(pellucid_command: Run, tmp_path: Path) -> None:
    assert pellucid_command("convert", model_file(tmp_path / "net.pellucid"), "weights.pth")[0] == 0
    arrays = torch.load(tmp_path / "weights.pth", weights_only=True)
    parameters = pellucid.load(tmp_path / "net.pellucid", engine="reference").parameters
    assert {name: array.numpy().tobytes() for name, array in arrays.items() if array.ndim} == {
        name: array.tobytes() for name, array in parameters.items()
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("lenet5", "net.txt"),
            "pellucid: net.txt: files are written as .pellucid, .onnx, .safetensors, .pth, received '.txt'\n",
        ),
        (("nothing.onnx", "net.onnx"), "pellucid: nothing.onnx: no such file\n"),
    ],
)
def test_what_cannot_be_converted_is_said_in_one_line(
    pellucid_command: Run, arguments: tuple[str, str], said: str
) -> None:
    assert pellucid_command("convert", *arguments) == (2, "", said)
