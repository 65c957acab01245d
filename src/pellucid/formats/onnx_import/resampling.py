"""Rows of Pad, Resize and Upsample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.formulas import shortest
from pellucid.formats.onnx_import.values import Activation, UnsupportedError, Value
from pellucid.formats.onnx_import.windows import short
from pellucid.layers import Crop, Pad, Upsample
from pellucid.layers.geometry import PaddingMode

MODES: Mapping[str, PaddingMode] = {
    "constant": "zeros",
    "edge": "edge",
    "reflect": "reflect",
    "wrap": "circular",
}
"""What lies beyond the edge, in ONNX and here."""

LARGEST_MAP = 1 << 16
"""Cells along an axis of an enlarged map, and of its padding."""


def pad(call: Call) -> list[Value]:
    """Pad in any mode, channels too; negative amounts crop."""
    x = call.activation()
    rank = len(x.shape) + 1
    pairs = _pairs(call, rank)
    call.require(pairs[0] == (0, 0), "it adds images to the batch")
    widest = max(abs(amount) for pair in pairs for amount in pair)
    call.require(widest <= LARGEST_MAP, f"a padding of {widest}")
    mode = call.text("mode", "constant")
    call.require(mode in MODES, f"its mode is {mode!r}")
    value = call.number(2) if call.opset >= 11 and call.has(2) else call.real("value", 0.0)
    value = float(np.clip(value, -3.4028234663852886e38, 3.4028234663852886e38))
    cropped = tuple((max(0, -start), max(0, -end)) for start, end in pairs[1:])
    padded = tuple((max(0, start), max(0, end)) for start, end in pairs[1:])
    if any(map(any, cropped)):
        x = call.emit(Crop(_spatial(cropped)), x)
    if any(map(any, padded)):
        constant = shortest(value) if mode == "constant" else 0.0
        x = call.emit(Pad(_spatial(padded), MODES[mode], constant), x)
    return [x]


def _pairs(call: Call, rank: int) -> list[tuple[int, int]]:
    pads = call.integers(1) if call.opset >= 11 else call.list("pads") or call.list("paddings") or ()
    axes = call.integers(3) if call.has(3) else tuple(range(rank))
    fits = len(pads) == 2 * len(axes) and all(-rank <= axis < rank for axis in axes)
    call.require(fits, f"its pads {pads} do not fit {rank} axes")
    pairs = [(0, 0)] * rank
    for index, axis in enumerate(axes):
        pairs[axis % rank] = (pads[index], pads[len(axes) + index])
    return pairs


def _spatial(pairs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Without the channels where they stay as they are."""
    return pairs[1:] if len(pairs) > 1 and pairs[0] == (0, 0) else pairs


def resize(call: Call) -> list[Value]:
    """Resize or Upsample of the spatial axes."""
    x = call.activation()
    scales, lengths = _target(call, x)
    mode = call.text("mode", "nearest")
    call.require(mode in ("nearest", "linear"), f"its mode is {mode!r}")
    call.require(call.integer("antialias", 0) == 0, "it smooths before it makes maps smaller (antialias)")
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    call.require(policy == "stretch" or not call.has(3), f"its keep_aspect_ratio_policy is {policy!r}")
    call.require(max(lengths) <= LARGEST_MAP, f"maps of {lengths}")
    if lengths == x.shape[1:] and set(scales) == {1.0}:
        return [x]
    for coordinates in ("half-pixel", "asymmetric", "align-corners"):
        fits = (
            _fits(call, mode, coordinates, old, new, scale)
            for old, new, scale in zip(x.shape[1:], lengths, scales, strict=True)
        )
        if all(fits):
            return [call.emit(_layer(x, lengths, mode, coordinates), x)]
    rule = call.text("coordinate_transformation_mode", "half_pixel")
    raise UnsupportedError(f"maps of {x.shape[1:]} at {lengths}, by the rule {rule!r}")


