"""Every sentence that reaches the page has a Chinese one, in the page's own tables."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pellucid.explain.health.check import KINDS

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "pellucid"
TABLES = ROOT / "studio-ui" / "src" / "lib" / "i18n" / "chinese"

ALL_STRINGS = ("explain/health", "explain/attribution", "explain/proof.py", "studio/sandbox.py")
"""Whatever text these modules hold ends in a sentence."""

REFUSALS = (
    "studio",
    "explain",
    "graph.py",
    "model.py",
    "formats/onnx_import",
    "formats/native_file.py",
    "data/decoding.py",
    "data/images.py",
    "data/fit.py",
    "training/inputs.py",
    "zoo/__init__.py",
    "zoo/pretrained.py",
)
"""Whatever these modules refuse may be read on the page."""

RULES = ("layers",)
"""Whatever these modules check is a rule that the sandbox may name."""

ASIDE = {
    "{}: nothing found, {} images looked at",  # for a terminal
    "channels, height, width",  # within another rule
    "{}: {}{}",
    "a message's type is one that TypeScript has, received {}",
    "every kernel lies in a block",
    "{}: {}",
    "no port is free",
    "--port {}: {}",
    "a network is a name of the zoo, a model file or a run's folder, received ''",  # of the command line
}


def normal(text: str) -> str:
    """A sentence's pattern: every part is {}, those that adjoin are one."""
    text = re.sub(r"\{[*!]?\w*\}", "{}", text)
    return re.sub(r"(\{\})+", "{}", text)


def text_of(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
        return "".join(parts)
    return None


def strings(tree: ast.AST) -> Iterator[str]:
    """Every text of more than one word that is no docstring."""
    aside = {
        id(child)
        for node in ast.walk(tree)
        for child in (
            node.values
            if isinstance(node, ast.JoinedStr)
            else [node.value]
            if isinstance(node, ast.Expr)
            else []
        )
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and id(node) not in aside:
            text = text_of(node)
            if text is not None and re.search(r"[A-Za-z]{2,}\S* \S", text):
                yield text


def refusals(tree: ast.AST) -> Iterator[str]:
    """What is raised."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            texts = [text for argument in node.exc.args if (text := text_of(argument)) is not None]
            if "UnknownName" in ast.unparse(node.exc.func):
                yield texts[0]
            else:
                yield from (text for text in texts if " " in text)


def rules(tree: ast.AST) -> Iterator[str]:
    """What a layer is held to: the arguments of `require` and its like, formulas aside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (text for argument in node.args for text in strings(argument) if "=" not in text)


def modules(places: tuple[str, ...]) -> Iterator[ast.AST]:
    for place in places:
        path = SOURCES / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield ast.parse(file.read_text(encoding="utf-8"))


def tables() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted(TABLES.glob("*.json")):
        found |= json.loads(file.read_text(encoding="utf-8"))
    return found


KNOWN = {normal(english) for english in tables()}


def is_known(text: str) -> bool:
    """Whether a table has it; the name that a sentence begins with stands for itself."""
    wanted = normal(text)
    shorter = re.sub(r"^(\{\}: )+", "", wanted)
    return any(one in KNOWN for one in (wanted, shorter)) or any(
        shorter.strip("{}") and shorter in known for known in KNOWN
    )


@pytest.mark.parametrize(
    ("places", "read"),
    [(ALL_STRINGS, strings), (REFUSALS, refusals), (RULES, rules)],
    ids=["say", "refuse", "rule"],
)
def test_the_page_has_chinese_for_every_sentence(
    places: tuple[str, ...], read: Callable[[ast.AST], Iterator[str]]
) -> None:
    missing = {text for tree in modules(places) for text in read(tree) if not is_known(text)}
    assert sorted(text for text in missing if normal(text) not in ASIDE and text not in KINDS) == []


def test_a_sentence_that_nobody_translated_is_found() -> None:
    tree = ast.parse(
        'def f(node):\n    "A docstring."\n    return f"{node}: is full of new and unknown trouble"'
    )
    assert [text for text in strings(tree) if not is_known(text)] == [
        "{}: is full of new and unknown trouble"
    ]


def test_no_two_tables_have_the_same_sentence() -> None:
    files = sorted(TABLES.glob("*.json"))
    counts = sum(len(json.loads(file.read_text(encoding="utf-8"))) for file in files)
    assert counts == len(tables())
