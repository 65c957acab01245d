"""Edits of a what-if as the library's interventions, and what becomes of a pass."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pellucid.explain import (
    ReplaceCell,
    ReplaceChannel,
    ReplacePatch,
    ReplaceWeight,
    WhatIf,
    intervened,
    what_if,
)
from pellucid.explain.ablation import Intervention
from pellucid.explain.evidence import Evidence
from pellucid.explain.intervention import COMPUTED, parameter_name
from pellucid.model import Float32
from pellucid.studio.messages import Edit
from pellucid.studio.refusals import UNUSABLE, RefusedError

MOST = 256
"""Edits of one pass."""


def edit_key(edits: Sequence[Edit]) -> str:
    """The same text for the same edits in the same order."""
    return json.dumps(edits, sort_keys=True)


def edited(read: Evidence, edits: Sequence[Edit]) -> tuple[Evidence, WhatIf]:
    """The pass with the edits made, and what they changed."""
    changes = interventions(edits)
    result = what_if(read.model, read, *changes)
    changed = read.met(result.activations)
    parameters = dict(read.parameters)
    for change in changes:
        if isinstance(change, ReplaceWeight):
            parameters[change.parameter] = change.changed(parameters[change.parameter])
    changed.parameters = parameters
    return changed, result


def rebuilt(read: Evidence, edits: Sequence[Edit], image: Float32) -> Evidence:
    """What an image makes of the network with the edits built in: passes back go through them."""
    return Evidence(*intervened(read.model, image, interventions(edits)))


def computed_name(parameter: str, edits: Sequence[Edit]) -> str:
    """What a parameter is called in the network with the edits built in."""
    return parameter_name(parameter, dict.fromkeys(_changed(edits)))


def plain_names(text: str, edits: Sequence[Edit]) -> str:
    """A text with parameters of that network called as the page knows them."""
    for node in _changed(edits):
        text = text.replace(f"{node}{COMPUTED}.", f"{node}.")
    return text


def _changed(edits: Sequence[Edit]) -> list[str]:
    return [edit["node"] for edit in edits if "node" in edit]


def interventions(edits: Sequence[Edit]) -> list[Intervention]:
    """The edits as the library has them."""
    if len(edits) > MOST:
        raise RefusedError(UNUSABLE, f"a what-if has at most {MOST} edits, received {len(edits)}")
    return [_intervention(edit) for edit in edits]


def _intervention(edit: Edit) -> Intervention:
    value = edit["value"]
    try:
        match edit["kind"]:
            case "channel":
                return ReplaceChannel(edit["node"], edit["channel"], value)
            case "weight":
                return ReplaceWeight(edit["parameter"], tuple(edit["at"]), value)
            case "cell":
                return ReplaceCell(edit["node"], tuple(edit["at"]), value)
            case "patch":
                return ReplacePatch(edit["node"], tuple(edit["corner"]), tuple(edit["size"]), value)
    except KeyError as error:
        raise RefusedError(UNUSABLE, f"an edit of a {edit['kind']} says its {error.args[0]}") from None