def _layer(x: Activation, lengths: tuple[int, ...], mode: Any, coordinates: Any) -> Upsample:
    if all(new % old == 0 for old, new in zip(x.shape[1:], lengths, strict=True)):
        scale = tuple(new // old for old, new in zip(x.shape[1:], lengths, strict=True))
        return Upsample(scale=short(scale), mode=mode, coordinates=coordinates)
    return Upsample(size=short(lengths), mode=mode, coordinates=coordinates)


def _target(call: Call, x: Activation) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Scale and length of every spatial axis; the batch and the channels stay as they are."""
    rank = len(x.shape) + 1
    call.require(rank >= 3, "there are no maps to resize")
    axes = call.list("axes") or tuple(range(rank))
    lengths, scales = [-1, *x.shape], [1.0] * rank
    if call.opset >= 11 and call.has(3):
        for axis, length in zip(axes, call.integers(3), strict=True):
            if axis % rank > 0:
                lengths[axis % rank] = length
                scales[axis % rank] = length / x.shape[axis % rank - 1]
    else:
        for axis, scale in zip(axes, _scales(call), strict=True):
            scales[axis % rank] = scale
            if axis % rank > 0:
                lengths[axis % rank] = int(np.floor(x.shape[axis % rank - 1] * scale))
    call.require(min(scales) > 0 and min(lengths[1:]) >= 1, "it leaves no cells")
    call.require(scales[0] == 1 and lengths[1] == x.shape[0], "it resizes the batch or the channels")
    return tuple(scales[2:]), tuple(lengths[2:])


def _scales(call: Call) -> Sequence[float]:
    if call.opset < 9:
        given = call.operation.attributes.get("scales")
        return [float(n) for n in given] if isinstance(given, tuple) else []
    index = 1 if call.opset < 11 else 2
    if call.operation.type == "Upsample":
        index = 1
    return [float(n) for n in call.constant(index).floats().reshape(-1)]


def _fits(call: Call, mode: str, coordinates: str, old: int, new: int, scale: float) -> bool:
    """Whether Upsample with these coordinates takes the same cells along an axis as the operation."""
    theirs, ours = _positions(call, old, new, scale), _own_positions(coordinates, old, new)
    if mode == "linear":
        clipped = np.clip(theirs, 0, old - 1), np.clip(ours, 0, old - 1)
        return bool(np.allclose(*clipped, rtol=0, atol=1e-5))
    own = np.floor(ours + 1e-9) if coordinates == "asymmetric" else np.ceil(ours - 0.5 - 1e-9)
    return bool(np.array_equal(np.clip(_nearest(call, theirs), 0, old - 1), np.clip(own, 0, old - 1)))


def _own_positions(coordinates: str, old: int, new: int) -> NDArray[np.float64]:
    """Where output cells lie among the inputs; see Upsample."""
    o = np.arange(new, dtype=np.float64)
    if coordinates == "half-pixel":
        return (o + 0.5) * old / new - 0.5
    return o * old / new if coordinates == "asymmetric" else o * (old - 1) / max(1, new - 1)


def _positions(call: Call, old: int, new: int, scale: float) -> NDArray[np.float64]:
    """ONNX's coordinate_transformation_mode."""
    rule = call.text("coordinate_transformation_mode", "half_pixel") if call.opset >= 11 else "asymmetric"
    o = np.arange(new, dtype=np.float64)
    if abs(scale * old - new) < 1e-3:
        scale = new / old
    if rule == "half_pixel" or (rule == "pytorch_half_pixel" and new > 1):
        return (o + 0.5) / scale - 0.5
    if rule == "half_pixel_symmetric":
        adjusted = new / (scale * old)
        return old / 2 * (1 - adjusted) + (o + 0.5) / scale - 0.5
    if rule == "asymmetric":
        return o / scale
    if rule == "align_corners":
        return o * (old - 1) / max(1, new - 1)
    if rule == "tf_half_pixel_for_nn":
        return (o + 0.5) / scale
    if rule == "pytorch_half_pixel":
        return np.zeros(new)
    raise UnsupportedError(f"its coordinate_transformation_mode is {rule!r}")


def _nearest(call: Call, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """ONNX's nearest_mode; 1e-9 for what float32 rounds."""
    rule = call.text("nearest_mode", "round_prefer_floor") if call.opset >= 11 else "floor"
    if rule == "round_prefer_floor":
        return np.ceil(x - 0.5 - 1e-9)
    if rule == "round_prefer_ceil":
        return np.floor(x + 0.5 + 1e-9)
    if rule == "floor":
        return np.floor(x + 1e-9)
    if rule == "ceil":
        return np.ceil(x - 1e-9)
    raise UnsupportedError(f"its nearest_mode is {rule!r}")
