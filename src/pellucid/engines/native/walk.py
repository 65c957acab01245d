"""Walking a graph forwards and backwards, appending each node's steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pellucid.engines.engine import Rule
from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.chains import Chain, Chains
from pellucid.engines.native.fusion import FusedConvolution, absorbed_rectifiers, fused_convolutions
from pellucid.engines.native.lowering import BLOCK_LOWERINGS, NodeContext, fused_convolution, lowering_of
from pellucid.engines.native.lowering.blocks.chain import (
    CHAINED,
    chain_forward,
    chain_gradient,
    source_gradient,
)
from pellucid.engines.native.lowering.blocks.convolution import finishes_gradient
from pellucid.engines.native.lowering.blocks.epilogue import NOTHING_MORE, Epilogue
from pellucid.engines.native.lowering.blocks.value import BlockValue, ImageSource, plain
from pellucid.engines.native.lowering.context import Cache, ChainContexts
from pellucid.engines.native.lowering.geometry import Geometry, geometry
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Buffer, Layout
from pellucid.engines.native.values import Gradients, Value, Values
from pellucid.graph import Graph, Node
from pellucid.layers import Conv1d, Conv2d, Input, Parameter


@dataclass(frozen=True)
class Choices:
    """How things are computed, where that is not left to each plan.

    Attributes:
        layout: LANES or BLOCKS to force one, None to have it chosen.
        precision: see CompileOptions.
        algorithms: of convolutions, by node, where they are not to be chosen.
        images: of a batch that cost models think of, 0 for a plan's capacity. Plans that take turns choose
            alike, so that a number's bits do not depend on which of them computed it.
    """

    layout: Layout | None = None
    precision: str = "default"
    algorithms: Mapping[str, str] = field(default_factory=dict)
    images: int = 0

    def costed_images(self, capacity: int) -> int:
        """Of a batch that cost models think of, in a plan of this capacity."""
        return self.images or capacity


def nothing(*_: object) -> None:
    """What is done with a node that nobody looks at."""


@dataclass
class Walk:
    """One pass over a graph for one plan.

    Attributes:
        layouts: of every node's arrays: LANES or BLOCKS.
        training: whether batch statistics and dropout are in force.
        nodes_wanted: names of the nodes whose gradient is wanted.
        parameter_gradients: for the full name of every parameter whose gradient is wanted its place.
        rules: of nodes that do not follow the gradient.
        visible: nodes whose own values or gradients are asked for: they are never fused away.
        choices: what is settled about how things are computed.
        values: the output of every node walked forward.
    """

    builder: PlanBuilder
    graph: Graph
    store: ParameterStore
    layouts: Mapping[str, Layout]
    training: bool = False
    nodes_wanted: frozenset[str] = frozenset()
    parameter_gradients: Mapping[str, Buffer] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    visible: frozenset[str] = frozenset()
    choices: Choices = field(default_factory=Choices)
    values: Values = field(init=False)
    _caches: dict[str, Cache] = field(default_factory=dict)
    _useful: frozenset[str] = field(init=False)
    _differentiated: frozenset[str] = field(init=False)
    _absorbed: frozenset[str] = field(init=False)
    _fused: Mapping[str, FusedConvolution] = field(init=False)
    _chains: Chains = field(init=False)
    _hidden: frozenset[str] = field(init=False)
    _padded: set[str] = field(init=False, default_factory=set)
    _numbers: Mapping[str, int] = field(init=False)
    _rectified: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.values = Values(self.builder, self.graph.shapes)
        self._numbers = {node.name: number for number, node in enumerate(self.graph.nodes)}
        self._useful = self._find_useful()
        self._differentiated = frozenset(
            node.name
            for node in self.graph.nodes
            if self._parameters_of(node) or self._useful.intersection(node.inputs)
        )
        looked_at = self.visible | self.rules.keys()
        self._absorbed = frozenset(
            name
            for name in absorbed_rectifiers(self.graph, looked_at)
            if self.layouts[name] is self.layouts[self.graph.consumers[name][0]]
        )
        fused = fused_convolutions(self.graph, looked_at)
        self._fused = {last: members for last, members in fused.items() if self._is_in_lanes(members)}
        self._chains = Chains(self.graph, self._chain_candidates(), self.visible, self._apart())
        self._hidden = frozenset().union(*(members.inner for members in self._fused.values()))

    def _is_in_lanes(self, members: FusedConvolution) -> bool:
        return all(self.layouts[name] is Layout.LANES for name in (members.last, *members.inner))

    def _chain_candidates(self) -> frozenset[str]:
        if self.training:
            return frozenset()
        in_blocks = [name for name in self.layouts if self.layouts[name] is Layout.BLOCKS]
        return frozenset(name for name in in_blocks if type(self.graph.node(name).layer) in CHAINED)

    def _apart(self) -> frozenset[str]:
        """No part of chains: parameters' gradients need what is inside, and poolings rectify for nothing."""
        return frozenset(
            node.name
            for node in self.graph.nodes
            if self._parameters_of(node) or node.name in self._absorbed & self._differentiated
        )

    def _context(self, name: str) -> NodeContext:
        node = self.graph.node(name)
        return NodeContext(
            graph=self.graph,
            node=node,
            store=self.store,
            training=self.training,
            differentiated=name in self._differentiated,
            gradients=self.parameter_gradients,
            rule=self.rules.get(node.name, Rule.GRADIENT),
            absorbed=self._absorbed,
            images=self.choices.costed_images(self.builder.capacity),
            precision=self.choices.precision,
            algorithm=self.choices.algorithms.get(node.name),
            padded_input=name in self._padded,
        )

    def bring_inputs(self, source: ImageSource) -> None:
        """The batch's images are the externals named "input:NAME"."""
        for name in self.graph.inputs:
            external = self.builder.external(f"input:{name}", source.number_type)
            padding = self._zeros_around(name)
            self.values.bring(name, external, source, padding)
            if padding is not None:
                self._padded.update(self.graph.consumers[name])

    def _zeros_around(self, name: str) -> Geometry | None:
        """The sizes of the convolution that alone reads an input, if it lays zeros around it."""
        consumers = self.graph.consumers[name]
        if name in self.visible or len(consumers) != 1 or self.layouts[consumers[0]] is Layout.BLOCKS:
            return None
        layer = self.graph.node(consumers[0]).layer
        if not isinstance(layer, Conv1d | Conv2d) or layer.padding_mode != "zeros":
            return None
        sizes = geometry(self._context(consumers[0]), layer)
        return sizes if sizes.is_padded else None

    def forward(self, outputs: Sequence[str], visit: Callable[[str], None] = nothing) -> None:
        """Append the forward steps of everything that these nodes are computed from.

        Args:
            outputs: their names.
            visit: called with each node that has been computed, while its output is still in a cache.
        """
        needed = self.graph.ancestors(outputs)
        for node in self.graph.nodes:
            hidden = node.name in self._hidden or self._chains.hides(node.name)
            if node.name not in needed or isinstance(node.layer, Input) or hidden:
                continue
            chain = self._chains.ending_at(node.name)
            if isinstance(node.layer, Parameter):
                self._caches[node.name] = None
                self.values.defer(node.name, partial(self._output_of, node))
            elif chain is not None:
                value, self._caches[node.name] = self._chain_forward(chain)
                self.values.put(node.name, value)
            else:
                output, self._caches[node.name] = self._node_forward(node)
                self.values.put(node.name, output)
            visit(node.name)

    def _output_of(self, node: Node) -> Value:
        return self._node_forward(node)[0]

    def _chain_contexts(self, chain: Chain) -> ChainContexts:
        return ChainContexts(
            self._context(chain.first),
            normalization=self._context(chain.normalization) if chain.normalization else None,
            rectifier=self._context(chain.last) if chain.rectified else None,
        )

    def _chain_forward(self, chain: Chain) -> tuple[BlockValue, Cache]:
        value = self.values.blocks(self.graph.node(chain.first).inputs[0])
        addend = None if chain.addend is None else self.values.blocks(chain.addend)
        contexts = self._chain_contexts(chain)
        signs_wanted = self._signs_wanted(chain)
        return chain_forward(self.builder, contexts, value, addend, signs_wanted=signs_wanted)

    def _members(self, fused: FusedConvolution) -> ChainContexts:
        return ChainContexts(
            self._context(fused.convolution),
            rectifier=self._context(fused.rectifier) if fused.rectifier else None,
            pooling=self._context(fused.pooling) if fused.pooling else None,
        )

    def _node_forward(self, node: Node) -> tuple[Value, Cache]:
        if node.name in self._fused:
            fused = self._fused[node.name]
            source = self.values.lanes(self.graph.node(fused.convolution).inputs[0])
            return fused_convolution.forward(self.builder, self._members(fused), source)
        context = self._context(node.name)
        if self.layouts[node.name] is Layout.BLOCKS:
            blocks = [self.values.blocks(source) for source in node.inputs]
            return BLOCK_LOWERINGS[type(node.layer)].forward(self.builder, context, blocks)
        lowering = lowering_of(context)
        lanes = [
            self.store.parameter(f"{source}.value")
            if number in lowering.reads_state and isinstance(self.graph.node(source).layer, Parameter)
            else self.values.lanes(source)
            for number, source in enumerate(node.inputs)
        ]
        return lowering.forward(self.builder, context, lanes)

    def _parameters_of(self, node: Node) -> frozenset[str]:
        """The node's parameters whose gradient is wanted."""
        specs = node.layer.parameters(self.graph.input_shapes(node))
        names = (f"{node.name}.{spec.name}" for spec in specs)
        return frozenset(name for name in names if name in self.parameter_gradients)

    def _find_useful(self) -> frozenset[str]:
        """Nodes whose gradient leads to something wanted."""
        useful: set[str] = set()
        for node in self.graph.nodes:
            wanted = node.name in self.nodes_wanted or self._parameters_of(node)
            if wanted or any(source in useful for source in node.inputs):
                useful.add(node.name)
        return frozenset(useful)

    def backward(self, seeds: Mapping[str, Value], visit: Callable[[str, Gradients], None] = nothing) -> None:
        """Append the backward steps from these seeds.

        Args:
            seeds: gradients of nodes that come from outside.
            visit: called with each node whose gradient is complete, and with the gradients. A node that no
                seed depends on is left out: its gradient is zero.
        """
        gradients = Gradients(self.builder, self.graph.shapes, seeds)
        reached: set[str] = set()
        for node in reversed(self.graph.nodes):
            if node.name not in gradients or node.name not in self._useful:
                continue
            reached.add(node.name)
            visit(node.name, gradients)
            if node.name not in self._differentiated:
                continue
            chain = self._chains.ending_at(node.name)
            if chain is not None:
                self._chain_backward(chain, gradients)
            else:
                for source, part in self._node_backward(node, gradients, reached):
                    if part is not None:
                        gradients.add(source, part)
            if node.name not in self.nodes_wanted:
                gradients.forget(node.name)
        self._clear_unreached(reached)

    def _node_backward(
        self, node: Node, gradients: Gradients, reached: set[str]
    ) -> Sequence[tuple[str, Value | None]]:
        """Append the backward steps of a node, or of the nodes fused into it; its sources' gradients."""
        cache = self._caches[node.name]
        if node.name in self._fused:
            fused = self._fused[node.name]
            reached.update(fused.inner)
            source = self.graph.node(fused.convolution).inputs[0]
            lanes = gradients.lanes(node.name)
            members = self._members(fused)
            wanted = source in self._useful
            return [(source, fused_convolution.backward(self.builder, members, cache, lanes, wanted=wanted))]
        context = self._context(node.name)
        wishes = [source in self._useful for source in node.inputs]
        parts: Sequence[Value | None]
        if self.layouts[node.name] is Layout.BLOCKS:
            lowering = BLOCK_LOWERINGS[type(node.layer)]
            gradient = gradients.blocks(node.name)
            if gradient.mask is not None and not lowering.follows_masks:
                gradient = plain(self.builder, gradient)
            parts = lowering.backward(self.builder, context, cache, gradient, wishes)
        else:
            lanes = gradients.lanes(node.name)
            parts = lowering_of(context).backward(self.builder, context, cache, lanes, wishes)
        return list(zip(node.inputs, parts, strict=True))

    def _chain_backward(self, chain: Chain, gradients: Gradients) -> None:
        """Append the backward steps of a chain's nodes, and add to its sources' gradients."""
        contexts, cache = self._chain_contexts(chain), self._caches[chain.last]
        if chain.last in self._rectified:
            contexts = replace(contexts, rectifier=None)
        gradient = chain_gradient(self.builder, contexts, cache, gradients.blocks(chain.last))
        if chain.addend in self._useful:
            gradients.add(chain.addend, gradient)
        (source,) = contexts.first.node.inputs
        if source in self._useful:
            epilogue = self._finish(source, chain, gradients)
            part = source_gradient(self.builder, contexts, cache, gradient, epilogue)
            if epilogue.addend is not None:
                gradients.forget(source)
            gradients.add(source, part)

    def _last_reader(self, source: str) -> Chain | None:
        """The chain whose part of this node's gradient comes last, if it can finish the gradient."""
        lasts = {self._chains.last_of(name) for name in self.graph.consumers[source]}
        chain = self._chains.ending_at(min(lasts, key=self._numbers.__getitem__)) if lasts else None
        if chain is None or source not in self.graph.node(chain.first).inputs:
            return None
        return chain if finishes_gradient(self._context(chain.first), self.builder.lanes) else None

    def _signs_wanted(self, chain: Chain) -> bool:
        """Whether a reader of the chain's output lets the gradient through its rectifier."""
        looked_at = chain.last in self.nodes_wanted or chain.last in self.rules
        if not chain.rectified or chain.last not in self._useful or looked_at:
            return False
        return self._last_reader(chain.last) is not None

    def _finish(self, source: str, chain: Chain, gradients: Gradients) -> Epilogue:
        """What a chain's part of its source's gradient is put through as it is written.

        If it is the last, the others are added; and if the source ends in a rectifier, the sum passes it.
        """
        if self._last_reader(source) is not chain:
            return NOTHING_MORE
        addend = plain(self.builder, gradients.blocks(source)) if source in gradients else None
        before = self._chains.ending_at(source)
        signs = self._caches[source].signs if before is not None else None
        if signs is not None:
            self._rectified.add(source)
        return Epilogue(addend=addend, mask=signs)

    def _clear_unreached(self, reached: set[str]) -> None:
        """A parameter that the seeds do not depend on has the gradient 0."""
        for name in sorted(self.parameter_gradients):
            node = name.rsplit(".", 1)[0]
            if node not in reached:
                gradient = self.parameter_gradients[name]
                values = gradient.nbytes // 4
                self.builder.later(
                    GRADIENT_TURN, "clear_values", node, (gradient,), {"cells": values}, extent=values
                )
