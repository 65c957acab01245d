"""The application: routes behind the doorkeeper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pellucid.studio import entrance, export_route, inquiry, stage, training_socket
from pellucid.studio.answers import answering, problem
from pellucid.studio.built_page import PAGE, index_of
from pellucid.studio.security import Doorkeeper
from pellucid.studio.studio import Studio

UNEXPECTED = 500


def application(studio: Studio, *, token: str, port: int, page: Path = PAGE) -> Doorkeeper:
    """What a server runs.

    Args:
        studio: what is open.
        token: that requests carry.
        port: that the server listens on.
        page: folder of the built page.
    """
    return Doorkeeper(unguarded(studio, page), token, port)


def unguarded(studio: Studio, page: Path = PAGE) -> Starlette:
    """All routes, for whoever may ask already: a notebook's kernel has its own doorkeeper."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        studio.jobs.close()

    app = Starlette(
        routes=[
            *entrance.routes(),
            *stage.routes(),
            *inquiry.routes(),
            *training_socket.routes(),
            *export_route.routes(page),
            *_page_routes(page),
        ],
        exception_handlers={HTTPException: _refused, Exception: _unexpected},
        lifespan=lifespan,
    )
    app.state.studio = studio
    return app


def _page_routes(page: Path) -> list[Route | Mount]:
    async def index(request: Request) -> Response:
        content = index_of(page).read_bytes()
        return Response(content, media_type="text/html", headers={"cache-control": "no-store"})

    routes: list[Route | Mount] = [Route("/", answering(index))]
    if (page / "assets").is_dir():
        routes.append(Mount("/assets", StaticFiles(directory=page / "assets"), name="assets"))
    return routes


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, f"{request.url.path}: {error.detail}")


async def _unexpected(request: Request, error: Exception) -> Response:
    return problem(UNEXPECTED, f"{request.url.path}: {type(error).__name__}; the terminal says more")
