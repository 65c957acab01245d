"""Drawing the first values of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pellucid.graph import Graph
from pellucid.layers import Initializer, Shape

Float32 = NDArray[np.float32]
Draw = Callable[[np.random.Generator, Initializer, Shape], Float32]


def _uniform(limit: Callable[[Initializer], float]) -> Draw:
    def draw(generator: np.random.Generator, rule: Initializer, shape: Shape) -> Float32:
        return generator.uniform(-limit(rule), limit(rule), shape).astype(np.float32)

    return draw


def _normal(variance: Callable[[Initializer], float]) -> Draw:
    # Drawn as float32 and scaled in place: VGG-16 has 138 million of them.
    def draw(generator: np.random.Generator, rule: Initializer, shape: Shape) -> Float32:
        values = generator.standard_normal(shape, np.float32)
        values *= np.float32(math.sqrt(variance(rule)))
        return values

    return draw


DRAWS: dict[str, Draw] = {
    "zeros": lambda generator, rule, shape: np.zeros(shape, np.float32),
    "ones": lambda generator, rule, shape: np.ones(shape, np.float32),
    "constant": lambda generator, rule, shape: np.full(shape, rule.value, np.float32),
    "he": _normal(lambda rule: 2 / rule.fan_in),
    "glorot": _uniform(lambda rule: math.sqrt(6 / (rule.fan_in + rule.fan_out))),
    "lecun": _normal(lambda rule: 1 / rule.fan_in),
    "lecun-1998": _uniform(lambda rule: 2.4 / rule.fan_in),
}


def initial_parameters(graph: Graph, seed: int) -> dict[str, Float32]:
    """First values of all parameters, buffers and fixed arrays; same graph and seed, same bits."""
    generator = np.random.default_rng(seed)
    return {
        name: DRAWS[spec.initializer.rule](generator, spec.initializer, spec.shape)
        for name, spec in graph.parameters.items()
    }
