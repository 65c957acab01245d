"""Walking a graph forwards and backwards, appending each node's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.fusion import absorbed_rectifiers
from pellucid.engines.native.lowering import BLOCK_LOWERINGS, NodeContext, lowering_of
from pellucid.engines.native.lowering.blocks.value import ImageSource, plain
from pellucid.engines.native.lowering.context import Cache
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Layout
from pellucid.engines.native.values import Gradients, Value, Values
from pellucid.graph import Graph
from pellucid.layers import Input


@dataclass
class Walk:
    """One pass over a graph for one plan.

    Attributes:
        layouts: of every node's arrays: LANES or BLOCKS.
        training: whether batch statistics and dropout are in force.
        parameters_wanted: full names of the parameters whose gradient is wanted.
        rules: of nodes that do not follow the gradient.
        visible: nodes whose own values or gradients are asked for: they are never fused away.
        values: the output of every node walked forward.
    """

    builder: PlanBuilder
    graph: Graph
    store: ParameterStore
    layouts: Mapping[str, Layout]
    training: bool = False
    parameters_wanted: frozenset[str] = frozenset()
    differentiated: bool = False
    rules: Mapping[str, Rule] = field(default_factory=dict)
    visible: frozenset[str] = frozenset()
    values: Values = field(init=False)
    _caches: dict[str, Cache] = field(default_factory=dict)
    _absorbed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.values = Values(self.builder, self.graph.shapes)
        candidates = absorbed_rectifiers(self.graph, self.visible | self.rules.keys())
        self._absorbed = frozenset(
            name for name in candidates if self.layouts[name] is self.layouts[self.graph.consumers[name][0]]
        )

    def _context(self, index: int) -> NodeContext:
        node = self.graph.nodes[index]
        return NodeContext(
            graph=self.graph,
            node=node,
            index=index,
            store=self.store,
            training=self.training,
            differentiated=self.differentiated,
            parameters_wanted=self.parameters_wanted,
            rule=self.rules.get(node.name, Rule.GRADIENT),
            absorbed=self._absorbed,
        )

    def bring_inputs(self, source: ImageSource) -> None:
        """The batch's images are the externals named "input:NAME"."""
        for name in self.graph.inputs:
            external = self.builder.external(f"input:{name}", source.number_type)
            self.values.bring(name, external, source)

    def forward(self, outputs: Sequence[str]) -> None:
        """Append the forward steps of everything that these nodes are computed from."""
        needed = self.graph.ancestors(outputs)
        for index, node in enumerate(self.graph.nodes):
            if node.name in needed and not isinstance(node.layer, Input):
                output, self._caches[node.name] = self._node_forward(self._context(index))
                self.values.put(node.name, output)

    def _node_forward(self, context: NodeContext) -> tuple[Value, Cache]:
        sources = context.node.inputs
        if self.layouts[context.name] is Layout.BLOCKS:
            blocks = [self.values.blocks(source) for source in sources]
            return BLOCK_LOWERINGS[type(context.node.layer)].forward(self.builder, context, blocks)
        lanes = [self.values.lanes(source) for source in sources]
        return lowering_of(context).forward(self.builder, context, lanes)

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

    def backward(self, seeds: Mapping[str, Value], nodes_wanted: frozenset[str]) -> Gradients:
        """Append the backward steps from these seeds; returns the gradients of the wanted nodes.

        A wanted node that no seed depends on is left out, and so is its gradient: it is zero.
        """
        useful = self._useful(nodes_wanted)
        gradients = Gradients(self.builder, self.graph.shapes, seeds)
        reached: set[str] = set()
        for index in reversed(range(len(self.graph.nodes))):
            node = self.graph.nodes[index]
            if node.name not in gradients or node.name not in useful:
                continue
            reached.add(node.name)
            if isinstance(node.layer, Input):
                continue
            context = self._context(index)
            wanted = [source in useful for source in node.inputs]
            parts = self._node_backward(context, gradients, wanted)
            for source, part in zip(node.inputs, parts, strict=True):
                if part is not None:
                    gradients.add(source, part)
            if node.name not in nodes_wanted:
                gradients.forget(node.name)
        self._clear_unreached(reached)
        return gradients

    def _node_backward(
        self, context: NodeContext, gradients: Gradients, wanted: Sequence[bool]
    ) -> Sequence[Value | None]:
        cache = self._caches[context.name]
        if self.layouts[context.name] is Layout.BLOCKS:
            lowering = BLOCK_LOWERINGS[type(context.node.layer)]
            gradient = gradients.blocks(context.name)
            if gradient.mask is not None and not lowering.follows_masks:
                gradient = plain(self.builder, gradient)
            return lowering.backward(self.builder, context, cache, gradient, wanted)
        lanes = gradients.lanes(context.name)
        return lowering_of(context).backward(self.builder, context, cache, lanes, wanted)

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
