"""Which view a node opens, and whether its values may be negative: both by the layer's class."""

from __future__ import annotations

from pellucid.graph import Graph, Node
from pellucid.layers import (
    BatchNorm,
    ChannelShuffle,
    Clip,
    Concat,
    Crop,
    Flatten,
    Hardsigmoid,
    Input,
    Layer,
    Linear,
    LocalResponseNorm,
    LogSoftmax,
    MatMul,
    Maxout,
    Mean,
    Normalize,
    Pad,
    PReLU,
    ReLU,
    ReLU6,
    Reshape,
    Sigmoid,
    Slice,
    Softmax,
    Softplus,
    Subsample2d,
    Transpose,
    Upsample,
)
from pellucid.layers.activation import Activation
from pellucid.layers.convolution import Convolution
from pellucid.layers.dropout import DropoutLayer
from pellucid.layers.locally_connected import LocallyConnected
from pellucid.layers.merge import Add, Elementwise, Multiply
from pellucid.layers.normalization import ImageNorm
from pellucid.layers.pooling import AdaptivePooling, AvgPooling, GlobalPooling, MaxPooling, Pooling
from pellucid.layers.transposed_convolution import TransposedConvolution
from pellucid.studio.messages import Kind

KINDS: tuple[tuple[tuple[type[Layer], ...], Kind], ...] = (
    ((Input,), "input"),
    ((Convolution, TransposedConvolution, LocallyConnected), "convolution"),
    ((Linear,), "dense"),
    ((Pooling, AdaptivePooling, GlobalPooling, Subsample2d), "pooling"),
    ((Softmax, LogSoftmax), "softmax"),
    ((Activation, PReLU, Maxout), "activation"),
    ((Normalize, BatchNorm, ImageNorm, LocalResponseNorm), "normalization"),
    ((Elementwise, Concat, MatMul), "merge"),
    ((Flatten, Reshape, Transpose, ChannelShuffle, Pad, Crop, Slice, Upsample, Mean), "shape"),
    ((DropoutLayer,), "dropout"),
)

POSITIVE = (Input, ReLU, ReLU6, Sigmoid, Hardsigmoid, Softplus, Softmax)
"""Layers that yield nothing negative whatever they receive; pixels are in [0, 1]."""

SIGN_KEEPING = (
    MaxPooling,
    AvgPooling,
    AdaptivePooling,
    GlobalPooling,
    DropoutLayer,
    Flatten,
    Reshape,
    Transpose,
    ChannelShuffle,
    Pad,
    Crop,
    Slice,
    Mean,
    Concat,
    Add,
    Multiply,
    LocalResponseNorm,
)
"""Layers that yield nothing negative where they receive nothing negative."""


def kind_of(layer: Layer) -> Kind:
    """What view a layer's nodes open."""
    for classes, kind in KINDS:
        if isinstance(layer, classes):
            return kind
    return "other"


def signed_nodes(graph: Graph) -> set[str]:
    """Nodes whose values may be negative, for images in [0, 1]."""
    signed: set[str] = set()
    for node in graph.nodes:
        if _signed(node, signed):
            signed.add(node.name)
    return signed


def _signed(node: Node, signed: set[str]) -> bool:
    layer = node.layer
    if isinstance(layer, POSITIVE):
        return False
    if isinstance(layer, Clip):
        return layer.minimum is None or layer.minimum < 0
    if isinstance(layer, SIGN_KEEPING):
        return any(source in signed for source in node.inputs)
    return True
