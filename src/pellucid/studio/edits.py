"""Edits of a what-if as the library's interventions, and what becomes of a pass."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pellucid.explain import ReplaceCell, ReplaceChannel, ReplacePatch, ReplaceWeight, WhatIf, what_if
from pellucid.explain.ablation import Intervention
from pellucid.explain.evidence import Evidence
from pellucid.studio.messages import Edit
from pellucid.studio.refusals import UNUSABLE, RefusedError

MOST = 256
"""Edits of one pass."""


def edit_key(edits: Sequence[Edit]) -> str:
    """The same text for the same edits in the same order."""
    return json.dumps(edits, sort_keys=True)


def edited(read: Evidence, edits: Sequence[Edit]) -> tuple[Evidence, WhatIf]:
    """The pass with the edits made, and what they changed."""
    if len(edits) > MOST:
        raise RefusedError(UNUSABLE, f"a what-if has at most {MOST} edits, received {len(edits)}")
    changes = [_intervention(edit) for edit in edits]
    result = what_if(read.model, read, *changes)
    changed = read.met(result.activations)
    parameters = dict(read.parameters)
    for change in changes:
        if isinstance(change, ReplaceWeight):
            parameters[change.parameter] = change.changed(parameters[change.parameter])
    changed.parameters = parameters
    return changed, result


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
