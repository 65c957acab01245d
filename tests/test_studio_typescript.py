"""The page's copy of the messages is the server's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pellucid.studio.typescript import MODULES, _type, typescript

COPY = Path(__file__).parent.parent / "studio-ui" / "src" / "lib" / "messages"


def test_the_committed_copy_is_what_would_be_written() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in COPY.iterdir()} == typescript()


def test_every_message_is_written_once() -> None:
    written = re.findall(r"^export (?:interface|type) (\w+)", "\n".join(typescript().values()), re.MULTILINE)
    defined = [
        name for module in MODULES for name, value in vars(module).items() if _is_message(module, value)
    ]
    assert sorted(set(written)) == sorted(written)
    assert set(defined) <= set(written)
    assert len(defined) > 30


def _is_message(module: object, value: object) -> bool:
    return isinstance(value, type) and value.__module__ == getattr(module, "__name__", "")


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        ("list[int] | None", "number[] | null"),
        ("dict[str, list[ImageInfo]]", "Record<string, ImageInfo[]>"),
        ("list[tuple[int, float]]", "[number, number][]"),
        ("Literal['a', 'b']", '"a" | "b"'),
        ("list[int | None]", "(number | null)[]"),
    ],
)
def test_types_have_counterparts(python: str, expected: str) -> None:
    assert _type(ast.parse(python, mode="eval").body) == expected


def test_a_type_without_a_counterpart_is_an_error() -> None:
    with pytest.raises(TypeError, match="set"):
        _type(ast.parse("set[int]", mode="eval").body)
