"""How long every node takes, each run by itself: in the whole network some are fused and cost less."""

from __future__ import annotations

from time import perf_counter

from pellucid.engines.engine import CompileOptions, Purpose
from pellucid.explain.evidence import Evidence
from pellucid.graph import Graph, Node
from pellucid.layers import Input
from pellucid.studio.jobs import Attention

RUNS = 3
"""Of which the shortest counts: the first fills the caches."""


def node_milliseconds(read: Evidence, job: Attention) -> dict[str, float]:
    """The shortest of a few runs of every node that computes, on what the image made of its inputs."""
    found = {}
    for node in read.graph.nodes:
        job.check()
        if node.inputs:
            found[node.name] = _measured(read, node)
    return found


def _measured(read: Evidence, node: Node) -> float:
    sources = tuple(dict.fromkeys(node.inputs))
    entrances = tuple(Node(source, Input(read.graph.shapes[source])) for source in sources)
    alone = Graph((*entrances, node), (node.name,))
    program = read.engine.compile(alone, CompileOptions(1, Purpose.INFERENCE))
    program.write_parameters({name: read.parameters[name] for name in alone.parameters})
    inputs = [read.activation(source) for source in sources]
    spent = []
    for _ in range(RUNS):
        started = perf_counter()
        program.forward(*inputs)
        spent.append(1000 * (perf_counter() - started))
    return min(spent)
