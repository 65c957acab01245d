"""What `pellucid explain --method` prints and draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from attribution_cases import pair
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
    with Image.open(path) as picture:
        assert picture.width > picture.height > 200


@pytest.mark.parametrize(
    ("methods", "settings", "message"),
    [
        (["grad-kam"], {}, "unknown method 'grad-kam'; did you mean grad-cam"),
        (["saliency"], {"layer": "relu1"}, "--layer is for grad-cam and grad-cam\\+\\+, received saliency"),
        (["saliency"], {"target": "cow"}, "ant, bee, cat, dog"),
        (["saliency"], {"target": "4"}, "lies within"),
        (["saliency"], {"output": Path("map.txt")}, "map.txt: figures are written as"),
    ],
)
def test_wrong_questions_are_refused(
    model: Model, methods: list[str], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(PellucidError, match=message):
        explain_places(model, IMAGE, methods, **settings)  # type: ignore[arg-type]


def test_what_has_no_places_is_not_drawn(tmp_path: Path) -> None:
    net = pellucid.Sequential(pellucid.Linear(2), input_shape=(9,))
    with pytest.raises(DataError, match="only pictures"):
        explain_places(net, np.zeros(9, np.float32), ["saliency"], output=tmp_path / "map.png")
