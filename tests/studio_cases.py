"""A Studio to ask in tests, and what reads its binary answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from starlette.testclient import TestClient

import pellucid
from pellucid.studio.app import application
from pellucid.studio.limits import Limits
from pellucid.studio.opening import Opened, open_embedded
from pellucid.studio.studio import Studio

PORT, TOKEN = 8765, "a token of tests"
HOST = f"127.0.0.1:{PORT}"


def small_network() -> pellucid.Model:
    """Every kind of node that a view exists for, in a few milliseconds."""
    return pellucid.Sequential(
        pellucid.Conv2d(4, kernel_size=3, padding=1),
        pellucid.BatchNorm2d(),
        pellucid.ReLU(),
        pellucid.MaxPool2d(2),
        pellucid.Conv2d(6, kernel_size=3),
        pellucid.Tanh(),
        pellucid.Flatten(),
        pellucid.Linear(3),
        pellucid.Softmax(),
        input_shape=(3, 12, 12),
        class_names=("red", "green", "blue"),
        name="small",
    )


def studio_of(*models: pellucid.Model, limits: Limits | None = None, allow_url: bool = False) -> Studio:
    """A Studio with these models on the stage."""
    studio = Studio(allow_url=allow_url, limits=limits or Limits())
    studio.open(*(lambda model=model: Opened(model) for model in models))
    return studio


def client_of(studio: Studio, page: Path = Path("no page")) -> TestClient:
    """A browser on the page of a Studio."""
    app = application(studio, token=TOKEN, port=PORT, page=page)
    return TestClient(
        app, base_url=f"http://{HOST}", headers={"x-token": TOKEN}, raise_server_exceptions=False
    )


def embedded(name: str) -> pellucid.Model:
    """A network of the package."""
    return open_embedded(name).model


def parted(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Head and bytes of a binary answer."""
    length = int.from_bytes(content[:4], "little")
    return json.loads(content[4 : 4 + length]), content[4 + length :]


def floats(content: bytes) -> np.ndarray[Any, Any]:
    """The array of a Values answer."""
    head, payload = parted(content)
    return np.frombuffer(payload, "<f4").reshape(head["shape"])
