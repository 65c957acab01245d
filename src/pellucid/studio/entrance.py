"""What comes in from outside: models, images, and the page's first look."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pellucid.data.images import read_pixels
from pellucid.studio import wishes
from pellucid.studio.answers import answer, answering, question, studio_of
from pellucid.studio.bodies import read_bytes, read_json, read_to
from pellucid.studio.fetching import fetch
from pellucid.studio.jobs import Attention
from pellucid.studio.messages import ImageInfo, ModelInfo
from pellucid.studio.opening import open_upload, open_zoo
from pellucid.studio.pictures import png
from pellucid.studio.presets import Picture
from pellucid.studio.refusals import FORBIDDEN, UNUSABLE, RefusedError
from pellucid.studio.stage import parameter_values
from pellucid.studio.studio import Studio

Body = Mapping[str, Any]


async def state(request: Request) -> Response:
    """What is open."""
    studio = studio_of(request)
    return answer(await studio.jobs.run(request, lambda job: studio.state()))


def open_named(studio: Studio, body: Body, job: Attention) -> ModelInfo:
    """Open a network of the zoo."""
    opened = open_zoo(wishes.text(body, "source"), studio.limits)
    job.check()
    return studio.workspace.add(opened).info


async def open_file(request: Request) -> Response:
    """Open a model file that was sent."""
    studio = studio_of(request)
    name = _file_name(request, "model")
    with tempfile.TemporaryDirectory(prefix="pellucid-studio-") as folder:
        path = Path(folder) / "upload"
        await read_to(request, path, studio.limits.model)
        model = await studio.jobs.run(
            request, lambda job: studio.workspace.add(open_upload(name, path)).info, slow=True
        )
    return answer(model)


async def close_model(request: Request) -> Response:
    """Take a model off the stage."""
    studio, model = studio_of(request), request.path_params["model"]
    studio.workspace.close(model)
    studio.passes.forget(model)
    return answer({})


async def add_image(request: Request) -> Response:
    """Take an image file in."""
    studio = studio_of(request)
    model = request.path_params["model"]
    studio.workspace.model(model)
    name = _file_name(request, "image")
    content = await read_bytes(request, studio.limits.image)
    return answer(await studio.jobs.run(request, lambda job: keep_image(studio, model, name, content)))


def fetch_image(studio: Studio, identity: str, url: str) -> ImageInfo:
    """Take an image in from the internet, where that was allowed at the start."""
    if not studio.allow_url:
        raise RefusedError(FORBIDDEN, "images are fetched from the internet only after `--allow-url`")
    studio.workspace.model(identity)
    content = fetch(url, studio.limits.image)
    return keep_image(studio, identity, _shown_name(urlsplit(url).path, "image"), content)


async def add_from_url(request: Request) -> Response:
    """Take an image in by its address."""
    studio, model = studio_of(request), request.path_params["model"]
    url = wishes.address(await read_json(request, studio.limits.json), "url")
    found = await studio.jobs.run(request, lambda job: fetch_image(studio, model, url), slow=True)
    return answer(found)


def keep_image(studio: Studio, identity: str, name: str, content: bytes) -> ImageInfo:
    """An image file, fitted to a model's input."""
    model = studio.workspace.model(identity)
    graph = model.model.graph
    if len(graph.inputs) != 1:
        raise RefusedError(UNUSABLE, f"{model.model.name}: has {len(graph.inputs)} inputs, images one")
    pixels = read_pixels(name, content, graph.shapes[graph.inputs[0]], most=studio.limits.pixels)
    return studio.workspace.add_picture(model, Picture(name, pixels))


async def show_image(request: Request) -> Response:
    """An image as the network takes it."""
    model = studio_of(request).workspace.model(request.path_params["model"])
    content = png(model.picture(request.path_params["image"]).pixels)
    return Response(content, media_type="image/png", headers={"cache-control": "private, max-age=3600"})


async def show_parameter(request: Request) -> Response:
    """A parameter's numbers."""
    studio, names = studio_of(request), request.path_params
    found = await studio.jobs.run(
        request, lambda job: parameter_values(studio, names["model"], names["name"])
    )
    return answer(found)


def _file_name(request: Request, default: str) -> str:
    """The last part of the name that the page gives a file, as text to show."""
    return _shown_name(request.query_params.get("name", default), default)


def _shown_name(path: str, default: str) -> str:
    given = path.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in given if letter.isprintable())[:120] or default


def routes() -> Sequence[Route]:
    """Where they come in."""
    return (
        Route("/api/state", answering(state)),
        question("/api/models", open_named, slow=True),
        Route("/api/models/upload", answering(open_file), methods=["POST"]),
        Route("/api/models/{model}", answering(close_model), methods=["DELETE"]),
        Route("/api/models/{model}/images", answering(add_image), methods=["POST"]),
        Route("/api/models/{model}/images/url", answering(add_from_url), methods=["POST"]),
        Route("/api/models/{model}/images/{image}", answering(show_image)),
        Route("/api/models/{model}/parameters/{name:path}", answering(show_parameter)),
    )
