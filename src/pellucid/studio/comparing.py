"""Two models on one image: two moments of a run, or two runs of one network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import Route

from pellucid.errors import DataError
from pellucid.explain import compare
from pellucid.studio import wishes
from pellucid.studio.answers import question
from pellucid.studio.atlas import SHOWN, beside, classes
from pellucid.studio.jobs import Attention
from pellucid.studio.messages import Comparison, ModelInfo
from pellucid.studio.stage import MOST_CHANNELS
from pellucid.studio.studio import Studio
from pellucid.studio.traces import Pass

Body = Mapping[str, Any]


def ask_moment(studio: Studio, body: Body, job: Attention) -> ModelInfo:
    """A model as it was at a recorded step; each such question about a model replaces the answer before."""
    model = studio.workspace.model(wishes.text(body, "model"))
    return studio.workspace.at_moment(model, wishes.whole(body, "step")).info


def ask_beside(studio: Studio, body: Body, job: Attention) -> bytes:
    """What another model makes of an image, in the channels that the first shows; or the difference."""
    one, other = _two(studio, body)
    channels = wishes.whole(body, "channels", SHOWN, most=MOST_CHANNELS)
    found = beside(one, other, difference=wishes.flag(body, "difference"), channels=max(1, channels))
    studio.passes.trim()
    return found


def ask_comparison(studio: Studio, body: Body, job: Attention) -> Comparison:
    """How far apart two models are, node by node and parameter by parameter."""
    one, other = _two(studio, body)
    image = one.activation(one.evidence.graph.inputs[0])[None]
    found = compare(one.evidence.model, other.evidence.model, image)
    apart = sorted((found.activations or {}).items(), key=lambda entry: -entry[1])
    return {
        "one": classes(one),
        "other": classes(other),
        "nodes": [{"node": node, "relative": _finite(relative)} for node, relative in apart],
        "parameters": [
            {"parameter": moved.name, "relative": _finite(moved.relative), "cosine": moved.cosine}
            for moved in found.most_moved
        ],
    }


def _two(studio: Studio, body: Body) -> tuple[Pass, Pass]:
    one = studio.passes.get(wishes.text(body, "one"))
    other = studio.passes.of(wishes.text(body, "model"), wishes.text(body, "image"))
    first, second = one.evidence.graph, other.evidence.graph
    if first.shapes != second.shapes:
        name = one.owner.model.name
        raise DataError(f"{other.owner.model.name}: models are compared node by node; {name} has others")
    return one, other


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def routes() -> Sequence[Route]:
    """Where these questions are asked."""
    return (
        question("/api/moment", ask_moment),
        question("/api/beside", ask_beside),
        question("/api/comparison", ask_comparison, slow=True),
    )
