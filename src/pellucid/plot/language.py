"""The words of figures, in English and in simplified Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pellucid.errors import DataError

LANGUAGES = ("en", "zh")

CHINESE: Mapping[str, str] = MappingProxyType(
    {
        "image": "图像",
    }
)
"""Chinese for every English phrase that a figure may hold."""


@dataclass(frozen=True)
class Words:
    """The phrases of one language.

    Args:
        language: "en" or "zh".
    """

    language: str = "en"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise DataError(
                f"the language of a figure is one of {', '.join(LANGUAGES)}, received {self.language!r}"
            )

    def __call__(self, phrase: str, **values: object) -> str:
        """An English phrase in this language, with its {names} filled in."""
        text = phrase if self.language == "en" else CHINESE[phrase]
        return text.format(**values)
