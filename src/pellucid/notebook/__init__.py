"""The Studio's page in a notebook's cell: `model.explain(image)` and `history.show()`.

The page stands in a frame, so that neither it nor the notebook changes how the other looks. It asks the
kernel what it asks the server elsewhere, through the messages of a widget.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL.Image import Image
from starlette.types import ASGIApp, Receive, Scope
from starlette.types import Send as SendMessage

from pellucid.data.dataset import TO_UNIT
from pellucid.data.images import read_pixels
from pellucid.errors import DataError
from pellucid.explain.passes import as_batch
from pellucid.model import Float32, Model
from pellucid.notebook.conversation import Conversation
from pellucid.storage import reason
from pellucid.studio.app import unguarded
from pellucid.studio.built_page import PAGE, index_of, whole_page
from pellucid.studio.messages import Cell, Run
from pellucid.studio.opening import Opened
from pellucid.studio.presets import Picture
from pellucid.studio.studio import Studio
from pellucid.studio.wire import encode
from pellucid.training.history import History

ELEMENT = "pellucid-cell"
"""Id of the element in which the page finds what it shows."""

SCRIPT = "notebook.js"
"""Of the built page: what a notebook's page runs to make the frame."""

STAGE_HEIGHT, CURVES_HEIGHT = 680, 390
"""Pixels of a cell."""

INSTALL = "pip install 'pellucid[notebook]'"

Shown = ArrayLike | str | os.PathLike[str] | Image


def explain(model: Model, image: Shown | None = None) -> Any:
    """A widget that opens the network on an image; see `Model.explain`.

    Raises:
        DataError: the image cannot be the network's input, or anywidget or the page is not installed.
    """
    studio = Studio()
    opened = studio.workspace.add(Opened(model))
    if image is not None:
        opened.show_first(_picture(model, image))
    return _widget(unguarded(studio), None)


def show(history: History) -> Any:
    """A widget that draws a run's curves; see `History.show`.

    Raises:
        DataError: anywidget or the page is not installed.
    """
    epochs: list[Any] = history.to_json()["epochs"]
    return _widget(_nothing, {"network": history.network, "data": history.data, "epochs": epochs})


def _widget(app: ASGIApp, run: Run | None) -> Any:
    try:
        from anywidget import AnyWidget
    except ImportError:
        raise DataError(f"a notebook's cells need the package anywidget; type: {INSTALL}") from None
    index_of(PAGE)
    cell: Cell = {"run": run}
    widget = AnyWidget(_esm=(PAGE / SCRIPT).read_text(encoding="utf-8"))
    conversation = Conversation(
        app,
        whole_page(PAGE, ELEMENT, encode(cell)),
        STAGE_HEIGHT if run is None else CURVES_HEIGHT,
        lambda message, buffers: widget.send(message, list(buffers)),
    )
    widget.on_msg(lambda _, message, buffers: conversation.hear(message, buffers))
    widget.observe(lambda change: conversation.close() if change.new is None else None, "comm")
    return widget


async def _nothing(scope: Scope, receive: Receive, send: SendMessage) -> None:
    """Answers no request: a run's curves need none."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _picture(model: Model, image: Shown) -> Picture:
    """What somebody gave, as the network takes it."""
    if isinstance(image, str | os.PathLike):
        try:
            return _read(model, Path(image).name, Path(image).read_bytes())
        except OSError as error:
            raise DataError(f"{os.fspath(image)}: {reason(error)}") from None
    if isinstance(image, Image):
        content = io.BytesIO()
        image.save(content, "PNG")
        return _read(model, "image", content.getvalue())
    numbers: Float32 = as_batch(model, image)[0]
    if not np.isfinite(numbers).all():
        raise DataError(f"{model.name}: an image is finite numbers, received NaN or infinity")
    low, high = min(0.0, float(numbers.min())), max(1.0, float(numbers.max()))
    pixels = np.round((numbers - low) / (high - low) / TO_UNIT).astype(np.uint8)
    return Picture("image", pixels, numbers=numbers)


def _read(model: Model, name: str, content: bytes) -> Picture:
    graph = model.graph
    if len(graph.inputs) != 1:
        raise DataError(f"{model.name}: has {len(graph.inputs)} inputs, a picture is one")
    return Picture(name, read_pixels(name, content, graph.shapes[graph.inputs[0]]))
