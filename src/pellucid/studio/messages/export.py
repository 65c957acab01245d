"""What a page that stands alone carries."""

from __future__ import annotations

from typing import Literal, TypedDict

from pellucid.studio.messages.models import State


class Embedded(TypedDict):
    """What a one-file export holds in place of a server, for one model.

    Strings are binary answers, compressed by zlib, in base64. pictures: data URLs by image. atlases: by
    image, "gradient " before it for gradients. values: by "trace node". parameters: by name. answers: JSON
    answers by path and question, as the page writes them.
    """

    language: Literal["en", "zh"]
    state: State
    pictures: dict[str, str]
    atlases: dict[str, str]
    values: dict[str, str]
    parameters: dict[str, str]
    answers: dict[str, str]
