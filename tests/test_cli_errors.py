"""The command `pellucid` over bad input: one line that names what is wrong, status 2, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_cases import Run, model_file, picture
from picture_cases import collection, folder

import pellucid


def truncated(path: Path) -> Path:
    content = model_file(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def resumable(folder: Path) -> Path:
    """A finished run."""
    net = pellucid.zoo.create("mlp", engine="reference")
    pellucid.train(net, pellucid.data.load("digits"), epochs=1, output=folder, progress=False)
    return folder


BAD: dict[str, tuple[Callable[[Path], tuple[object, ...]], str]] = {
    "an unknown command": (lambda t: ("trian",), "no such command 'trian'"),
    "an unknown option": (lambda t: ("train", "mlp", "--epoch", "3"), "--epoch"),
    "no network": (lambda t: ("train",), "missing argument 'NETWORK'"),
    "epochs that are no number": (lambda t: ("train", "mlp", "--epochs", "many"), "--epochs"),
    "no epoch": (lambda t: ("train", "mlp", "--epochs", 0), "--epochs"),
    "an unknown network": (
        lambda t: ("train", "lenet6"),
        "unknown network 'lenet6'; did you mean lenet5 or ",
    ),
    "a summary of an unknown network": (lambda t: ("summary", "prceptron"), "did you mean perceptron"),
    "a batch size without a plan": (
        lambda t: ("summary", "mlp", "--batch-size", "3"),
        "--training and --batch-size say what to plan for, so they need --plan",
    ),
    "tuning without a plan": (
        lambda t: ("summary", "mlp", "--tune"),
        "--algorithm and --tune change a plan, so they need --plan",
    ),
    "an output without tuning": (
        lambda t: ("summary", "mlp", "--plan", "--output", "net.pellucid"),
        "--output receives the model with its tuning, so it needs --tune",
    ),
    "an algorithm without a node": (
        lambda t: ("summary", "resnet20", "--plan", "--algorithm", "winograd"),
        "--algorithm takes NODE=NAME, for example conv1=direct, received 'winograd'",
    ),
    "two algorithms for a node": (
        lambda t: (
            *("summary", "resnet20", "--plan", "--algorithm", "conv1=direct"),
            *("--algorithm", "conv1=winograd"),
        ),
        "--algorithm gives conv1 one algorithm, received direct and winograd",
    ),
    "an algorithm of an unknown node": (
        lambda t: ("summary", "resnet20", "--plan", "--algorithm", "conv=direct"),
        "unknown node 'conv'; did you mean conv1",
    ),
    "an algorithm of a layer that has none": (
        lambda t: ("train", "mlp", "--algorithm", "relu1=winograd"),
        "relu1: algorithms are for convolutions, received 'winograd' for a ReLU",
    ),
    "an algorithm that cannot be": (
        lambda t: ("summary", "lenet5-1998", "--plan", "--algorithm", "c3=winograd"),
        "c3: winograd computes convolutions of stride 1 in one group",
    ),
    "an algorithm for the reference engine": (
        lambda t: ("summary", "lenet5", "--plan", "--engine", "reference", "--algorithm", "conv1=direct"),
        "conv1: the reference engine computes every layer by its definition, received 'direct'",
    ),
    "tuning the reference engine": (
        lambda t: ("train", "mlp", "--engine", "reference", "--tune"),
        "the reference engine computes every layer by its definition: nothing to tune",
    ),
    "tuning a resumed run": (
        lambda t: ("train", "mlp", "--tune", "--resume", "--output", resumable(t / "run")),
        "a run is tuned (--tune) when it begins",
    ),
    "tuning the perceptron": (
        lambda t: ("train", "perceptron", "--tune", "--classes", "0,1"),
        "perceptron: Rosenblatt's rule takes",
    ),
    "an unknown data set": (
        lambda t: ("train", "mlp", "--data", "mnits"),
        "unknown data set 'mnits'; did you mean mnist or digits?",
    ),
    "a data folder without its files": (
        lambda t: ("train", "mlp", "--data", t),
        "holds no pictures",
    ),
    "a file that is no data set": (
        lambda t: ("train", "mlp", "--data", written(t / "notes.txt", b"hello")),
        "notes.txt: a data set is a name or a folder of pictures",
    ),
    "a truncated npz": (
        lambda t: ("train", "mlp", "--data", written(t / "x.npz", b"PK\3\4")),
        "x.npz: not a .npz file, or damaged",
    ),
    "a broken picture": (
        lambda t: ("train", "mlp", "--data", folder(t / "x", collection() | {"train/cat/0.png": b"no"})),
        "x/train/cat/0.png: not a picture of a kind that is read",
    ),
    "an unknown augmentation": (
        lambda t: ("train", "mlp", "--augment", "pad-drop:4"),
        "unknown augmentation 'pad-drop'; did you mean pad-crop?",
    ),
    "an augmentation with words for numbers": (
        lambda t: ("train", "mlp", "--augment", "pad-crop:four"),
        "pad-crop: padding is a whole number, received 'four'",
    ),
    "an augmentation of the perceptron": (
        lambda t: ("train", "perceptron", "--classes", "0,1", "--augment", "flip"),
        "Rosenblatt's rule takes",
    ),
    "a validation part of everything": (
        lambda t: ("train", "mlp", "--validation", 1),
        "digits: the part that is held out is more than 0 and less than 1, received 1.0",
    ),
    "an unknown engine": (
        lambda t: ("train", "mlp", "--engine", "nativ"),
        "unknown engine 'nativ'; did you mean native?",
    ),
    "threads for the reference engine": (
        lambda t: ("train", "mlp", "--engine", "reference", "--threads", 2),
        "--threads is for the native engine",
    ),
    "an unknown loss": (lambda t: ("train", "mlp", "--loss", "focal"), "unknown loss 'focal'"),
    "an unknown optimizer": (
        lambda t: ("train", "mlp", "--optimizer", "adm"),
        "unknown optimizer 'adm'; did you mean adam",
    ),
    "an unknown schedule": (lambda t: ("train", "mlp", "--schedule", "onecycle"), "did you mean one-cycle?"),
    "a negative learning rate": (
        lambda t: ("train", "mlp", "--learning-rate", "-1"),
        "learning_rate is at least 0 and finite, received -1.0",
    ),
    "a folder that cannot be written": (
        lambda t: ("train", "mlp", "--output", written(t / "file", b"") / "run"),
        "cannot write",
    ),
    "a demo that cannot be written": (
        lambda t: ("demo", "--output", written(t / "file", b"") / "m.pellucid"),
        "cannot write",
    ),
    "a folder that is a file": (
        lambda t: ("train", "mlp", "--output", written(t / "file", b"")),
        "cannot write",
    ),
    "a run to resume that is not there": (
        lambda t: ("train", "mlp", "--output", t / "none", "--resume"),
        "holds no run to resume",
    ),
    "a model file that is not there": (
        lambda t: ("evaluate", t / "none.pellucid"),
        "none.pellucid: no such file",
    ),
    "a truncated model file": (
        lambda t: ("evaluate", truncated(t / "cut.pellucid")),
        "cut.pellucid: ",
    ),
    "a truncated model file to train": (
        lambda t: ("train", truncated(t / "cut.pellucid")),
        "cut.pellucid: ",
    ),
    "a model file of another kind": (
        lambda t: ("summary", written(t / "net.png", b"\x89PNG\r\n\x1a\n" * 40)),
        "not a model file",
    ),
    "a data set with more classes": (
        lambda t: ("evaluate", model_file(t / "net.pellucid"), "--data", "digits"),
        "digits: has 10 classes, and tiny has 3 output(s)",
    ),
    "no image": (lambda t: ("predict", model_file(t / "net.pellucid")), "missing argument 'IMAGE...'"),
    "an image that is not there": (
        lambda t: ("predict", model_file(t / "net.pellucid"), t / "none.png"),
        "none.png: ",
    ),
    "an image of the wrong size": (
        lambda t: ("predict", model_file(t / "net.pellucid"), picture(t / "a.png", (7, 6))),
        "expects pictures of 6 x 6 (width x height), received 7 x 6; --resize fits it",
    ),
    "an image that is none": (
        lambda t: ("predict", model_file(t / "net.pellucid"), written(t / "a.png", b"text\n" * 30)),
        "a.png: not a picture",
    ),
    "a perceptron of ten classes": (
        lambda t: ("train", "perceptron"),
        "separates two classes, digits has 10; choose with --classes",
    ),
    "a perceptron of one class": (
        lambda t: ("train", "perceptron", "--classes", "1,1"),
        "two different classes A,B, received '1,1'",
    ),
    "a perceptron of an unknown class": (
        lambda t: ("train", "perceptron", "--classes", "1,x"),
        "unknown class 'x'",
    ),
    "a perceptron with a batch size": (
        lambda t: ("train", "perceptron", "--classes", "0,1", "--batch-size", 8),
        "Rosenblatt's rule takes",
    ),
    "classes for another network": (
        lambda t: ("train", "mlp", "--classes", "0,1"),
        "--classes is for the perceptron",
    ),
    "weights that become infinite": (
        lambda t: ("train", "mlp", "--learning-rate", "1e30", "--schedule", "constant"),
        "is the first layer with",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_one_line_and_status_2(pellucid_command: Run, tmp_path: Path, case: str) -> None:
    arguments, text = BAD[case]
    status, _, errors = pellucid_command(*arguments(tmp_path))
    assert status == 2
    assert errors.startswith("pellucid: ")
    assert errors.count("\n") == 1
    assert errors.endswith("\n")
    assert text in errors
    assert "Traceback" not in errors


def test_a_folder_that_holds_a_run_is_left_alone(pellucid_command: Run, tmp_path: Path) -> None:
    for network_arguments in (("mlp",), ("perceptron", "--classes", "0,1")):
        arguments = ("train", *network_arguments, "--epochs", 1, "--output", network_arguments[0])
        assert pellucid_command(*arguments)[0] == 0
        before = (tmp_path / network_arguments[0] / "model.pellucid").read_bytes()
        status, _, errors = pellucid_command(*arguments)
        assert status == 2
        assert "another folder" in errors
        assert (tmp_path / network_arguments[0] / "model.pellucid").read_bytes() == before


def test_an_unwritable_folder_is_found_out_before_training(pellucid_command: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, output, _ = pellucid_command("train", "mlp", "--output", "file/run")
    assert (status, output) == (2, "")
