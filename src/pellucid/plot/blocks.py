"""A graph as a person would draw it: one block a layer that computes, what follows it cell by cell inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pellucid.graph import Graph, Node
from pellucid.layers import (
    Activation,
    AdaptivePooling,
    Add,
    AvgPooling,
    BatchNorm,
    Concat,
    Convolution,
    Divide,
    Flatten,
    GlobalAvgPool,
    GlobalPooling,
    Input,
    Layer,
    Linear,
    LocallyConnected,
    LocalResponseNorm,
    LogSoftmax,
    MaxPooling,
    Multiply,
    Normalize,
    Parameter,
    Pooling,
    PReLU,
    RBFOutput,
    Shape,
    Softmax,
    Subsample2d,
    Subtract,
    TransposedConvolution,
)
from pellucid.layers.dropout import DropoutLayer
from pellucid.layers.geometry import per_axis
from pellucid.layers.normalization import ImageNorm
from pellucid.layers.pooling import AdaptiveAvgPooling
from pellucid.plot.language import Words

Family = Literal["source", "convolution", "pooling", "dense", "merge", "other"]

INSIDE = (
    Activation,
    PReLU,
    Softmax,
    LogSoftmax,
    BatchNorm,
    ImageNorm,
    LocalResponseNorm,
    Normalize,
    DropoutLayer,
    Flatten,
)
"""Layers that are written into the block before them: they change cells or order, not what is seen."""

SIGNS: Mapping[type[Layer], str] = {Add: "+", Subtract: "−", Multiply: "×", Divide: "÷"}


@dataclass(frozen=True)
class Block:
    """One box of a diagram.

    Attributes:
        name: of its first node.
        nodes: all of them, in order.
        family: what colour it has.
        title: what its first layer is, "conv 5×5, 16"; a sign for an operation between inputs.
        inside: the layers after it, "BatchNorm2d", "ReLU".
        shape: of its output.
        inputs: names of the blocks that feed it.
    """

    name: str
    nodes: tuple[str, ...]
    family: Family
    title: str
    inside: tuple[str, ...]
    shape: Shape
    inputs: tuple[str, ...]


def blocks_of(graph: Graph, words: Words, *, fold: bool = True) -> dict[str, Block]:
    """The blocks of a graph by name, each after those that feed it.

    Args:
        graph: any.
        words: of the titles.
        fold: write activations, normalisations, dropout and flattening into the block before them; else
            every node has its own.
    """
    blocks: dict[str, Block] = {}
    holder: dict[str, str] = {}
    for node in graph.nodes:
        shape = graph.shapes[node.name]
        into = _host(graph, node, blocks, holder) if fold else None
        if into is not None:
            block = blocks[into]
            blocks[into] = replace(
                block, nodes=(*block.nodes, node.name), inside=(*block.inside, node.layer.name), shape=shape
            )
            holder[node.name] = into
            continue
        sources = tuple(dict.fromkeys(holder[source] for source in node.inputs))
        title = layer_title(node.layer, words)
        blocks[node.name] = Block(node.name, (node.name,), _family(node.layer), title, (), shape, sources)
        holder[node.name] = node.name
    return blocks


def _host(graph: Graph, node: Node, blocks: Mapping[str, Block], holder: Mapping[str, str]) -> str | None:
    """The block that a node is written into, if any: its only source's, whose only consumer it is."""
    if len(node.inputs) != 1 or not isinstance(node.layer, INSIDE):
        return None
    (source,) = node.inputs
    block = blocks[holder[source]]
    alone = graph.consumers[source] == (node.name,) and source not in graph.outputs
    return block.name if alone and block.nodes[-1] == source else None


def _family(layer: Layer) -> Family:
    families: tuple[tuple[Family, tuple[type[Layer], ...]], ...] = (
        ("source", (Input, Parameter)),
        ("convolution", (Convolution, TransposedConvolution, LocallyConnected)),
        ("pooling", (Pooling, GlobalPooling, AdaptivePooling, Subsample2d)),
        ("dense", (Linear, RBFOutput)),
        ("merge", (*SIGNS, Concat)),
    )
    return next((family for family, kinds in families if isinstance(layer, kinds)), "other")


def layer_title(layer: Layer, words: Words) -> str:
    """What a layer is, with the hyper-parameters that are not the usual ones."""
    match layer:
        case Convolution() | TransposedConvolution() | LocallyConnected():
            return _kernel_title(layer, words)
        case Pooling() | Subsample2d() | GlobalPooling() | AdaptivePooling():
            return _pooling_title(layer, words)
        case Linear():
            return words("linear, {units}", units=layer.out_features)
        case Input() | Parameter() | Concat():
            return words(layer.label)
        case _:
            return SIGNS.get(type(layer), layer.name)


def _pooling_title(layer: Pooling | Subsample2d | GlobalPooling | AdaptivePooling, words: Words) -> str:
    if isinstance(layer, GlobalPooling):
        return words("global average pool" if isinstance(layer, GlobalAvgPool) else "global max-pool")
    if isinstance(layer, AdaptivePooling):
        kind = "average pool" if isinstance(layer, AdaptiveAvgPooling) else "max-pool"
        return words(kind + " to {size}", size=_times(layer.lengths))
    text = words(_pooling_kind(layer) + " {size}", size=_times(layer.kernel))
    if layer.stride is None:
        return text
    stride = per_axis(layer.name, "stride", layer.stride, len(layer.kernel), 1)
    return text if stride == layer.kernel else text + _setting("stride {number}", stride, words)


def _kernel_title(layer: Convolution | TransposedConvolution | LocallyConnected, words: Words) -> str:
    kind = "conv"
    if isinstance(layer, TransposedConvolution):
        kind = "transposed conv"
    elif isinstance(layer, LocallyConnected):
        kind = "locally connected"
    rank = len(layer.kernel)
    text = words(kind + " {size}, {maps}", size=_times(layer.kernel), maps=layer.out_channels)
    text += _setting("stride {number}", per_axis(layer.name, "stride", layer.stride, rank, 1), words)
    if isinstance(layer, LocallyConnected):
        return text
    text += _setting("dilation {number}", per_axis(layer.name, "dilation", layer.dilation, rank, 1), words)
    return text + _setting("{number} groups", (layer.groups,), words)


def _pooling_kind(layer: Pooling | Subsample2d) -> str:
    if isinstance(layer, Subsample2d):
        return "subsample"
    if isinstance(layer, MaxPooling):
        return "max-pool"
    return "average pool" if isinstance(layer, AvgPooling) else "norm pool"


def _setting(phrase: str, values: tuple[int, ...], words: Words) -> str:
    """ ", stride 2" where it is not 1."""
    if all(value == 1 for value in values):
        return ""
    number = str(values[0]) if len(set(values)) == 1 else _times(values)
    return words(", ") + words(phrase, number=number)


def _times(lengths: tuple[int, ...]) -> str:
    return "×".join(str(length) for length in lengths)


def shape_text(shape: Shape) -> str:
    """A shape as it stands beside a block: "16×10×10"."""
    return _times(shape)
