"""Walking a graph forwards and backwards, appending each node's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.fusion import Chain, Chains, absorbed_rectifiers
from pellucid.engines.native.lowering import BLOCK_LOWERINGS, NodeContext, lowering_of
from pellucid.engines.native.lowering.blocks.chain import CHAINED, chain_forward
from pellucid.engines.native.lowering.blocks.value import BlockValue, ImageSource, plain
from pellucid.engines.native.lowering.context import Cache
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Layout
from pellucid.engines.native.values import Gradients, Value, Values
from pellucid.graph import Graph
from pellucid.layers import Input


@dataclass(frozen=True)
class Choices:
    """What the user says about how things are computed.

    Attributes:
        layout: LANES or BLOCKS to force one, None to have it chosen.
        precision: see CompileOptions.
        algorithms: of convolutions, by node, where they are not to be chosen.
    """

    layout: Layout | None = None
    precision: str = "default"
    algorithms: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Walk:
    """One pass over a graph for one plan.

    Attributes:
        layouts: of every node's arrays: LANES or BLOCKS.
        training: whether batch statistics and dropout are in force.
        parameters_wanted: full names of the parameters whose gradient is wanted.
        rules: of nodes that do not follow the gradient.
        visible: nodes whose own values or gradients are asked for: they are never fused away.
        choices: what the user says about how things are computed.
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
    choices: Choices = field(default_factory=Choices)
    values: Values = field(init=False)
    _caches: dict[str, Cache] = field(default_factory=dict)
    _absorbed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.values = Values(self.builder, self.graph.shapes)
        candidates = absorbed_rectifiers(self.graph, self.visible | self.rules.keys())
        self._absorbed = frozenset(
            name for name in candidates if self.layouts[name] is self.layouts[self.graph.consumers[name][0]]
        )

    def _context_of(self, name: str) -> NodeContext:
        return self._context(self.graph.nodes.index(self.graph.node(name)))

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
            images=self.builder.capacity,
            precision=self.choices.precision,
            algorithm=self.choices.algorithms.get(node.name),
        )

    def bring_inputs(self, source: ImageSource) -> None:
        """The batch's images are the externals named "input:NAME"."""
        for name in self.graph.inputs:
            external = self.builder.external(f"input:{name}", source.number_type)
            self.values.bring(name, external, source)

    def forward(self, outputs: Sequence[str]) -> None:
        """Append the forward steps of everything that these nodes are computed from."""
        needed = self.graph.ancestors(outputs)
        chains = self._chains()
        for index, node in enumerate(self.graph.nodes):
            if node.name not in needed or isinstance(node.layer, Input) or chains.hides(node.name):
                continue
            chain = chains.ending_at(node.name)
            if chain is not None:
                self.values.put(node.name, self._chain_forward(chain))
            else:
                output, self._caches[node.name] = self._node_forward(self._context(index))
                self.values.put(node.name, output)

    def _chains(self) -> Chains:
        """Only where no gradient follows: it would ask for what lies inside a chain."""
        in_blocks = [name for name, layout in self.layouts.items() if layout is Layout.BLOCKS]
        candidates = [name for name in in_blocks if type(self.graph.node(name).layer) in CHAINED]
        alone = self.training or self.differentiated
        return Chains(self.graph, frozenset() if alone else frozenset(candidates), self.visible)

    def _chain_forward(self, chain: Chain) -> BlockValue:
        first = self._context_of(chain.first)
        normalization = None
        if chain.normalization is not None:
            normalization = self._context_of(chain.normalization)
        value = self.values.blocks(first.node.inputs[0])
        addend = None if chain.addend is None else self.values.blocks(chain.addend)
        return chain_forward(self.builder, chain, first, normalization, value, addend)

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
