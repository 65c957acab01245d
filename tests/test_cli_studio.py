"""`pellucid studio`, and the Studio at the end of `pellucid demo`."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_cases import Run, model_file
from keras_models import keras

from pellucid import zoo
from pellucid.cli import demo
from pellucid.formats.weights import write_state_dict
from pellucid.model import Model
from pellucid.studio import built_page, server
from pellucid.studio.server import Address
from pellucid.studio.studio import Studio

TOLD = "the Studio is at http://127.0.0.1:4321/?token=token\nCtrl-C ends it\n"


class Served:
    """Takes the server's place: notes what is open, tells an address, and ends at once."""

    def __init__(self) -> None:
        self.models: list[Model] = []

    def __call__(self, studio: Studio, *, port: int | None, ready: Callable[[Address], None]) -> None:
        self.models = [model.model for model in studio.workspace.models]
        ready(Address(4321, "token"))

    @property
    def names(self) -> list[str]:
        """Of what is open."""
        return [model.name for model in self.models]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Served:
    page = tmp_path_factory.mktemp("page")
    (page / "index.html").write_text("the page")
    monkeypatch.setattr(built_page, "PAGE", page)
    made = Served()
    monkeypatch.setattr(server, "serve", made)
    return made


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that a browser is opened on."""
    monkeypatch.delenv("PELLUCID_NO_BROWSER", raising=False)
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    return addresses


def test_without_a_model_the_networks_of_the_package_open(pellucid_command: Run, served: Served) -> None:
    status, output, errors = pellucid_command("studio", "--no-browser")
    assert (status, errors) == (0, "")
    assert output == TOLD
    assert served.names == ["tiny-vgg", "lenet5"]


@pytest.mark.parametrize(("screen", "count"), [("DISPLAY", 1), ("WAYLAND_DISPLAY", 1), ("NEITHER", 0)])
def test_the_browser_opens_where_there_is_a_screen(
    pellucid_command: Run,
    served: Served,
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    screen: str,
    count: int,
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv(screen, ":0")
    assert pellucid_command("studio", model_file(tmp_path / "net.pellucid"))[0] == 0
    assert opened == ["http://127.0.0.1:4321/?token=token"] * count


def test_a_package_without_the_page_says_how_to_get_it(
    pellucid_command: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(built_page, "PAGE", tmp_path)
    status, output, errors = pellucid_command("studio", "--no-browser")
    assert (status, output) == (2, "")
    assert errors == (
        "pellucid: the Studio's page is not installed: install pellucid again without PELLUCID_WITHOUT_PAGE\n"
    )


@pytest.mark.parametrize(
    ("options", "watched", "names"),
    [([], True, ["lenet5", "tiny-vgg"]), ([], False, []), (["--no-studio"], True, [])],
)
def test_the_demo_ends_in_the_studio_where_somebody_watches(
    pellucid_command: Run,
    served: Served,
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    watched: bool,
    names: list[str],
) -> None:
    monkeypatch.setattr(demo, "is_watched", lambda: watched)
    status, output, _ = pellucid_command("demo", "--epochs", 1, *options)
    assert (status, served.names) == (0, names)
    assert "  pellucid studio runs/demo/model.pellucid\n" in output


def test_nobody_watches_a_pipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    assert not demo.is_watched()


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:keras", "ignore::UserWarning:keras"
)  # its own affairs
def test_networks_open_from_files(pellucid_command: Run, served: Served, tmp_path: Path) -> None:
    network = zoo.create("lenet5", seed=1)
    files = [tmp_path / f"net.{ending}" for ending in ("pellucid", "onnx", "keras")]
    network.save(files[0])
    network.to_onnx(files[1])
    layers = keras.layers
    image = (layers.Input((8, 8, 1)), layers.Conv2D(3, 3, activation="relu"), layers.Flatten())
    keras.Sequential([*image, layers.Dense(10)]).save(files[2])
    assert pellucid_command("studio", "--no-browser", *files) == (0, TOLD, "")
    assert served.names == ["lenet5", "lenet5", "net"]


@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_weights_open_with_the_network_that_they_are_of(
    pellucid_command: Run, served: Served, tmp_path: Path, ending: str
) -> None:
    file = tmp_path / f"state.{ending}"
    arrays = zoo.create("lenet5", seed=3).parameters
    if ending == "pt":
        torch.save({name: torch.tensor(array) for name, array in arrays.items()}, file)
    else:
        write_state_dict(file, arrays)
    status, _, errors = pellucid_command("studio", "--no-browser", file)
    assert (status, errors.count("\n"), "NETWORK@" + file.name in errors) == (2, 1, True)
    assert pellucid_command("studio", "--no-browser", f"lenet5@{file}") == (0, TOLD, "")
    assert served.names == ["lenet5"]
    assert all(np.array_equal(served.models[0].parameters[name], array) for name, array in arrays.items())
    status, _, errors = pellucid_command("studio", "--no-browser", f"tiny-vgg@{file}")
    assert (status, errors.count("\n"), file.name in errors) == (2, 1, True)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("none.onnx", "none.onnx: no such file"),
        ("folder/none", "none: no such file"),
        ("lenet5@none.pt", "none.pt: no such file"),
        ("lenet6", "did you mean lenet5"),
        ("cut.onnx", "cut.onnx: truncated or corrupt"),
        ("cut.pellucid", "cut.pellucid: truncated or corrupt"),
        ("noise.keras", "noise.keras: not a model file"),
        ("empty", "a run's folder holds model.pellucid or recording/"),
        ("", "a name of the zoo, a model file or a run's folder"),
    ],
)
def test_what_cannot_be_opened_is_named_in_one_line(
    pellucid_command: Run, served: Served, tmp_path: Path, source: str, told: str
) -> None:
    network = zoo.create("lenet5")
    for ending, save in (("pellucid", network.save), ("onnx", network.to_onnx)):
        save(tmp_path / "whole")
        (tmp_path / f"cut.{ending}").write_bytes((tmp_path / "whole").read_bytes()[:5000])
    (tmp_path / "noise.keras").write_bytes(b"no model")
    (tmp_path / "empty").mkdir()
    status, output, errors = pellucid_command("studio", "--no-browser", source)
    assert (status, output, served.names) == (2, "", [])
    assert errors.startswith("pellucid: ")
    assert errors.count("\n") == 1
    assert told in errors


def test_a_port_in_use_is_named(
    pellucid_command: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("the page")
    monkeypatch.setattr(built_page, "PAGE", tmp_path)
    with socket.create_server((server.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        status, output, errors = pellucid_command("studio", "--no-browser", "--port", port)
    assert (status, output) == (2, "")
    assert errors == f"pellucid: --port {port}: address already in use\n"
