"""What does it cost to see everything? A full trace, with and without gradients, beside a plain forward pass.

The peer is Pellucid itself, doing nothing but predict the same images: the ratio is below 1 by how much more
the trace takes, 0.5 being twice as long. "trace" keeps every activation; "trace-gradients" keeps in one pass
every activation, its gradient and that of every parameter, for the loss of given classes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.measurement import Outcome, Row, interleaved, seconds_a_call
from pellucid import zoo
from pellucid.explain import full_trace

NETWORKS = {"tiny-vgg": (1, 64), "vgg16": (1, 4)}
"""And the images at a time."""

KINDS = ("trace", "trace-gradients")

TRACING_CASES = {
    f"{kind}-{network}/b{count}": (kind, network, count)
    for kind in KINDS
    for network, counts in NETWORKS.items()
    for count in counts
}
"""By name: what is kept, of which network, for how many images."""


def tracing(case: str, repeats: int) -> list[Outcome]:
    """One row: seconds of a full trace, and of a plain forward pass."""
    kind, network, count = TRACING_CASES[case]
    model = zoo.create(network)
    random = np.random.default_rng(1)
    images = random.normal(size=(count, *model.graph.shapes[model.graph.inputs[0]])).astype(np.float32)
    classes = random.integers(0, 10, count)
    kinds: dict[str, Callable[[], object]] = {
        "trace": partial(model.trace, images),
        "trace-gradients": partial(full_trace, model, images, classes),
    }
    sides: dict[str, Callable[[], float]] = {
        "seen": partial(seconds_a_call, kinds[kind]),
        "predicted": partial(seconds_a_call, partial(model.predict, images)),
    }
    times = interleaved(sides, repeats)
    return [Row(case, times["seen"], times["predicted"], "Pellucid, predict", "s")]
