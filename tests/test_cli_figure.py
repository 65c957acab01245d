"""The command `pellucid figure`: every figure from the command line, and one line where one cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli_cases import Run, idx_folder, model_file, picture
from PIL import Image

from pellucid.training import EpochRecord, History


def history_file(folder: Path) -> Path:
    folder.mkdir()
    History("tiny", "blobs", (EpochRecord(1, 2.0, 0.5, 1.5, 0.6, 1.0, 10.0),)).save(folder / "history.json")
    return folder


DRAWN: dict[str, Callable[[Path], tuple[object, ...]]] = {
    "convolution": lambda t: ("convolution", "--input", "7", "--kernel", "3", "--stride", "2"),
    "padded": lambda t: (
        *("convolution", "--input", "5x6", "--kernel", "2x3", "--padding", "same", "--dilation", "2"),
        *("--padding-mode", "reflect", "--at", "1,2"),
    ),
    "transposed": lambda t: (
        *("convolution", "--input", "3", "--stride", "2", "--padding", "1x0", "--transposed"),
        *("--output-padding", "1"),
    ),
    "activation": lambda t: ("activation", "relu", "gelu"),
    "every activation": lambda t: ("activation", "all"),
    "architecture": lambda t: ("architecture", "mlp"),
    "unfolded": lambda t: ("architecture", model_file(t / "m.pellucid"), "--unfolded"),
    "filters": lambda t: ("filters", model_file(t / "m.pellucid"), "--scope", "layer"),
    "connection table": lambda t: ("filters", "lenet5-1998", "--node", "c3"),
    "feature maps": lambda t: (
        *("feature-maps", model_file(t / "m.pellucid"), picture(t / "p.png")),
        *("--node", "relu1", "--limit", "3", "--scope", "map"),
    ),
    "curves": lambda t: ("curves", history_file(t / "a"), history_file(t / "b") / "history.json"),
    "confusion": lambda t: ("confusion", model_file(t / "m.pellucid"), "--data", idx_folder(t / "d")),
    "mistakes": lambda t: (
        *("mistakes", model_file(t / "m.pellucid"), "--data", idx_folder(t / "d")),
        *("--count", "2"),
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_written_and_said_to_be(pellucid_command: Run, tmp_path: Path, name: str) -> None:
    status, output, errors = pellucid_command("figure", *DRAWN[name](tmp_path), "-o", "pictures/it.svg")
    assert (status, errors) == (0, "")
    assert output.startswith("pictures/it.svg: ")
    assert output.endswith(" inches\n")
    assert ElementTree.parse("pictures/it.svg").getroot().tag.endswith("svg")


def test_the_ending_chooses_the_format(pellucid_command: Run) -> None:
    assert pellucid_command("figure", "activation", "tanh", "--output", "a.png")[0] == 0
    with Image.open("a.png") as image:
        assert image.format == "PNG"


def test_alone_it_lists_its_figures(pellucid_command: Run) -> None:
    status, output, _ = pellucid_command("figure")
    assert status == 0
    for name in ("convolution", "architecture", "feature-maps", "curves", "confusion", "mistakes"):
        assert name in output


def named(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


REFUSED: dict[str, tuple[Callable[[Path], tuple[object, ...]], str]] = {
    "another ending": (
        lambda t: ("convolution", "-o", "a.gif"),
        "a.gif: figures are written as .svg, .png, .pdf, received '.gif'",
    ),
    "no file": (lambda t: ("convolution",), "missing option '--output' / '-o'"),
    "a folder in the way": (
        lambda t: ("convolution", "-o", named(t / "file", "") / "a.svg"),
        "cannot write",
    ),
    "a length that is none": (
        lambda t: ("convolution", "--input", "7x", "-o", "a.svg"),
        "--input takes a number or HEIGHTxWIDTH, for example 7 or 7x5, received '7x'",
    ),
    "a kernel that does not fit": (
        lambda t: ("convolution", "--input", "3", "--kernel", "5", "-o", "a.svg"),
        "a window of 5 needs an input at least as long",
    ),
    "an unknown padding mode": (
        lambda t: ("convolution", "--padding-mode", "wrap", "-o", "a.svg"),
        "--padding-mode is one of zeros, edge, reflect, circular, received 'wrap'",
    ),
    "a cell that is none": (
        lambda t: ("convolution", "--at", "1", "-o", "a.svg"),
        "--at takes ROW,COLUMN, for example 0,2, received '1'",
    ),
    "a cell outside": (lambda t: ("convolution", "--at", "9,9", "-o", "a.svg"), "lies within (5, 5)"),
    "an unknown language": (
        lambda t: ("convolution", "--language", "fr", "-o", "a.svg"),
        "the language of a figure is one of en, zh, received 'fr'",
    ),
    "an unknown function": (lambda t: ("activation", "rleu", "-o", "a.svg"), "did you mean relu"),
    "an unknown network": (lambda t: ("architecture", "lenet6", "-o", "a.svg"), "did you mean lenet5"),
    "an unknown node": (
        lambda t: (
            *("feature-maps", model_file(t / "m.pellucid"), picture(t / "p.png")),
            *("--node", "conv9", "-o", "a.svg"),
        ),
        "unknown node 'conv9'; did you mean conv1",
    ),
    "filters of a layer without": (
        lambda t: ("filters", "mlp", "-o", "a.svg"),
        "has no convolution whose filters could be shown",
    ),
    "filters of another layer": (
        lambda t: ("filters", "mlp", "--node", "fc1", "-o", "a.svg"),
        "fc1: filters are drawn of a convolution, received Linear",
    ),
    "an unknown scope": (
        lambda t: ("filters", "lenet5", "--scope", "net", "-o", "a.svg"),
        "--scope is one of layer, map, received 'net'",
    ),
    "no run": (lambda t: ("curves", t / "nothing", "-o", "a.svg"), "nothing: cannot be read"),
    "a run that is none": (
        lambda t: ("curves", named(t / "h.json", "[1]"), "-o", "a.svg"),
        "h.json: not the history of a run",
    ),
    "a run without an epoch": (
        lambda t: (
            *("curves", named(t / "h.json", json.dumps(History("a", "b").to_json()))),
            *("-o", "a.svg"),
        ),
        "learning curves take runs of at least one epoch",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_drawn_ends_in_one_line(pellucid_command: Run, tmp_path: Path, name: str) -> None:
    arguments, expected = REFUSED[name]
    status, output, errors = pellucid_command("figure", *arguments(tmp_path))
    assert (status, output) == (2, "")
    assert errors.startswith("pellucid: ")
    assert errors.count("\n") == 1
    assert expected in errors
    assert not Path("a.svg").exists()
