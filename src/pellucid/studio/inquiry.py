"""Questions that are wider than one number: what if, which pixels, how healthy, which images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from starlette.routing import Route

from pellucid.data import Split
from pellucid.explain import check_health, effective_field, sanity, strongest_patches, theoretical_field
from pellucid.explain.attribution import Attribution, method_of
from pellucid.explain.receptive_field import Box
from pellucid.model import Model
from pellucid.studio import wishes
from pellucid.studio.answers import question
from pellucid.studio.atlas import classes
from pellucid.studio.examples import example_info, examples
from pellucid.studio.jobs import Attention
from pellucid.studio.messages import (
    FieldBox,
    Health,
    Heat,
    Mistakes,
    ModelInfo,
    Sandbox,
    TopPatch,
    WhatIf,
)
from pellucid.studio.refusals import UNUSABLE, RefusedError
from pellucid.studio.sandbox import try_setting
from pellucid.studio.studio import Studio
from pellucid.studio.timing import node_milliseconds
from pellucid.studio.workspace import OpenModel
from pellucid.training.metrics import evaluate

Body = Mapping[str, Any]

STAGES = 4
"""In which weights become random for a sanity check."""

MOST_PATCHES, WORST = 100, 24
MOST_EXAMPLES = 512
"""Labelled images that a check-up looks at."""


def ask_what_if(studio: Studio, body: Body, job: Attention) -> WhatIf:
    """The outputs with and without the edits."""
    base = studio.passes.get(wishes.text(body, "trace"))
    plain = studio.passes.of(base.owner.id, base.image)
    edits = [*base.edits, *wishes.edits(body)]
    changed = studio.passes.of(base.owner.id, base.image, edits)
    moved = changed.changes.most_changed if changed.changes else ()
    return {
        "trace": changed.id,
        "before": classes(plain),
        "after": classes(changed),
        "changed": [
            {"node": m.node, "channel": m.channel, "amount": m.amount, "relative": m.relative} for m in moved
        ],
    }


def ask_attribution(studio: Studio, body: Body, job: Attention) -> Heat:
    """Which pixels have to do with a class."""
    passed = studio.passes.get(wishes.text(body, "trace"))
    if passed.edits:
        raise RefusedError(UNUSABLE, "attribution is that of the network as it is: undo the edits first")
    name, layer = wishes.text(body, "method"), wishes.optional_text(body, "layer")
    model, target = passed.evidence.model, wishes.target(body).get("number")
    image = passed.activation(model.graph.inputs[0])[None]
    method = method_of(name, layer)
    found = method(model, image, target)
    job.check()
    checked = sanity(model, image, method, target, stages=STAGES) if wishes.flag(body, "sanity") else None
    return _heat(found, model, checked.verdict if checked else None)


def _heat(found: Attribution, model: Model, verdict: str | None) -> Heat:
    plane = found.maps[0]
    values = plane.reshape(-1, plane.shape[-1]).astype(np.float64)
    largest = float(np.abs(values).max(initial=0.0))
    return {
        "method": found.method,
        "sentences": list(found.sentences(model.class_names)),
        "verdict": verdict,
        "height": values.shape[0],
        "width": values.shape[1],
        "signed": bool((values < 0).any()),
        "largest": largest,
        "values": (values / (largest or 1.0)).round(5).ravel().tolist(),
    }


def ask_field(studio: Studio, body: Body, job: Attention) -> FieldBox:
    """Which pixels a cell sees."""
    passed = studio.passes.get(wishes.text(body, "trace"))
    model, node, at = passed.evidence.model, wishes.text(body, "node"), wishes.wholes(body, "at")
    seen = theoretical_field(model, node, at)
    heat = None
    if wishes.flag(body, "heat") and seen.clipped is not None:
        image = passed.activation(seen.input)[None]
        shares = effective_field(model, node, at, images=image).heat[seen.clipped.slices]
        heat = (shares / (shares.max(initial=0.0) or 1.0)).round(5).ravel().tolist()
    start, stop = _corners(seen.clipped)
    free_start, free_stop = _corners(seen.unclipped)
    return {
        "node": seen.node,
        "cell": list(seen.cell),
        "start": start,
        "stop": stop,
        "unclipped_start": free_start,
        "unclipped_stop": free_stop,
        "heat": heat,
    }


def _corners(box: Box | None) -> tuple[list[int] | None, list[int] | None]:
    return (None, None) if box is None else (list(box.start), list(box.stop))


def ask_health(studio: Studio, body: Body, job: Attention) -> Health:
    """What is not as it should be; on labelled images where there are any."""
    model = studio.workspace.model(wishes.text(body, "model"))
    split = _examples_if_any(model)
    if split is None:
        report = check_health(model.model, np.stack([model.input(name) for name in list(model.pictures)]))
    else:
        report = check_health(model.model, split.subset(np.arange(min(len(split), MOST_EXAMPLES))))
    return {
        "findings": [
            {
                "kind": finding.kind,
                "node": finding.node,
                "value": finding.value,
                "threshold": finding.threshold,
                "sentence": finding.sentence,
                "remedy": finding.remedy,
            }
            for finding in report.findings
        ],
        "images": report.images,
    }


def _examples_if_any(model: OpenModel) -> Split | None:
    try:
        return examples(model)
    except RefusedError:
        return None


def ask_sandbox(studio: Studio, body: Body, job: Attention) -> Sandbox:
    """What a setting gives."""
    return try_setting(wishes.sandbox(body))


def ask_top(studio: Studio, body: Body, job: Attention) -> list[TopPatch]:
    """The patches of a data set that a channel answers most."""
    model = studio.workspace.model(wishes.text(body, "model"))
    channel, count = wishes.whole(body, "channel"), wishes.whole(body, "count", 9, most=MOST_PATCHES)
    node = wishes.text(body, "node")
    split, names = _examples_if_any(model), list(model.pictures)
    images = np.stack([model.input(name) for name in names]) if split is None else split
    found = strongest_patches(model.model, images, node, channels=[channel], count=max(1, count))
    return [
        {
            "image": example_info(model, split, int(number))["id"] if split else names[int(number)],
            "value": float(value),
            "start": box[:, 0].tolist(),
            "stop": box[:, 1].tolist(),
        }
        for number, value, box in zip(found.images[0], found.values[0], found.boxes[0], strict=True)
    ]


def ask_mistakes(studio: Studio, body: Body, job: Attention) -> Mistakes:
    """What the network takes for what."""
    model = studio.workspace.model(wishes.text(body, "model"))
    split = examples(model)
    found = evaluate(model.model, split)
    total = model.model.graph.shapes[model.model.graph.outputs[0]][0]
    return {
        "confusion": found.confusion(total).tolist(),
        "worst": [
            {
                "image": example_info(model, split, int(number)),
                "predicted": int(found.predictions[number]),
                "probability": float(found.confidences[number]),
            }
            for number in found.worst(WORST)
        ],
        "images": len(split),
    }


def ask_measure(studio: Studio, body: Body, job: Attention) -> ModelInfo:
    """How long every node of a pass takes by itself; the model's nodes say so from then on."""
    passed = studio.passes.get(wishes.text(body, "trace"))
    passed.owner.milliseconds = node_milliseconds(passed.evidence, job)
    return passed.owner.info


def routes() -> Sequence[Route]:
    """Where these questions are asked."""
    return (
        question("/api/what-if", ask_what_if),
        question("/api/attribution", ask_attribution, slow=True),
        question("/api/field", ask_field),
        question("/api/health", ask_health, slow=True),
        question("/api/sandbox", ask_sandbox),
        question("/api/measure", ask_measure, slow=True),
        question("/api/top", ask_top, slow=True),
        question("/api/mistakes", ask_mistakes, slow=True),
    )
