"""From a graph to plans: forward, backward, loss, and a whole training step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pellucid.engines.engine import Rule, loss_node
from pellucid.engines.native.builder import CHECK_TURN, PlanBuilder
from pellucid.engines.native.losses import lower_loss
from pellucid.engines.native.parameters import FLOAT, ParameterStore
from pellucid.engines.native.plan import Buffer, Plan, Scope
from pellucid.engines.native.updates import lower_update
from pellucid.engines.native.walk import Walk
from pellucid.graph import Graph
from pellucid.objectives import Objective
from pellucid.optimizers import Optimizer

BYTE_SCALE = 1 / 255
"""uint8 images are read as value / 255."""


@dataclass(frozen=True)
class Compiler:
    """Makes the plans of one graph for tiles of `lanes` images."""

    graph: Graph
    store: ParameterStore
    lanes: int

    def _builder(self) -> PlanBuilder:
        return PlanBuilder(self.lanes, self.store.trainable_values * FLOAT)

    def _scatter(self, builder: PlanBuilder, node: str, values: Buffer, external: str) -> None:
        cells = math.prod(self.graph.shapes[node])
        operands = (values, builder.external(external))
        builder.tile("scatter_floats", node, operands, {"cells": cells})

    def forward(self, nodes: Sequence[str]) -> Plan:
        """Externals "input:NAME" to "output:NODE" for these nodes; batch statistics are the running ones."""
        builder = self._builder()
        walk = Walk(builder, self.graph, self.store, visible=frozenset(nodes))
        walk.gather_inputs("gather_floats", 1.0, None)
        walk.forward(nodes)
        for node in dict.fromkeys(nodes):
            self._scatter(builder, node, walk.values[node], f"output:{node}")
        return builder.plan(changes_state=False)

    def loss(self, node: str, objective: Objective, *, classes: bool) -> Plan:
        """Externals "scores" and "targets" to "losses", "correct" and "gradient"."""
        builder = self._builder()
        cells = math.prod(self.graph.shapes[node])
        scores = builder.lanes_buffer(node, cells)
        operands = (builder.external("scores"), None, scores)
        builder.tile("gather_floats", node, operands, {"cells": cells, "scale": 1.0})
        gradient = lower_loss(builder, self.graph, node, objective, scores, classes=classes, indexed=False)
        self._scatter(builder, node, gradient, "gradient")
        return builder.plan(changes_state=False)

    def backward(
        self,
        seeds: Sequence[str],
        rules: Mapping[str, Rule],
        nodes_wanted: frozenset[str],
        parameters_wanted: frozenset[str],
    ) -> Plan:
        """Externals "input:NAME" and "seed:NODE" to "gradient:NODE" and "gradient" (of the parameters).

        The forward pass is walked again on each tile, so that a trace need not hold what only this needs.
        """
        builder = self._builder()
        walk = Walk(
            builder,
            self.graph,
            self.store,
            parameters_wanted=parameters_wanted,
            differentiated=True,
            rules=rules,
            visible=nodes_wanted.union(seeds),
        )
        walk.gather_inputs("gather_floats", 1.0, None)
        walk.forward(seeds)
        seed_buffers = {}
        for node in seeds:
            cells = math.prod(self.graph.shapes[node])
            seed_buffers[node] = builder.lanes_buffer(f"seed of {node}", cells)
            operands = (builder.external(f"seed:{node}"), None, seed_buffers[node])
            builder.tile("gather_floats", node, operands, {"cells": cells, "scale": 1.0})
        for node, gradient in walk.backward(seed_buffers, nodes_wanted).items():
            self._scatter(builder, node, gradient, f"gradient:{node}")
        count = self.store.trainable_values
        if parameters_wanted:
            vectors = (self.store.section(None, 0, count, Scope.BATCH), builder.external("gradient"))
            builder.later(CHECK_TURN, "export_values", "gradient", vectors, {"cells": count}, extent=count)
        return builder.plan(changes_state=False)

    def training(self, objective: Objective, optimizer: Optimizer, *, bytes_in: bool, classes: bool) -> Plan:
        """Externals "input:NAME", "indices" and "targets" to "losses" and "correct", updating the state."""
        builder = self._builder()
        trainable = frozenset(
            name for name, spec in self.graph.parameters.items() if spec.role == "trainable"
        )
        node = loss_node(self.graph, objective)
        walk = Walk(
            builder,
            self.graph,
            self.store,
            training=True,
            differentiated=True,
            parameters_wanted=trainable,
            visible=frozenset({node}),
        )
        indices = builder.external("indices", "int64")
        if bytes_in:
            walk.gather_inputs("gather_bytes", BYTE_SCALE, indices)
        else:
            walk.gather_inputs("gather_floats", 1.0, indices)
        walk.forward([node])
        seed = lower_loss(
            builder, self.graph, node, objective, walk.values[node], classes=classes, indexed=True
        )
        walk.backward({node: seed}, frozenset())
        lower_update(builder, self.store, optimizer)
        return builder.plan(changes_state=True)
