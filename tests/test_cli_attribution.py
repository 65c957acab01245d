"""What `pellucid explain --method` prints and draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from attribution_cases import pair
from cli_cases import Run, model_file, picture
from PIL import Image

import pellucid
from pellucid.cli.attribution import explain_places
from pellucid.errors import DataError, PellucidError
from pellucid.model import Model

CLASSES = ("ant", "bee", "cat", "dog")


@pytest.fixture(scope="module")
def model() -> Model:
    made = pair("chain").model
    return Model(made.graph, made.parameters, class_names=CLASSES)


IMAGE = np.random.default_rng(5).random((3, 12, 10), np.float32)


def test_it_says_target_layer_and_why(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    explain_places(model, IMAGE, ["grad-cam"], target="cat", check=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Method: grad-cam.", "Target: 2 (cat) at fc2."]
    assert lines[2].startswith(
        "Layer: relu2. It is the last node on every way to fc2 whose cells have places"
    )
    assert lines[-2].startswith("Sanity check: grad-cam ")


def test_several_methods_share_one_target_and_one_picture(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "maps.png"
    names = ["saliency", "guided-backpropagation", "grad-cam++"]
    explain_places(model, IMAGE, names, layer="relu1", check=True, output=path, title="one image")
    printed = capsys.readouterr().out
    found = int(np.asarray(model.predict(IMAGE[None])).argmax())
    assert printed.count(f"Target: {found} ({CLASSES[found]}) at fc2.") == 3
    assert "Layer: relu1. It was asked for." in printed
    assert printed.endswith(f"picture in {path}\n")
    with Image.open(path) as drawn:
        assert drawn.width > drawn.height > 200


@pytest.mark.parametrize(
    ("methods", "settings", "message"),
    [
        (["grad-kam"], {}, "unknown method 'grad-kam'; did you mean grad-cam"),
        (["saliency"], {"layer": "relu1"}, "--layer is for grad-cam and grad-cam\\+\\+, received saliency"),
        (["saliency"], {"target": "cow"}, "ant, bee, cat, dog"),
        (["saliency"], {"target": 4}, "lies within"),
        (["saliency"], {"output": Path("map.txt")}, "map.txt: figures are written as"),
    ],
)
def test_wrong_questions_are_refused(
    model: Model, methods: list[str], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(PellucidError, match=message):
        explain_places(model, IMAGE, methods, **settings)


def test_the_command_explains_a_class_or_a_cell(pellucid_command: Run, tmp_path: Path) -> None:
    files = ("explain", model_file(tmp_path / "net.pellucid"), picture(tmp_path / "a.png"))
    options = ("--method", "grad-cam", "--method", "occlusion", "--target", "star", "--sanity")
    status, printed, errors = pellucid_command(*files, *options, "-o", "maps.svg")
    assert (status, errors) == (0, "")
    assert printed.count("Target: 2 (star) at ") == printed.count("Sanity check: ") == 2
    assert (tmp_path / "maps.svg").read_text(encoding="utf-8").startswith("<?xml")
    status, printed, errors = pellucid_command(
        *files, "--method", "saliency", "--node", "conv1", "--at", "1,2,2"
    )
    assert (status, errors) == (0, "")
    assert "Target: cell (1, 2, 2) of conv1." in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sanity",), "so they need --method"),
        (("--node", "conv1", "--at", "0,0,0", "-o", "a.png"), "so they need --method"),
        (("--method", "saliency", "--node", "conv1"), "explains a --target, or a cell by --node and --at"),
        (("--method", "saliency", "--prove"), "and nothing else"),
        (("--method", "saliensy"), "did you mean saliency"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    pellucid_command: Run, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    files = (model_file(tmp_path / "net.pellucid"), picture(tmp_path / "a.png"))
    status, _, errors = pellucid_command("explain", *files, *options)
    assert status == 2
    assert message in errors


def test_what_has_no_places_is_not_drawn(tmp_path: Path) -> None:
    net = pellucid.Sequential(pellucid.Linear(2), input_shape=(9,))
    with pytest.raises(DataError, match="only pictures"):
        explain_places(net, np.zeros(9, np.float32), ["saliency"], output=tmp_path / "map.png")
