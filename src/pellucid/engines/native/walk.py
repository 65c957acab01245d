"""Walking a graph forwards and backwards, appending each node's steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.fusion import FusedConvolution, absorbed_rectifiers, fused_convolutions
from pellucid.engines.native.lowering import NodeContext, fused_convolution, lowering_of
from pellucid.engines.native.lowering.context import Cache
from pellucid.engines.native.lowering.convolution import Geometry, geometry
from pellucid.engines.native.lowering.merge import add_buffers
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Attributes, Buffer
from pellucid.graph import Graph, Node
from pellucid.layers import Conv1d, Conv2d, Input


@dataclass
class Walk:
    """One pass over a graph for one plan.

    Attributes:
        training: whether batch statistics and dropout are in force.
        parameters_wanted: full names of the parameters whose gradient is wanted.
        rules: of nodes that do not follow the gradient.
        visible: nodes whose own values or gradients are asked for: they are never fused away.
        values: the output of every node walked forward.
    """

    builder: PlanBuilder
    graph: Graph
    store: ParameterStore
    training: bool = False
    parameters_wanted: frozenset[str] = frozenset()
    differentiated: bool = False
    rules: Mapping[str, Rule] = field(default_factory=dict)
    visible: frozenset[str] = frozenset()
    values: dict[str, Buffer] = field(default_factory=dict)
    _caches: dict[str, Cache] = field(default_factory=dict)
    _absorbed: frozenset[str] = field(init=False)
    _chains: Mapping[str, FusedConvolution] = field(init=False)
    _inner: frozenset[str] = field(init=False)
    _indices: Mapping[str, int] = field(init=False)
    _padded: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        looked_at = self.visible | self.rules.keys()
        self._absorbed = absorbed_rectifiers(self.graph, looked_at)
        self._chains = fused_convolutions(self.graph, looked_at)
        self._inner = frozenset().union(*(chain.inner for chain in self._chains.values()))
        self._indices = {node.name: index for index, node in enumerate(self.graph.nodes)}

    def _context(self, name: str) -> NodeContext:
        node = self.graph.node(name)
        return NodeContext(
            graph=self.graph,
            node=node,
            index=self._indices[name],
            store=self.store,
            training=self.training,
            differentiated=self.differentiated,
            parameters_wanted=self.parameters_wanted,
            rule=self.rules.get(node.name, Rule.GRADIENT),
            absorbed=self._absorbed,
            padded_input=name in self._padded,
        )

    def _chain(self, members: FusedConvolution) -> fused_convolution.Chain:
        return fused_convolution.Chain(
            self._context(members.convolution),
            self._context(members.rectifier) if members.rectifier else None,
            self._context(members.pooling) if members.pooling else None,
        )

    def gather_inputs(self, operation: str, scale: float, indices: Buffer | None) -> None:
        """Bring the batch's images, externals named "input:NAME", into tiles."""
        for name in self.graph.inputs:
            source = self.builder.external(f"input:{name}")
            padding = self._zeros_around(name)
            if padding is None:
                cells = math.prod(self.graph.shapes[name])
                values = self.builder.lanes_buffer(name, cells)
                attributes: Attributes = {"cells": cells, "scale": scale}
                self.builder.tile(operation, name, (source, indices, values), attributes)
            else:
                cells = padding.in_channels * math.prod(padding.padded)
                values = self.builder.lanes_buffer(f"{name} padded", cells)
                amounts = padding.pad_attributes("zeros")
                attributes = {key: amounts[key] for key in amounts if key != "mode"} | {"scale": scale}
                padding_operation = operation.replace("gather_", "gather_padded_")
                self.builder.tile(padding_operation, name, (source, indices, values), attributes)
                self._padded.update(self.graph.consumers[name])
            self.values[name] = values

    def _zeros_around(self, name: str) -> Geometry | None:
        """The sizes of the convolution that alone reads an input, if it lays zeros around it."""
        consumers = self.graph.consumers[name]
        if name in self.visible or len(consumers) != 1:
            return None
        layer = self.graph.node(consumers[0]).layer
        if not isinstance(layer, Conv1d | Conv2d) or layer.padding_mode != "zeros":
            return None
        sizes = geometry(self._context(consumers[0]), layer)
        return sizes if sizes.is_padded else None

    def forward(self, outputs: Sequence[str]) -> None:
        """Append the forward steps of everything that these nodes are computed from."""
        needed = self.graph.ancestors(outputs)
        for node in self.graph.nodes:
            if node.name not in needed or isinstance(node.layer, Input) or node.name in self._inner:
                continue
            if node.name in self._chains:
                chain = self._chains[node.name]
                source = self.values[self.graph.node(chain.convolution).inputs[0]]
                output, cache = fused_convolution.forward(self.builder, self._chain(chain), source)
            else:
                context = self._context(node.name)
                inputs = [self.values[source] for source in node.inputs]
                output, cache = lowering_of(context).forward(self.builder, context, inputs)
            self.values[node.name], self._caches[node.name] = output, cache

    def _useful(self, nodes_wanted: frozenset[str]) -> set[str]:
        """Nodes whose gradient leads to something wanted."""
        useful: set[str] = set()
        for node in self.graph.nodes:
            parameters = {
                f"{node.name}.{spec.name}" for spec in node.layer.parameters(self.graph.input_shapes(node))
            }
            if (
                node.name in nodes_wanted
                or parameters & self.parameters_wanted
                or any(source in useful for source in node.inputs)
            ):
                useful.add(node.name)
        return useful

    def backward(self, seeds: Mapping[str, Buffer], nodes_wanted: frozenset[str]) -> dict[str, Buffer]:
        """Append the backward steps from these seeds; returns the gradients of the wanted nodes.

        A wanted node that no seed depends on is left out, and so is its gradient: it is zero.
        """
        useful = self._useful(nodes_wanted)
        parts: dict[str, list[Buffer]] = {name: [seed] for name, seed in seeds.items()}
        result: dict[str, Buffer] = {}
        reached: set[str] = set()
        for node in reversed(self.graph.nodes):
            if node.name not in parts or node.name not in useful:
                continue
            cells = math.prod(self.graph.shapes[node.name])
            gradient = add_buffers(self.builder, node.name, parts.pop(node.name), cells)
            if node.name in nodes_wanted:
                result[node.name] = gradient
            reached.add(node.name)
            if isinstance(node.layer, Input):
                continue
            for source, part in self._node_backward(node, gradient, useful, reached):
                if part is not None:
                    parts.setdefault(source, []).append(part)
        self._clear_unreached(reached)
        return result

    def _node_backward(
        self, node: Node, gradient: Buffer, useful: set[str], reached: set[str]
    ) -> list[tuple[str, Buffer | None]]:
        """Append the backward steps of a node, or of the chain that ends in it; its sources' gradients."""
        cache = self._caches[node.name]
        if node.name in self._chains:
            chain = self._chains[node.name]
            reached.update(chain.inner)
            source = self.graph.node(chain.convolution).inputs[0]
            part = fused_convolution.backward(
                self.builder, self._chain(chain), cache, gradient, wanted=source in useful
            )
            return [(source, part)]
        context = self._context(node.name)
        wanted = [source in useful for source in node.inputs]
        gradients = lowering_of(context).backward(self.builder, context, cache, gradient, wanted)
        return list(zip(node.inputs, gradients, strict=True))

    def _clear_unreached(self, reached: set[str]) -> None:
        """A parameter that the seeds do not depend on has the gradient 0."""
        for name in sorted(self.parameters_wanted):
            node = name.rsplit(".", 1)[0]
            if node not in reached:
                gradient = self.store.gradient(name)
                values = gradient.nbytes // 4
                self.builder.later(
                    GRADIENT_TURN, "clear_values", node, (gradient,), {"cells": values}, extent=values
                )
