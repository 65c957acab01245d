"""Blocks that a large network repeats: what the stage draws as one until it is opened.

A block is what lies between two places where everything passes through a single node, if it branches on the
way: a residual block, an inception module. Names play no part in finding them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pellucid.graph import Graph
from pellucid.layers.activation import Activation

LEAST = 4
"""Nodes of a block that is worth folding."""

REPEATS = 2
"""Blocks that a network has at least, if it is to fold at all."""


def folds(graph: Graph) -> dict[str, str]:
    """The block of every node that is in one, by the node's name."""
    blocks = [block for block in _segments(graph) if len(block) >= LEAST and _branches(graph, block)]
    if len(blocks) < REPEATS:
        return {}
    names = _names(blocks)
    return {node: name for name, block in zip(names, blocks, strict=True) for node in block}


def _segments(graph: Graph) -> list[list[str]]:
    """Nodes between one waist and the next; a waist is the last node of its segment."""
    order = [node.name for node in graph.nodes]
    number = {name: position for position, name in enumerate(order)}
    last_use = {
        name: max((number[consumer] for consumer in graph.consumers[name]), default=number[name])
        for name in order
    }
    segments: list[list[str]] = [[]]
    reach = 0
    for position, name in enumerate(order):
        segments[-1].append(name)
        # Nothing that came before is read later on, so that all passes through this node.
        if reach <= position:
            segments.append([])
        reach = max(reach, last_use[name])
    return _with_activations(graph, [segment for segment in segments if segment])


def _with_activations(graph: Graph, segments: Sequence[list[str]]) -> list[list[str]]:
    """An activation right behind a branching segment belongs to it, as in a residual block."""
    joined: list[list[str]] = []
    for segment in segments:
        alone = len(segment) == 1 and isinstance(graph.node(segment[0]).layer, Activation)
        if alone and joined and _branches(graph, joined[-1]):
            joined[-1].extend(segment)
        else:
            joined.append(segment)
    return joined


def _branches(graph: Graph, block: Sequence[str]) -> bool:
    """Whether a node of the block is fed by several."""
    return any(len(graph.node(name).inputs) > 1 for name in block)


def _names(blocks: Sequence[Sequence[str]]) -> list[str]:
    """What the nodes' names begin with in common, up to a whole word; else numbers."""
    names = []
    for place, block in enumerate(blocks, start=1):
        shared = block[0]
        for name in block:
            while not name.startswith(shared):
                shared = shared[:-1]
        word = shared if shared in block else re.sub(r"[^._/]*$", "", shared)
        names.append(word.strip("._/") or f"block {place}")
    return names if len(set(names)) == len(names) else [f"block {k + 1}" for k in range(len(blocks))]
