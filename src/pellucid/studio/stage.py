"""Questions about what is on the stage: maps, values, and the sums behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from starlette.routing import Route

from pellucid.errors import DataError, UnknownNameError
from pellucid.explain import GradientArithmetic, arithmetic, gradient_arithmetic, update_arithmetic
from pellucid.explain.target import score_node
from pellucid.studio import wishes
from pellucid.studio.answers import question
from pellucid.studio.atlas import SHOWN, chosen_maps, overview, partials_atlas, values_of
from pellucid.studio.jobs import Attention
from pellucid.studio.messages import Arithmetic, Curve, Proof, Update, Values
from pellucid.studio.partials import curve, partial_maps
from pellucid.studio.studio import Studio
from pellucid.studio.sums import LIMIT, activation_message, gradient_message, proof_message, update_message
from pellucid.studio.traces import Pass
from pellucid.studio.wire import float_bytes, with_bytes

Body = Mapping[str, Any]

MOST_CHANNELS = 4096
MOST_TERMS = 100_000


def ask_overview(studio: Studio, body: Body, job: Attention) -> bytes:
    """The strongest channels of every node."""
    passed = studio.passes.of(wishes.text(body, "model"), wishes.text(body, "image"), wishes.edits(body))
    job.check()
    channels = wishes.whole(body, "channels", SHOWN, most=MOST_CHANNELS)
    nodes = wishes.texts(body, "nodes", MOST_CHANNELS) if body.get("nodes") else ()
    found = overview(passed, wishes.what(body), wishes.target(body), channels=max(1, channels), nodes=nodes)
    studio.passes.trim()
    return found


def ask_maps(studio: Studio, body: Body, job: Attention) -> bytes:
    """Some channels of one node."""
    channels = wishes.wholes(body, "channels", MOST_CHANNELS)
    passed = _passed(studio, body)
    return chosen_maps(passed, wishes.text(body, "node"), channels, wishes.what(body), wishes.target(body))


def ask_values(studio: Studio, body: Body, job: Attention) -> bytes:
    """A node's numbers, or those of one channel."""
    passed, node, what = _passed(studio, body), wishes.text(body, "node"), wishes.what(body)
    values = values_of(passed, node, what, wishes.target(body))
    if body.get("channel") is not None:
        channel = wishes.whole(body, "channel")
        if channel >= len(values):
            raise DataError(f"{node}: channels are 0 to {len(values) - 1}, received {channel}")
        values = values[channel]
    head: Values = {"node": node, "what": what, "shape": list(values.shape)}
    return with_bytes(head, float_bytes(values))


def ask_arithmetic(studio: Studio, body: Body, job: Attention) -> Arithmetic:
    """The sum behind a cell."""
    passed = _passed(studio, body)
    found = arithmetic(
        passed.evidence.model, passed.evidence, wishes.text(body, "node"), wishes.wholes(body, "at")
    )
    channel = wishes.whole(body, "channel") if body.get("channel") is not None else None
    return activation_message(found, _limit(body), channel)


def ask_partials(studio: Studio, body: Body, job: Attention) -> bytes:
    """What each input channel makes of itself in one map of a convolution."""
    passed, node = _passed(studio, body), wishes.text(body, "node")
    limit = max(1, wishes.whole(body, "limit", LIMIT, most=MOST_CHANNELS))
    seen, maps = partial_maps(passed.evidence, node, wishes.whole(body, "channel"), limit)
    return partials_atlas(passed, node, seen, maps, limit)


def ask_curve(studio: Studio, body: Body, job: Attention) -> Curve:
    """An activation as a curve."""
    model = studio.workspace.model(wishes.text(body, "model")).model
    low, high = wishes.number(body, "low"), wishes.number(body, "high")
    return curve(model, wishes.text(body, "node"), wishes.whole(body, "channel", 0), low, high)


def ask_gradient_arithmetic(studio: Studio, body: Body, job: Attention) -> Arithmetic:
    """The sum behind a gradient."""
    passed = _passed(studio, body)
    return gradient_message(_gradient(passed, body), _limit(body), passed.edits)


def _gradient(passed: Pass, body: Body) -> GradientArithmetic:
    parameter = passed.parameter(wishes.optional_text(body, "parameter"))
    known = parameter in passed.network().graph.parameters
    read = passed.differentiation(wishes.target(body), parameter if known else None)
    return gradient_arithmetic(
        read.evidence.model,
        read,
        at=wishes.wholes(body, "at"),
        parameter=parameter,
        node=wishes.optional_text(body, "node"),
    )


def ask_update(studio: Studio, body: Body, job: Attention) -> Update:
    """The optimiser's step of a weight, from this image alone."""
    passed, target = _passed(studio, body), wishes.target(body)
    read, name = passed.network(), wishes.text(body, "parameter")
    number = target.get("number")
    if number is None:
        number = int(passed.activation(score_node(passed.evidence.graph)).argmax())
    found = update_arithmetic(
        read.model,
        read.activation(read.graph.inputs[0]),
        np.array([number]),
        parameter=passed.parameter(name) or name,
        at=wishes.wholes(body, "at"),
    )
    return {**update_message(found), "parameter": name}


def ask_proof(studio: Studio, body: Body, job: Attention) -> Proof:
    """The same number by another road."""
    passed, at = _passed(studio, body), wishes.wholes(body, "at")
    if wishes.flag(body, "gradient") or wishes.optional_text(body, "parameter") is not None:
        return proof_message(_gradient(passed, body).prove())
    read = passed.evidence
    return proof_message(arithmetic(read.model, read, wishes.text(body, "node"), at).prove())


def parameter_values(studio: Studio, model: str, name: str) -> bytes:
    """A parameter's numbers."""
    parameters = studio.workspace.model(model).model.parameters
    if name not in parameters:
        raise UnknownNameError("parameter", name, parameters)
    head: Values = {"node": name, "what": "activation", "shape": list(parameters[name].shape)}
    return with_bytes(head, float_bytes(parameters[name]))


def _passed(studio: Studio, body: Body) -> Pass:
    return studio.passes.get(wishes.text(body, "trace"))


def _limit(body: Body) -> int:
    return wishes.whole(body, "limit", LIMIT, most=MOST_TERMS)


def routes() -> Sequence[Route]:
    """Where these questions are asked."""
    return (
        question("/api/overview", ask_overview),
        question("/api/maps", ask_maps),
        question("/api/values", ask_values),
        question("/api/partials", ask_partials),
        question("/api/curve", ask_curve),
        question("/api/arithmetic", ask_arithmetic),
        question("/api/gradient-arithmetic", ask_gradient_arithmetic),
        question("/api/update", ask_update),
        question("/api/prove", ask_proof),
    )
