"""What people copy from the documentation runs as it is printed."""

from __future__ import annotations

import dataclasses
import doctest
import re
import runpy
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from pellucid.augmentation import AUGMENTATIONS, augmentations
from pellucid.cli.main import main

ROOT = Path(__file__).parent.parent
MODULES_WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    for path in (ROOT / "src" / "pellucid").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
READMES = ("README.md", "README.zh-CN.md")


def blocks(page: str, language: str) -> list[str]:
    """The page's code blocks in a language, "" for those without one."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [code for written_in, code in found if written_in == language]


@pytest.mark.parametrize("module", MODULES_WITH_EXAMPLES)
def test_docstrings_say_what_happens(module: str) -> None:
    # A package's __init__ is imported under the package's own name.
    result = doctest.testmod(import_module(module.removesuffix(".__init__")))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_python_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    source = "\n".join(blocks("README.md", "python"))
    names: dict[str, object] = {}
    exec(compile(source, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    share = re.search(r"^([\d.]+)% of the held-out digits$", printed, re.MULTILINE)
    assert share is not None
    assert float(share[1]) > 95
    left, right = re.findall(r"^(\S+) = (\S+)$", printed, re.MULTILINE)[0]
    assert float(left) == pytest.approx(float(right), rel=1e-4, abs=1e-5)
    assert "(6, 1, 5, 5) (8, 1, 28, 28)" in printed
    assert float(printed.splitlines()[-1]) < 1e-4


def test_the_commands_of_the_readme_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks("README.md", "") for line in block.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("pellucid ")]
    assert len(commands) >= 5
    for command in commands:
        if command[0] == "studio":
            continue  # serves until Ctrl-C; tests/journeys opens it
        with pytest.raises(SystemExit) as ending:
            main(command)
        assert not ending.value.code, capsys.readouterr().err
    assert (tmp_path / "runs" / "digits" / "model.pellucid").is_file()
    assert "Converged after" in capsys.readouterr().out


def test_both_readmes_show_the_same_code() -> None:
    def without_comments(page: str, language: str) -> list[str]:
        return [re.sub(r"^#.*\n", "", block, flags=re.MULTILINE) for block in blocks(page, language)]

    english, chinese = ([without_comments(page, language) for language in ("", "python")] for page in READMES)
    assert english == chinese
    assert min(map(len, english)) > 0


def test_the_page_on_data_shows_every_augmentation_as_it_is() -> None:
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+[^`]*)` \| `(\w+)\(([^`]*)\)`", text, re.MULTILINE)
    for words, name, fields in rows:
        (augmentation,) = augmentations(words)
        assert augmentation == AUGMENTATIONS[augmentation.label]()
        assert type(augmentation).__name__ == name
        assert fields == ", ".join(field.name for field in dataclasses.fields(augmentation))
    assert len(rows) == len(AUGMENTATIONS)


def test_every_link_of_the_papers_leads_somewhere() -> None:
    for page in (*READMES, "CONTRIBUTING.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("how_filters_form", r"\n +23 .*Drawn in picture\.svg"),
        ("one_gradient_step", r"they agree within.*the same bits as the arithmetic"),
        ("why_this_4", r"read as a \d.*gradients.*What if\n  paint the \d x \d pixels"),
    ],
)
def test_a_story_is_told(
    script: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    draws = script != "one_gradient_step"
    monkeypatch.setattr("sys.argv", [script, *(["--output", "picture.svg"] if draws else [])])
    runpy.run_path(str(ROOT / "examples" / f"{script}.py"), run_name="__main__")
    assert re.search(said, capsys.readouterr().out, re.DOTALL)
    assert (tmp_path / "picture.svg").exists() == draws
