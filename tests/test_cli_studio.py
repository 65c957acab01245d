"""`pellucid studio`, and the Studio at the end of `pellucid demo`."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_cases import Run, model_file

from pellucid.cli import demo
from pellucid.studio import built_page, server
from pellucid.studio.server import Address
from pellucid.studio.studio import Studio


class Served:
    """Takes the server's place: notes what is open, tells an address, and ends at once."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, studio: Studio, *, port: int | None, ready: Callable[[Address], None]) -> None:
        self.names = [model.model.name for model in studio.workspace.models]
        ready(Address(4321, "token"))


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
    assert output == "the Studio is at http://127.0.0.1:4321/?token=token\nCtrl-C ends it\n"
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
