"""What it takes to turn one layer into steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Buffer
from pellucid.graph import Graph, Node
from pellucid.layers import Shape

Cache = Any
"""What a layer's forward steps leave for its backward steps: buffers, in a form of the layer's own."""


@dataclass(frozen=True)
class NodeContext:
    """A node, and what a plan is being made for.

    Attributes:
        training: whether batch statistics and dropout are in force.
        differentiated: whether backward steps will follow.
        gradients: for the full name of every parameter whose gradient is wanted its place.
        rule: how the gradient passes a rectifier.
        absorbed: rectifiers that the max pooling they feed carries out.
        images: in a batch, at most.
        precision: "default", or "direct" to forbid algorithms that round differently.
        algorithm: that was asked for; None to choose.
        padded_input: whether the input has its padding around it already.
    """

    graph: Graph
    node: Node
    store: ParameterStore
    training: bool
    differentiated: bool
    gradients: Mapping[str, Buffer]
    rule: Rule = Rule.GRADIENT
    absorbed: frozenset[str] = frozenset()
    images: int = 1
    precision: str = "default"
    algorithm: str | None = None
    padded_input: bool = False

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def index(self) -> int:
        """The node's place in the graph, by which its random numbers are counted."""
        return next(i for i, node in enumerate(self.graph.nodes) if node.name == self.name)

    @property
    def input_shapes(self) -> list[Shape]:
        """Shapes of the inputs."""
        return self.graph.input_shapes(self.node)

    @property
    def input_cells(self) -> int:
        """Cells of the first input."""
        return math.prod(self.input_shapes[0])

    @property
    def output_shape(self) -> Shape:
        """Shape of the output."""
        return self.graph.shapes[self.name]

    @property
    def cells(self) -> int:
        """Cells of the output."""
        return math.prod(self.output_shape)

    def parameter(self, name: str) -> Buffer | None:
        """A parameter by its short name; None where the layer has none of that name."""
        full = f"{self.name}.{name}"
        return self.store.parameter(full) if full in self.graph.parameters else None

    def gradient(self, name: str) -> Buffer | None:
        """The place of a parameter's gradient; None where it is not wanted."""
        return self.gradients.get(f"{self.name}.{name}")

    @property
    def channels(self) -> dict[str, int]:
        """Attributes of kernels that treat each channel of the output apart."""
        return {"channels": self.output_shape[0], "positions": math.prod(self.output_shape[1:])}


@dataclass(frozen=True)
class ChainContexts:
    """Of a convolution or linear layer and of what is computed with it, None for what does not follow."""

    first: NodeContext
    normalization: NodeContext | None = None
    rectifier: NodeContext | None = None
    pooling: NodeContext | None = None


Forward = Callable[[PlanBuilder, NodeContext, Sequence[Buffer]], tuple[Buffer, Cache]]
Backward = Callable[[PlanBuilder, NodeContext, Cache, Buffer, Sequence[bool]], list[Buffer | None]]


@dataclass(frozen=True)
class Lowering:
    """The steps of a layer.

    forward(builder, context, inputs) appends them and returns the output and the cache;
    backward(builder, context, cache, gradient, wanted) appends those of the wanted parameters' and inputs'
    gradients and returns the latter, None where not wanted.

    Attributes:
        reads_state: the inputs that forward takes as they lie in the state where they are Parameters.
    """

    forward: Forward
    backward: Backward
    reads_state: frozenset[int] = frozenset()


def reduce_sums(builder: PlanBuilder, context: NodeContext, sums: Buffer, gradient: Buffer) -> None:
    """Put a gradient together from the shards' (values, lanes) sums after the last tile."""
    values = gradient.nbytes // 4
    builder.later(
        GRADIENT_TURN, "reduce_lanes", context.name, (sums, gradient), {"cells": values}, extent=values
    )


def bias_gradient(builder: PlanBuilder, context: NodeContext, gradient: Buffer, name: str = "bias") -> None:
    """The gradient of one number a channel, where it is wanted."""
    target = context.gradient(name)
    if target is None:
        return
    sums = builder.sums(f"{context.name}.{name} sums", context.output_shape[0])
    builder.tile("channel_sums", context.name, (gradient, sums), context.channels)
    reduce_sums(builder, context, sums, target)
