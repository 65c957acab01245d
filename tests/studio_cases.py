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


class Page:
    """Asks as the page does, of the first model and its first image."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        state = client.get("/api/state").json()
        self.model: dict[str, Any] = state["models"][0]
        self.images: list[dict[str, Any]] = state["images"][self.model["id"]]

    def json(self, path: str, **body: Any) -> Any:
        """The answer to a question that is well put."""
        found = self.client.post(f"/api/{path}", json=body)
        assert found.status_code == 200, found.text
        return found.json()

    def binary(self, path: str, **body: Any) -> bytes:
        """Likewise, in binary form."""
        found = self.client.post(f"/api/{path}", json=body)
        assert found.status_code == 200, found.text
        return found.content

    def refused(self, path: str, **body: Any) -> tuple[int, str]:
        """Status and words of a refusal."""
        found = self.client.post(f"/api/{path}", json=body)
        return found.status_code, found.json()["error"]

    def overview(self, image: int = 0, **more: Any) -> tuple[dict[str, Any], bytes]:
        """Head and bytes of an overview."""
        wish = {"model": self.model["id"], "image": self.images[image]["id"], **more}
        return parted(self.binary("overview", **wish))

    def trace(self, image: int = 0) -> str:
        """Id of a pass."""
        return str(self.overview(image)[0]["trace"])


def maps_of(node: dict[str, Any], payload: bytes) -> np.ndarray[Any, Any]:
    """(shown channels, height, width) of an atlas's node, as its ranges say."""
    shape = len(node["maps"]), node["height"], node["width"]
    count = int(np.prod(shape))
    levels = np.frombuffer(payload, np.uint8, count, node["offset"]).reshape(shape)
    low, high = (np.array([part[end] for part in node["maps"]]) for end in ("low", "high"))
    return low[:, None, None] + levels / 255 * (high - low)[:, None, None]
