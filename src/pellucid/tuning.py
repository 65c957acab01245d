"""What was measured fastest: layouts and algorithms of a network on one kind of machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pellucid.errors import GraphError
from pellucid.graph import Graph
from pellucid.layers import Convolution
from pellucid.layers.layer import require

Purpose = Literal["inference", "training"]
Layout = Literal["lanes", "blocks"]
Algorithm = Literal["direct", "depthwise", "winograd"]

ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)

ENOUGH_SECONDS = 0.25
"""Of measuring one candidate; a run that takes longer is measured once."""

MOST_RUNS = 20
"""Of one candidate."""


@dataclass(frozen=True)
class Tuning:
    """Choices of the native engine that were measured once; they travel with a model.

    They count for the workload that they were measured for and for no other: elsewhere the engine's cost
    models decide as if there were none.

    Attributes:
        purpose: "inference" or "training".
        batch_size: images in a full batch.
        instruction_set: "generic", "avx2" or "avx512".
        threads: workers.
        layout: of the network's arrays.
        algorithms: (node, algorithm) pairs of the layout "blocks"; the cost model decides on the other
            convolutions.
    """

    purpose: Purpose
    batch_size: int
    instruction_set: str
    threads: int
    layout: Layout
    algorithms: tuple[tuple[str, Algorithm], ...] = ()

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "Tuning", "batch_size is at least 1", self.batch_size)
        require(self.threads >= 1, "Tuning", "threads is at least 1", self.threads)
        for name, value, known in (
            ("purpose", self.purpose, get_args(Purpose)),
            ("layout", self.layout, get_args(Layout)),
            *((f"algorithm of {node}", algorithm, ALGORITHMS) for node, algorithm in self.algorithms),
        ):
            require(value in known, "Tuning", f"{name} is one of {', '.join(known)}", value)
        lanes_only = self.layout == "lanes" and self.algorithms
        require(not lanes_only, "Tuning", "the layout 'lanes' has no algorithms", self.algorithms)

    @property
    def workload(self) -> tuple[str, int, str, int]:
        """What it was measured for."""
        return self.purpose, self.batch_size, self.instruction_set, self.threads

    def __str__(self) -> str:
        return (
            f"{self.purpose}, batches of {self.batch_size}, {self.instruction_set}, {self.threads} thread(s)"
        )


def check_tunings(tunings: Sequence[Tuning], graph: Graph) -> None:
    """Make sure that a graph can have these.

    Raises:
        GraphError: two are for one workload, or one names a node twice or a node that is no convolution.
    """
    for number, tuning in enumerate(tunings):
        if any(tuning.workload == other.workload for other in tunings[:number]):
            raise GraphError(f"a workload is tuned once, received two tunings for {tuning}")
        names = [name for name, _ in tuning.algorithms]
        for name in names:
            node = graph.by_name.get(name)
            if node is None or not isinstance(node.layer, Convolution):
                raise GraphError(f"tuned algorithms are of the graph's convolutions, received {name!r}")
            if names.count(name) > 1:
                raise GraphError(f"{name}: has one tuned algorithm, received {names.count(name)}")


@dataclass(frozen=True)
class Candidate:
    """One way to compute something, to be timed.

    Attributes:
        nodes: equal convolutions whose algorithm it is; none for the layout of the whole network.
        choice: the algorithm or the layout.
    """

    nodes: tuple[str, ...]
    choice: str


Stopwatch = Callable[[Candidate, Callable[[], object]], float]
"""Seconds that a candidate's run takes; may call it as often as it likes."""


def shortest_run(
    candidate: Candidate, run: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> float:
    """Seconds of the shortest of several runs: what disturbs a run only makes it longer.

    The first one prepares kernels and touches memory, and counts only where it takes long by itself.
    """
    runs: list[float] = []
    while sum(runs) < ENOUGH_SECONDS and len(runs) < MOST_RUNS:
        started = clock()
        run()
        runs.append(clock() - started)
    return min(runs)
