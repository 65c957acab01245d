"""How the images of a batch go through a plan that asks nothing of the batch as a whole: in rounds.

Threads share a round's work, and wait for each other after every step; or, where a batch is large and the
parameters are few enough for each thread to read all of them, every thread takes whole rounds, one after
another as it comes to them. Then nobody waits, and a thread whose core is slower takes fewer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pellucid.engines.native.compiler import Compiler
from pellucid.engines.native.plan import Layout

IMAGES_TOGETHER = 32
"""Of a round whose work is shared: enough to make up for reading the weights."""

IMAGES_APART = 6
"""Of a round that one thread takes, at most; half as many are worth one.

Few, so that what one layer of a small network hands to the next stays in a core's second-level cache.
"""

FEW_PARAMETERS = 2**20
"""That every thread may read for itself."""


@dataclass(frozen=True)
class Rounds:
    """Through which plan images go, and how many at a time.

    Attributes:
        compiler: of the plan.
        workers: threads that take rounds of their own; 1 where a round's work is shared.
    """

    compiler: Compiler
    workers: int = 1

    def images(self, count: int) -> int:
        """Of one round.

        Where threads share a round, as many as leave few rounds, all of about one size. Where each takes
        rounds of its own, as many as let them finish together, and if several do, the most of those.
        """
        capacity, shards = self.compiler.capacity, self.compiler.shards
        if self.workers > 1:
            sizes = range(capacity, (capacity - 1) // 2, -1)
            return min(sizes, key=lambda size: -(-count // (self.workers * size)) * size)
        rounds = max(1, -(-count // capacity))
        share = -(-count // (rounds * shards))
        return max(1, min(capacity, share * shards))

    def are_worth(self, count: int) -> bool:
        """Whether each worker would have half a round at least."""
        return 2 * count >= self.workers * self.compiler.capacity


def shared_rounds(compiler: Compiler) -> Rounds:
    """Rounds whose work is shared by all threads of a compiler."""
    images = max(2 * compiler.shards * compiler.lanes, IMAGES_TOGETHER)
    return Rounds(replace(compiler, capacity=min(compiler.capacity, images)))


def own_rounds(compiler: Compiler) -> Rounds | None:
    """Rounds that each thread takes for itself; None where sharing the work is better.

    On tiles threads do not wait for each other as it is.
    """
    values = sum(math.prod(spec.shape) for spec in compiler.graph.parameters.values())
    shared = shared_rounds(compiler).compiler
    layout = shared.layout()
    if compiler.shards == 1 or values > FEW_PARAMETERS or layout is not Layout.BLOCKS:
        return None
    choices = replace(compiler.choices, layout=layout, images=shared.capacity)
    alone = replace(compiler, capacity=min(compiler.capacity, IMAGES_APART), shards=1, choices=choices)
    return Rounds(alone, compiler.shards)
