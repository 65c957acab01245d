"""From a graph to plans: forward, backward, loss, and a whole training step."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pellucid.engines.engine import Rule
from pellucid.engines.loss_nodes import loss_nodes
from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.layouts import Workload, cheaper_layout, node_layouts
from pellucid.engines.native.losses import Scored, lower_loss
from pellucid.engines.native.lowering.blocks.value import ImageSource, scatter_blocks
from pellucid.engines.native.parameters import FLOAT, ParameterStore
from pellucid.engines.native.plan import Buffer, Layout, Plan
from pellucid.engines.native.updates import lower_update
from pellucid.engines.native.values import Gradients, Value, Values
from pellucid.engines.native.walk import Choices, Walk
from pellucid.graph import Graph
from pellucid.objectives import Objective
from pellucid.optimizers import Optimizer


@dataclass(frozen=True)
class LossWishes:
    """A loss to be differentiated.

    Attributes:
        objective: which one.
        weights: of the nodes that it reads, in J.
        classes: whether targets are classes, not arrays.
    """

    objective: Objective
    weights: tuple[tuple[str, float], ...]
    classes: bool


@dataclass(frozen=True)
class BackwardWishes:
    """What a backward pass starts from and returns.

    Attributes:
        seeds: nodes whose gradient the caller brings.
        loss: what is differentiated in place of that.
        rules: of nodes that do not follow the gradient.
        nodes: whose gradient is wanted.
        parameters: full names of those whose gradient is wanted.
        activations: nodes whose activation is wanted too.
    """

    seeds: tuple[str, ...]
    loss: LossWishes | None
    rules: tuple[tuple[str, Rule], ...]
    nodes: tuple[str, ...]
    parameters: tuple[str, ...]
    activations: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Nodes that the pass starts from."""
        return self.seeds if self.loss is None else tuple(node for node, _ in self.loss.weights)


