"""The page's types are those of the messages."""

from __future__ import annotations

from pathlib import Path

from pellucid.studio.typescript import typescript

PAGE = Path(__file__).parents[1] / "studio-ui" / "src" / "lib" / "messages.ts"


def test_the_pages_types_are_the_messages() -> None:
    assert PAGE.read_text(encoding="utf-8") == typescript()
