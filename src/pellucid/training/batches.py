"""The images of each step: which they are, and what augmentation makes of them ahead of time."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Examples
from pellucid.training.augment import augmented
from pellucid.training.inputs import TrainingData
from pellucid.training.settings import Settings

BLOCK_IMAGES = 1024
BLOCK_BYTES = 1 << 23
"""What is augmented at a time: so many images or bytes, and one step at least."""


@dataclass(frozen=True)
class Batches:
    """What a call of the engine reads for some steps.

    Attributes:
        examples: images and targets.
        indices: which of them, in order.
        steps: how many.
    """

    examples: Examples
    indices: NDArray[np.int64]
    steps: int


def epoch_order(settings: Settings, epoch: int) -> NDArray[np.int64]:
    """The images' order in an epoch, counted from 0: a permutation drawn from (seed, epoch)."""
    return np.random.default_rng([settings.seed, epoch]).permutation(settings.images)


class Feed(AbstractContextManager["Feed"]):
    """Hands out the batches of a run, step by step.

    Without augmentation they are the data set's own images. With it, the next few blocks of steps are made
    ready on other threads while the engine computes; each is the same wherever it begins.

    Args:
        data: what is read.
        settings: of the run.
    """

    def __init__(self, data: TrainingData, settings: Settings) -> None:
        self._data, self._settings = data, settings
        self._epoch, self._order = -1, np.empty(0, np.int64)
        per_step = settings.batch_size * max(1, data.examples.images[:1].nbytes)
        self._block_steps = max(1, min(BLOCK_IMAGES // settings.batch_size, BLOCK_BYTES // per_step))
        self._workers = len(os.sched_getaffinity(0)) if settings.recipe.augmentations else 0
        self._threads = ThreadPoolExecutor(self._workers) if self._workers else None
        self._ahead: deque[tuple[int, Future[Batches]]] = deque()
        self._first, self._block = 0, Batches(data.examples, np.empty(0, np.int64), 0)

    def take(self, step: int, most: int) -> Batches:
        """The batches of at most so many steps from `step` on, within its epoch."""
        if self._threads is None:
            return self._plain(step, most)
        if not self._first <= step < self._first + self._block.steps:
            self._first, self._block = step, self._next(step, self._threads)
        block, size = self._block, self._settings.batch_size
        start = step - self._first
        steps = min(most, block.steps - start)
        return Batches(block.examples, block.indices[start * size : (start + steps) * size], steps)

    def _plain(self, step: int, most: int) -> Batches:
        settings = self._settings
        epoch, within = divmod(step, settings.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, epoch_order(settings, epoch)
        steps = min(most, settings.steps_per_epoch - within)
        start = within * settings.batch_size
        return Batches(self._data.examples, self._order[start : start + steps * settings.batch_size], steps)

    def _next(self, step: int, threads: ThreadPoolExecutor) -> Batches:
        """The block that begins at a step; those after it are begun."""
        if self._ahead and self._ahead[0][0] != step:
            self._ahead.clear()
        beginning = step
        for first, _ in self._ahead:
            beginning = first + self._steps_from(first)
        while len(self._ahead) <= self._workers and beginning < self._settings.total_steps:
            batches = self._plain(beginning, self._block_steps)
            epoch = beginning // self._settings.steps_per_epoch
            self._ahead.append((beginning, threads.submit(self._augmented, batches, epoch)))
            beginning += batches.steps
        return self._ahead.popleft()[1].result()

    def _steps_from(self, first: int) -> int:
        within = first % self._settings.steps_per_epoch
        return min(self._block_steps, self._settings.steps_per_epoch - within)

    def _augmented(self, batches: Batches, epoch: int) -> Batches:
        settings, examples = self._settings, batches.examples
        images = examples.images[batches.indices]
        pictures = images.reshape(-1, *self._data.picture_shape)
        changed = augmented(
            settings.recipe.augmentations, pictures, batches.indices, settings.seed, epoch
        ).reshape(images.shape)
        made = Examples(np.ascontiguousarray(changed), examples.targets[batches.indices])
        return Batches(made, np.arange(len(images)), batches.steps)

    def __exit__(self, *error: object) -> None:
        """End the threads; what they have made ahead is forgotten."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
