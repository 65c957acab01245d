"""The same numbers by another road: the library asked in the test's own process."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import numpy as np
from PIL import Image

import pellucid
from journeys.page import Studio
from pellucid import explain
from pellucid.explain import Arithmetic
from pellucid.studio.opening import EMBEDDED


@dataclass
class Oracle:
    """A network and an image, read anew.

    Attributes:
        model: from its file.
        pixels: (C, H, W) in [0, 1].
    """

    model: pellucid.Model
    pixels: np.ndarray

    @classmethod
    def of(cls, page: Studio, name: str) -> Oracle:
        """What the page shows now of a network of the package."""
        return cls(pellucid.load(EMBEDDED / f"{name}.pellucid"), cls.shown_pixels(page, name))

    @staticmethod
    def shown_pixels(page: Studio, name: str) -> np.ndarray:
        """The image that the page shows now to a network."""
        model = next(one for one in page.state()["models"] if one["name"] == name)
        parts = urlsplit(page.address)
        token = dict(parse_qsl(parts.query))["token"]
        place = f"{parts.scheme}://{parts.netloc}/api/models/{model['id']}/images/{page.view['image']}"
        content = page.tab.request.get(place, headers={"x-token": token}).body()
        pixels = np.asarray(Image.open(io.BytesIO(content)), np.float32) / np.float32(255)
        return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)

    def sum(self, node: str, at: Sequence[int]) -> Arithmetic:
        """The sum behind a cell."""
        return explain.arithmetic(self.model, self.pixels, node, at)

    def output(self) -> np.ndarray:
        """Probabilities."""
        return np.asarray(self.model.predict(self.pixels[None]))[0]

    def activation(self, node: str) -> np.ndarray:
        """What a node makes of the image."""
        return self.model.trace(self.pixels[None])[node][0]


def shown(text: str) -> float:
    """The number that a text ends with, as a person reads it."""
    found = re.search(r"[−-]?[\d.]+(?:e[+−-]?\d+)?$", text.strip())
    assert found, text
    return float(found[0].replace("−", "-"))


def rounded(value: float) -> float:
    """How far a number on screen may be from the number it stands for."""
    return 0.0051 if 0.005 <= abs(value) < 1000 else max(0.051 * abs(value), 1e-6)


def named_cell(text: str) -> tuple[str, tuple[int, ...]]:
    """`pool2[4, 0, 1]` as a node and a cell."""
    node, _, cell = text.rstrip("]").partition("[")
    return node, tuple(int(part) for part in cell.split(","))
