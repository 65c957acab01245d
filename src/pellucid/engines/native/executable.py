"""A plan in the compiled module's hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.engines.engine import Array
from pellucid.engines.native import _native
from pellucid.engines.native.plan import Plan


class Executable:
    """Runs one plan on arrays of the caller.

    Args:
        plan: that is run.
        instruction_set: to run it with.
        shards: that work is shared out among.
        capacity: images in a batch, at most.
        poison: fill memory with NaN before it is used.
    """

    def __init__(self, plan: Plan, instruction_set: str, shards: int, capacity: int, poison: bool) -> None:
        self.plan = plan
        self.capacity = capacity
        description = plan.description(_native.lanes(instruction_set), shards, capacity)
        self._executor = _native.Executor(instruction_set, description, poison)

    def run(
        self,
        state: Any,
        arrays: Mapping[str, Array],
        images: int,
        batch_size: int,
        *,
        learning_rates: Sequence[float] = (),
        first_step: int = 0,
        seed: int = 0,
        workers: int = 1,
    ) -> int:
        """Run it on a number of images, batch after batch; returns the steps that were done.

        Args:
            state: parameters and the optimiser's arrays, in the compiled module's hands.
            arrays: externals by name.
            images: in all.
            batch_size: at most the capacity.
            learning_rates: one a batch, if it trains.
            first_step: number of the first one.
            seed: of the random numbers.
            workers: threads that take batches by turns, of a plan for one shard that changes nothing.
        """
        externals = [arrays[name] for name in self.plan.externals]
        steps = self._executor.run(
            state,
            [*externals, *self.plan.constants],
            images=images,
            batch_size=batch_size,
            learning_rates=list(learning_rates),
            first_step=first_step,
            seed=seed,
            workers=workers,
        )
        return int(steps)
