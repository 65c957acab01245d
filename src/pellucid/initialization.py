"""Drawing the first values of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pellucid.graph import Graph
from pellucid.layers import Initializer, Shape

Float32 = NDArray[np.float32]
Draw = Callable[[np.random.Generator, Initializer, Shape], NDArray[np.float64]]


def _uniform(limit: Callable[[Initializer], float]) -> Draw:
    return lambda generator, rule, shape: generator.uniform(-limit(rule), limit(rule), shape)


def _normal(variance: Callable[[Initializer], float]) -> Draw:
    return lambda generator, rule, shape: generator.normal(0.0, math.sqrt(variance(rule)), shape)


DRAWS: dict[str, Draw] = {
    "zeros": lambda generator, rule, shape: np.zeros(shape),
    "ones": lambda generator, rule, shape: np.ones(shape),
    "he": _normal(lambda rule: 2 / rule.fan_in),
    "glorot": _uniform(lambda rule: math.sqrt(6 / (rule.fan_in + rule.fan_out))),
    "lecun": _normal(lambda rule: 1 / rule.fan_in),
    "lecun-1998": _uniform(lambda rule: 2.4 / rule.fan_in),
}


def initial_parameters(graph: Graph, seed: int) -> dict[str, Float32]:
    """First values of all parameters, buffers and fixed arrays; same graph and seed, same bits."""
    generator = np.random.default_rng(seed)
    return {
        name: DRAWS[spec.initializer.rule](generator, spec.initializer, spec.shape).astype(np.float32)
        for name, spec in graph.parameters.items()
    }
