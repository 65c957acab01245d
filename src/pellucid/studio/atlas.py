"""Maps as bytes: each channel between its own minimum and maximum, all channels of a node in one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Array
from pellucid.engines.reference.channel_activation import softmax
from pellucid.errors import DataError
from pellucid.explain.target import score_node
from pellucid.studio.messages import Atlas, Class, MapRange, NodeMaps, TargetWish, What
from pellucid.studio.traces import Pass
from pellucid.studio.wire import with_bytes

SHOWN = 16
"""Channels of a node that an overview shows unless told otherwise."""

CLASSES = 50
"""Most probable classes that an answer lists."""

Bytes = NDArray[np.uint8]


def overview(
    passed: Pass, what: What, target: TargetWish, *, channels: int = SHOWN, nodes: Sequence[str] = ()
) -> bytes:
    """The channels of every node whose activations are strongest, as an Atlas.

    Args:
        passed: whose numbers.
        what: activations or gradients, of the same channels.
        target: of the gradients.
        channels: shown of each node.
        nodes: that are shown; all when empty.
    """
    graph = passed.evidence.graph
    names = nodes or [node.name for node in graph.nodes]
    wanted = [(name, strongest(as_maps(passed.activation(name)), channels)) for name in names]
    return _atlas(passed, what, target, wanted)


def beside(one: Pass, other: Pass, *, difference: bool, channels: int = SHOWN) -> bytes:
    """What another model makes of an image, in the channels that are strongest in the first, as an Atlas.

    Args:
        one: the first pass.
        other: whose numbers.
        difference: whether the first's are taken off them.
        channels: shown of each node.
    """
    nodes: list[NodeMaps] = []
    runs: list[bytes] = []
    offset = 0
    for node in one.evidence.graph.nodes:
        first, second = as_maps(one.activation(node.name)), as_maps(other.activation(node.name))
        shown = strongest(first, channels)
        found, pixels = _node_maps(node.name, second - first if difference else second, shown)
        found["offset"] = offset
        nodes.append(found)
        runs.append(pixels.tobytes())
        offset += pixels.size
    return with_bytes(_head(other, "activation", None, nodes), b"".join(runs))


def chosen_maps(passed: Pass, node: str, channels: Sequence[int], what: What, target: TargetWish) -> bytes:
    """These channels of one node as an Atlas."""
    return _atlas(passed, what, target, [(passed.evidence.graph.node(node).name, channels)])


def values_of(passed: Pass, node: str, what: What, target: TargetWish) -> Array:
    """A node's activation or its gradient, without the batch."""
    if what == "activation":
        return passed.activation(node)
    gradients = passed.differentiation(target).gradients.nodes
    name = passed.evidence.graph.node(node).name
    found: Array = gradients[name][0]
    return found


def partials_atlas(passed: Pass, node: str, seen: Sequence[int], maps: Array, most: int) -> bytes:
    """The strongest partial maps of a convolution as an Atlas; its channels are those of the input."""
    planes = as_maps(maps)
    shown = strongest(planes, most)
    found, pixels = _node_maps(node, planes, shown)
    for place, part in zip(shown, found["maps"], strict=True):
        part["channel"] = seen[place]
    return with_bytes(_head(passed, "activation", None, [found]), pixels.tobytes())


def _atlas(
    passed: Pass,
    what: What,
    target: TargetWish,
    wanted: Sequence[tuple[str, Sequence[int]]],
) -> bytes:
    nodes: list[NodeMaps] = []
    runs: list[bytes] = []
    offset = 0
    for name, channels in wanted:
        maps = as_maps(values_of(passed, name, what, target))
        found, pixels = _node_maps(name, maps, _checked(name, channels, len(maps)))
        found["offset"] = offset
        nodes.append(found)
        runs.append(pixels.tobytes())
        offset += pixels.size
    j = passed.differentiation(target).quantity.text if what == "gradient" else None
    return with_bytes(_head(passed, what, j, nodes), b"".join(runs))


def _head(passed: Pass, what: What, j: str | None, nodes: list[NodeMaps]) -> Atlas:
    return {
        "trace": passed.id,
        "model": passed.owner.id,
        "image": passed.image,
        "what": what,
        "j": j,
        "nodes": nodes,
        "classes": classes(passed),
        "milliseconds": passed.milliseconds,
    }


def _node_maps(name: str, maps: Array, shown: Sequence[int]) -> tuple[NodeMaps, Bytes]:
    pixels, ranges = quantized(maps, shown)
    low, high = maps.min(), maps.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = maps[np.isfinite(maps)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    found: NodeMaps = {
        "node": name,
        "offset": 0,
        "height": maps.shape[1],
        "width": maps.shape[2],
        "total": len(maps),
        "low": float(low),
        "high": float(high),
        "maps": ranges,
    }
    return found, pixels


def as_maps(values: Array) -> Array:
    """(channels, height, width) of any activation."""
    if values.ndim < 2:
        return values.reshape(1, 1, -1)
    return values.reshape(len(values), -1, values.shape[-1])


def strongest(maps: Array, most: int) -> list[int]:
    """The channels of the largest mean magnitude, in order of their numbers."""
    if len(maps) <= most:
        return list(range(len(maps)))
    strength = np.abs(maps).reshape(len(maps), -1).sum(axis=1)
    return sorted(np.argsort(-strength, kind="stable")[:most].tolist())


def quantized(maps: Array, channels: Sequence[int]) -> tuple[Bytes, list[MapRange]]:
    """(channels, height, width) bytes and what they mean; numbers that are not finite are 0."""
    chosen = maps[list(channels)].astype(np.float32)
    finite = np.isfinite(chosen)
    if not finite.all():
        chosen = np.where(finite, chosen, np.nan)
        empty = ~finite.any(axis=(1, 2))
        chosen[empty] = 0
        low, high = np.nanmin(chosen, axis=(1, 2)), np.nanmax(chosen, axis=(1, 2))
        chosen = np.where(np.isnan(chosen), low[:, None, None], chosen)
    else:
        low, high = chosen.min(axis=(1, 2)), chosen.max(axis=(1, 2))
    width = np.where(high > low, high - low, 1).astype(np.float32)
    levels = (chosen - low[:, None, None]) * (np.float32(255) / width)[:, None, None]
    ranges: list[MapRange] = [
        {"channel": int(channel), "low": float(least), "high": float(most)}
        for channel, least, most in zip(channels, low, high, strict=True)
    ]
    return np.rint(levels).astype(np.uint8), ranges


def classes(passed: Pass) -> list[Class]:
    """The classes of the output, the most probable first; none where the output is no vector."""
    return list(_classes(passed))[:CLASSES]


def _classes(passed: Pass) -> Iterator[Class]:
    evidence, model = passed.evidence, passed.evidence.model
    output = passed.activation(evidence.graph.outputs[0])
    scores = passed.activation(score_node(evidence.graph))
    if output.ndim != 1 or scores.shape != output.shape:
        return
    wide = output.astype(np.float64)
    shares = wide if model.output_kind == "probabilities" else softmax(wide[None])[0]
    order = np.argsort(-shares, kind="stable")[:CLASSES] if np.isfinite(shares).all() else range(len(shares))
    for number in order:
        known = number < len(model.class_names)
        yield {
            "number": int(number),
            "name": model.class_names[number] if known else str(number),
            "score": float(scores[number]),
            "probability": float(shares[number]),
        }


def _checked(node: str, channels: Sequence[int], total: int) -> Sequence[int]:
    if not channels or not all(0 <= channel < total for channel in channels):
        raise DataError(f"{node}: channels are 0 to {total - 1}, received {list(channels)[:8]}")
    return channels
