"""The command `pellucid explain`: the sum behind a number, printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_cases import Run, model_file, picture

import pellucid
from pellucid import explain
from pellucid.data.images import read_image


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return model_file(tmp_path / "net.pellucid"), picture(tmp_path / "a.png")


def test_the_sum_of_a_cell(pellucid_command: Run, files: tuple[Path, Path]) -> None:
    status, output, errors = pellucid_command("explain", *files, "--node", "conv1", "--at", "3,2,1")
    assert (status, errors) == (0, "")
    net = pellucid.load(files[0])
    image = read_image(files[1], (1, 6, 6))
    assert output == f"{explain.arithmetic(net, image, 'conv1', (3, 2, 1))}\n"
    assert output.startswith("conv1[3, 2, 1] = ")


def test_its_proof_and_its_latex(pellucid_command: Run, files: tuple[Path, Path]) -> None:
    status, output, _ = pellucid_command(
        "explain", *files, "--node", "norm1", "--at", "0,0,0", "--prove", "--latex"
    )
    assert status == 0
    assert output.startswith("\\begin{aligned}\n\\mathrm{norm1}_{0,0,0} &=")
    assert "(BatchNorm2d by its definition, in float64)\n  they agree within" in output


@pytest.mark.parametrize(
    "what", [("--node", "conv1", "--at", "3,2,1"), ("--parameter", "fc1.weight", "--at", "2,1")]
)
def test_gradients_of_a_score_and_of_the_loss(
    pellucid_command: Run, files: tuple[Path, Path], what: tuple[str, ...]
) -> None:
    status, score, _ = pellucid_command("explain", *files, "--gradient", *what, "--target", "star", "--prove")
    assert status == 0
    assert "  J = fc1[2]\n" in score
    assert "they agree" in score
    status, loss, _ = pellucid_command("explain", *files, "--gradient", *what, "--target", "2", "--loss")
    assert status == 0
    assert "  J = CrossEntropy (mean of 1)\n" in loss
    net = pellucid.load(files[0])
    image = read_image(files[1], (1, 6, 6))
    question = {what[0].removeprefix("--"): what[1]}
    at = tuple(int(number) for number in what[3].split(","))
    expected = explain.gradient_arithmetic(net, image, at=at, targets=np.array([2]), **question)
    assert loss == f"{expected}\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--node", "conv9", "--at", "1"), "unknown node 'conv9'; did you mean conv1"),
        (("--node", "conv1", "--at", "9,0,0"), "conv1: a cell lies within (4, 4, 4), received (9, 0, 0)"),
        (("--node", "conv1", "--at", "0,0"), "conv1: a cell of (4, 4, 4) is 3 numbers"),
        (("--node", "conv1", "--at", "a,b"), "--at takes whole numbers between commas: 3,5,7"),
        (("--node", "conv1"), "--at says which cell"),
        (("--at", "1"), "explain takes --node, or --parameter with --gradient"),
        (("--node", "conv1", "--at", "0,0,0", "--target", "star"), "so they need --gradient"),
        (("--gradient", "--node", "conv1", "--at", "0,0,0", "--target", "moon"), "circle, cross, star"),
        (
            ("--gradient", "--node", "conv1", "--at", "0,0,0", "--loss"),
            "--loss needs the class that is right",
        ),
        (("--gradient", "--parameter", "norm1.running_mean", "--at", "0"), "unknown trainable parameter"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_question_ends_in_one_line(
    pellucid_command: Run, files: tuple[Path, Path], options: tuple[str, ...], message: str
) -> None:
    status, output, errors = pellucid_command("explain", *files, *options)
    assert (status, output) == (2, "")
    assert message in errors
    assert errors.startswith("pellucid: ")
    assert errors.count("\n") == 1