@dataclass(frozen=True)
class Compiler:
    """Makes the plans of one graph.

    Attributes:
        lanes: images a tile, and channels a block.
        capacity: images in a batch, at most.
        shards: that work is shared out among.
        choices: what is settled about how things are computed.
    """

    graph: Graph
    store: ParameterStore
    lanes: int
    capacity: int = 1
    shards: int = 1
    choices: Choices = field(default_factory=Choices)

    def _builder(self, *, differentiated: bool) -> PlanBuilder:
        gradient = self.store.trainable_values * FLOAT if differentiated else 0
        return PlanBuilder(self.lanes, gradient, self.capacity, self.shards)

    def layout(self, *, training: bool = False) -> Layout:
        """LANES or BLOCKS: that of the arrays, wherever a layer has kernels for it."""
        workload = Workload(self.capacity, self.lanes, self.shards, training)
        return self.choices.layout or cheaper_layout(self.graph, workload)

    def _layouts(self, *, training: bool = False) -> Mapping[str, Layout]:
        return node_layouts(self.graph, self.layout(training=training))

    def _forward(self, walk: Walk, nodes: Collection[str], outputs: Sequence[str] = ()) -> None:
        """Walk to these nodes and write their values into the caller's arrays "output:NODE".

        Each at once: a node's output leaves the cache as the next ones come, and its place is free again.

        Args:
            walk: that has its inputs.
            nodes: that are written down.
            outputs: further nodes to walk to.
        """

        def write(node: str) -> None:
            if node in nodes:
                external = walk.builder.external(f"output:{node}")
                self._scatter(walk.builder, node, walk.values, external)

        walk.forward((*nodes, *outputs), write)
        for name in self.graph.inputs:  # which no walk computes
            write(name)

    def _scatter(self, builder: PlanBuilder, node: str, values: Values | Gradients, external: Buffer) -> None:
        """A node's value or gradient into the caller's array."""
        if values.is_in_lanes(node):
            cells = math.prod(self.graph.shapes[node])
            builder.tile("scatter_floats", node, (values.lanes(node), external), {"cells": cells})
        else:
            scatter_blocks(builder, values.blocks(node), external)

    def forward(self, nodes: Sequence[str]) -> Plan:
        """Externals "input:NAME" to "output:NODE" for these nodes; batch statistics are the running ones."""
        builder = self._builder(differentiated=False)
        walk = Walk(
            builder, self.graph, self.store, self._layouts(), visible=frozenset(nodes), choices=self.choices
        )
        walk.bring_inputs(ImageSource(None, "float32"))
        self._forward(walk, nodes)
        return builder.plan(changes_state=False)

    def loss(self, weights: Mapping[str, float], objective: Objective, *, classes: bool) -> Plan:
        """Externals "scores:NODE" and "targets" to "losses", "correct" and "gradient:NODE"."""
        builder = self._builder(differentiated=False)
        outputs = []
        for node, weight in weights.items():
            cells = math.prod(self.graph.shapes[node])
            scores = builder.lanes_buffer(node, cells)
            operands = (builder.external(f"scores:{node}"), None, scores)
            builder.tile("gather_floats", node, operands, {"cells": cells, "scale": 1.0})
            outputs.append(Scored(node, scores, weight))
        gradients = lower_loss(builder, self.graph, objective, outputs, classes=classes, indexed=False)
        for node, gradient in gradients.items():
            attributes = {"cells": math.prod(self.graph.shapes[node])}
            builder.tile("scatter_floats", node, (gradient, builder.external(f"gradient:{node}")), attributes)
        return builder.plan(changes_state=False)

    def backward(self, wishes: BackwardWishes) -> Plan:
        """Externals "input:NAME" and "seed:NODE" to "gradient:NODE" and "gradient of PARAMETER".

        Activations that are wanted go to "output:NODE". With a loss there are no seeds, but the externals of
        `loss`. The forward pass is walked again on each tile, so that a trace need not hold what only this
        needs.
        """
        builder = self._builder(differentiated=False)
        walk = Walk(
            builder,
            self.graph,
            self.store,
            self._layouts(),
            nodes_wanted=frozenset(wishes.nodes),
            parameter_gradients={name: self._gradient_of(builder, name) for name in wishes.parameters},
            rules=dict(wishes.rules),
            visible=frozenset((*wishes.nodes, *wishes.sources, *wishes.activations)),
            choices=self.choices,
        )
        walk.bring_inputs(ImageSource(None, "float32"))
        self._forward(walk, wishes.activations, wishes.sources)

        def write(node: str, gradients: Gradients) -> None:
            if node in wishes.nodes:
                self._scatter(builder, node, gradients, builder.external(f"gradient:{node}"))

        walk.backward(self._seeds(builder, walk, wishes), write)
        return builder.plan(changes_state=False)

    def _gradient_of(self, builder: PlanBuilder, name: str) -> Buffer:
        """The caller's array for a parameter's gradient."""
        nbytes = math.prod(self.graph.parameters[name].shape) * FLOAT
        return builder.external(f"gradient of {name}", nbytes=nbytes)

    def _seeds(self, builder: PlanBuilder, walk: Walk, wishes: BackwardWishes) -> Mapping[str, Value]:
        """What a backward pass begins with: brought by the caller, or of the loss."""
        if wishes.loss is not None:
            outputs = [Scored(node, walk.values.lanes(node), weight) for node, weight in wishes.loss.weights]
            classes = wishes.loss.classes
            return lower_loss(
                builder, self.graph, wishes.loss.objective, outputs, classes=classes, indexed=False
            )
        brought = Values(builder, self.graph.shapes)
        seeds: dict[str, Value] = {}
        for node in wishes.seeds:
            brought.bring(node, builder.external(f"seed:{node}"), ImageSource(None, "float32"))
            in_blocks = walk.layouts[node] is Layout.BLOCKS
            seeds[node] = brought.blocks(node) if in_blocks else brought.lanes(node)
        return seeds

    def training(
        self,
        objective: Objective,
        optimizer: Optimizer,
        *,
        bytes_in: bool,
        classes: bool,
        loss_weights: Sequence[float] = (),
    ) -> Plan:
        """Externals "input:NAME", "indices" and "targets" to "losses" and "correct", updating the state."""
        builder = self._builder(differentiated=True)
        trainable = [name for name, spec in self.graph.parameters.items() if spec.role == "trainable"]
        weights = loss_nodes(self.graph, objective, loss_weights)
        walk = Walk(
            builder,
            self.graph,
            self.store,
            self._layouts(training=True),
            training=True,
            parameter_gradients={name: self.store.gradient(name) for name in trainable},
            visible=frozenset(weights),
            choices=self.choices,
        )
        indices = builder.external("indices", "int64")
        walk.bring_inputs(ImageSource(indices, "uint8" if bytes_in else "float32"))
        walk.forward(tuple(weights))
        outputs = [Scored(node, walk.values.lanes(node), weight) for node, weight in weights.items()]
        seeds = lower_loss(builder, self.graph, objective, outputs, classes=classes, indexed=True)
        walk.backward(seeds)
        lower_update(builder, self.store, optimizer)
        return builder.plan(changes_state=True)
