"""The button that writes a page that stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pellucid.studio import wishes
from pellucid.studio.answers import answering, studio_of
from pellucid.studio.bodies import read_json
from pellucid.studio.export import Language, one_file
from pellucid.studio.refusals import UNUSABLE, RefusedError

MOST_IMAGES = 16


def routes(page: Path) -> list[Route]:
    """Where it is asked for; `page` is the folder of the built page."""

    async def export(request: Request) -> Response:
        studio = studio_of(request)
        body = await read_json(request, studio.limits.json)
        model, language = wishes.text(body, "model"), wishes.text(body, "language")
        images = wishes.texts(body, "images", MOST_IMAGES)
        if language not in ("en", "zh"):
            raise RefusedError(UNUSABLE, 'language: expects "en" or "zh"')
        chosen = cast(Language, language)
        content: bytes = await studio.jobs.run(
            request, lambda job: one_file(studio, model, images, chosen, page, job), slow=True
        )
        headers = {"cache-control": "no-store", "content-disposition": 'attachment; filename="pellucid.html"'}
        return Response(content, media_type="text/html", headers=headers)

    return [Route("/api/export", answering(export), methods=["POST"])]
