"""What a message asks, looked at before it is used: names, whole numbers, cells, edits, targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from pellucid.studio.messages import Edit, SandboxWish, TargetWish, What
from pellucid.studio.refusals import UNUSABLE, RefusedError

Body = Mapping[str, Any]

LONGEST = 300
"""Letters of a name."""

LONGEST_ADDRESS = 2000

LARGEST = 1 << 31


def text(body: Body, name: str) -> str:
    """A name."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        raise RefusedError(UNUSABLE, f"{name}: expects a text of 1 to {LONGEST} letters")
    return value


def address(body: Body, name: str) -> str:
    """A URL."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ADDRESS:
        raise RefusedError(UNUSABLE, f"{name}: expects an address of 1 to {LONGEST_ADDRESS} letters")
    return value


def optional_text(body: Body, name: str) -> str | None:
    """A name, or None where it is left out."""
    return None if body.get(name) is None else text(body, name)


def whole(body: Body, name: str, default: int | None = None, *, most: int = LARGEST) -> int:
    """A whole number from 0."""
    value = body.get(name, default)
    if not _is_whole(value) or not 0 <= value <= most:
        raise RefusedError(UNUSABLE, f"{name}: expects a whole number from 0 to {most}")
    return int(value)


def wholes(body: Body, name: str, most: int = 8) -> list[int]:
    """Whole numbers: a cell, or channels."""
    value = body.get(name)
    if not isinstance(value, list) or len(value) > most or not all(map(_is_whole, value)):
        raise RefusedError(UNUSABLE, f"{name}: expects at most {most} whole numbers")
    return [int(number) for number in value]


def number(body: Body, name: str) -> float:
    """A finite number."""
    value = body.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise RefusedError(UNUSABLE, f"{name}: expects a finite number")
    return float(value)


def flag(body: Body, name: str) -> bool:
    """True or false; false where it is left out."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise RefusedError(UNUSABLE, f"{name}: expects true or false")
    return value


def what(body: Body) -> What:
    """Activations or gradients."""
    value = body.get("what", "activation")
    if value not in ("activation", "gradient"):
        raise RefusedError(UNUSABLE, 'what: expects "activation" or "gradient"')
    return cast(What, value)


def target(body: Body) -> TargetWish:
    """What is differentiated; the class that the network finds where it is left out."""
    value = body.get("target") or {}
    if not isinstance(value, dict):
        raise RefusedError(UNUSABLE, "target: expects {number, loss}")
    wish: TargetWish = {"loss": flag(value, "loss"), "number": None}
    if value.get("number") is not None:
        wish["number"] = whole(value, "number")
    return wish


def edits(body: Body) -> list[Edit]:
    """The edits of a what-if; none where they are left out."""
    value = body.get("edits") or []
    if not isinstance(value, list) or not all(isinstance(edit, dict) for edit in value):
        raise RefusedError(UNUSABLE, "edits: expects a list")
    return [_edit(edit) for edit in value]


def _edit(body: Body) -> Edit:
    kind = body.get("kind")
    if kind not in ("channel", "weight", "cell", "patch"):
        raise RefusedError(UNUSABLE, "kind: an edit is of a channel, weight, cell or patch")
    edit: Edit = {
        "kind": cast(Literal["channel", "weight", "cell", "patch"], kind),
        "value": number(body, "value"),
    }
    if "node" in body:
        edit["node"] = text(body, "node")
    if "parameter" in body:
        edit["parameter"] = text(body, "parameter")
    if "channel" in body:
        edit["channel"] = whole(body, "channel")
    if "at" in body:
        edit["at"] = wholes(body, "at")
    if "corner" in body:
        edit["corner"] = wholes(body, "corner")
    if "size" in body:
        edit["size"] = wholes(body, "size")
    return edit


def sandbox(body: Body) -> SandboxWish:
    """A setting of the sandbox; whether it is valid is the layers' to say."""
    return {
        "input": whole(body, "input", most=4096),
        "kernel": whole(body, "kernel", most=4096),
        "stride": whole(body, "stride", most=4096),
        "padding": whole(body, "padding", 0, most=4096),
        "padding_mode": text({"padding_mode": "zeros", **body}, "padding_mode"),
        "dilation": whole(body, "dilation", 1, most=4096),
        "transposed": flag(body, "transposed"),
        "output_padding": whole(body, "output_padding", 0, most=4096),
    }


def texts(body: Body, name: str, most: int) -> Sequence[str]:
    """Names."""
    value = body.get(name)
    if not isinstance(value, list) or not 0 < len(value) <= most:
        raise RefusedError(UNUSABLE, f"{name}: expects 1 to {most} names")
    return [text({name: item}, name) for item in value]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
