"""How near does each convolution and linear layer of the four large networks come to the machine's limit?

A layer is run alone, as a graph of one node, forwards on one batch, called as a user calls it: its images
are brought into the engine's layout and its output out of it, which a layer inside a network is spared. Its
limit is the smaller of two: multiply-adds at the rate of PyTorch's best matrix product, and its weights and
maps moved once at the rate at which PyTorch sums a large array. The peer is that limit, so a ratio of 0.75 is
three quarters of the roofline; above 1 means fewer multiplications than the definition's (Winograd's way).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from benchmarks.machine import available_cores
from benchmarks.measurement import Outcome, Row, Samples, interleaved, seconds_a_call
from pellucid import zoo
from pellucid.engines.engine import CompileOptions, Program, Purpose
from pellucid.engines.native import NativeEngine
from pellucid.graph import Graph, sequential_graph
from pellucid.initialization import initial_parameters
from pellucid.layers import Conv2d, Linear, Shape

NETWORKS = ("alexnet", "vgg16", "resnet18", "resnet50")
ROOFLINE_CASES = {
    f"roofline/{network}/b{batch}": (network, batch) for network in NETWORKS for batch in (1, 16)
}
GIGA = 1e9
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Site:
    """A layer and the shape it receives; networks repeat many."""

    layer: Conv2d | Linear
    shape: Shape

    @property
    def graph(self) -> Graph:
        """The layer alone."""
        return sequential_graph((("layer", self.layer),), self.shape)

    @property
    def operations(self) -> int:
        """Floating-point operations of one image, two a multiply-add."""
        return 2 * self.layer.cost([self.shape])

    def bytes_moved(self, batch: int) -> int:
        """Weights, and the maps of a batch, each once."""
        weights = sum(math.prod(spec.shape) for spec in self.layer.parameters([self.shape]))
        maps = math.prod(self.shape) + math.prod(self.layer.output_shape([self.shape]))
        return FLOAT_BYTES * (weights + batch * maps)


@dataclass(frozen=True)
class Machine:
    """What bounds any layer.

    Attributes:
        operations_a_second: multiplications and additions.
        bytes_a_second: read from memory.
    """

    operations_a_second: float
    bytes_a_second: float

    def limit(self, site: Site, batch: int) -> float:
        """Operations a second that no direct computation of this layer exceeds."""
        operations = batch * site.operations
        seconds = max(operations / self.operations_a_second, site.bytes_moved(batch) / self.bytes_a_second)
        return operations / seconds


def sites(graph: Graph) -> Iterator[tuple[str, Site]]:
    """Each different convolution and linear layer of a graph, with the name of the first node that has it."""
    seen: set[Site] = set()
    for node in graph.nodes:
        if isinstance(node.layer, Conv2d | Linear):
            site = Site(node.layer, graph.input_shapes(node)[0])
            if site not in seen:
                seen.add(site)
                yield node.name, site


def product_rate(size: int) -> float:
    """Operations a second of PyTorch's product of two square matrices."""
    a, b, out = torch.ones(size, size), torch.ones(size, size), torch.empty(size, size)
    return 2 * size**3 / seconds_a_call(lambda: torch.mm(a, b, out=out))


def sum_rate(values: int) -> float:
    """Bytes a second that PyTorch reads to sum so many values."""
    array = torch.ones(values)
    return float(array.nbytes) / seconds_a_call(array.sum)


@cache
def measured_machine() -> Machine:
    """The best of several attempts at each, on every core."""
    torch.set_num_threads(available_cores())
    products = [product_rate(size) for size in (768, 1024, 1536) for _ in range(3)]
    return Machine(max(products), max(sum_rate(64 * 1024 * 1024) for _ in range(5)))


def engine_of(graph: Graph, batch: int) -> NativeEngine:
    """One that gives every layer the layout that the whole network has."""
    threads = available_cores()
    decisions = (
        NativeEngine(threads=threads).describe(graph, CompileOptions(batch, Purpose.INFERENCE)).decisions
    )
    return NativeEngine(threads=threads, layout=decisions[0].choice)


class Alone:
    """A layer ready to be run by itself on a batch of noise."""

    def __init__(self, site: Site, batch: int, engine: NativeEngine) -> None:
        options = CompileOptions(batch, Purpose.INFERENCE)
        self.program: Program = engine.compile(site.graph, options)
        self.program.write_parameters(initial_parameters(site.graph, 0))
        self.images = np.random.default_rng(0).random((batch, *site.shape), np.float32)
        self.operations = batch * site.operations

    def operations_a_second(self) -> float:
        """Counted as the definition's, whatever the engine does."""
        return self.operations / seconds_a_call(lambda: self.program.forward(self.images))


def roofline(case: str, repeats: int) -> list[Outcome]:
    """A row a layer, in GFLOP/s."""
    network, batch = ROOFLINE_CASES[case]
    machine, graph = measured_machine(), zoo.create(network).graph
    engine = engine_of(graph, batch)
    rows: list[Outcome] = []
    for name, site in sites(graph):
        layer = Alone(site, batch, engine)
        measured = interleaved({name: layer.operations_a_second}, repeats)[name]
        ours = Samples(tuple(rate / GIGA for rate in measured.values))
        limit = Samples((machine.limit(site, batch) / GIGA,))
        rows.append(Row(f"{case}/{name}", ours, limit, "roofline", "GFLOP/s", larger_is_better=True))
    return rows
