"""What the definition of a layer consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.engines.engine import Array, Rule, Terms

Cell = tuple[int, ...]
"""Position in one image's array: (c, i, j), (c, i) or (k,)."""

ShortNames = Mapping[str, Array]
"""A layer's own parameters: "weight", not "conv1.weight"."""


@dataclass(frozen=True)
class Context:
    """What a forward pass knows besides its inputs.

    Attributes:
        training: BatchNorm by the batch and dropout active; else as in inference.
        seed: of the random numbers.
        step: number of the training step, from 0.
        node: index of the layer's node in graph.nodes.
        images: in the batch, for layers without an input that would say so.
    """

    training: bool = False
    seed: int = 0
    step: int = 0
    node: int = 0
    images: int = 1


INFERENCE = Context()


@dataclass(frozen=True)
class Definition:
    """The functions that define one layer.

    Attributes:
        forward: (layer, inputs, parameters, context) to (output, cache). Arrays have the batch axis first;
            the cache is whatever backward needs.
        backward: (layer, gradient, cache, rule) to (dJ/dx for each input, {name: dJ/dW}), where gradient is
            dJ/dy.
        terms: (layer, inputs, parameters, cell) to the addends behind one output cell in inference. The
            inputs are those of one image, without the batch axis.
        buffers: (layer, cache, parameters) to new running statistics after a forward pass in training; None
            for a layer that has none.
    """

    forward: Callable[[Any, Sequence[Array], ShortNames, Context], tuple[Array, Any]]
    backward: Callable[[Any, Array, Any, Rule], tuple[tuple[Array, ...], dict[str, Array]]]
    terms: Callable[[Any, Sequence[Array], ShortNames, Cell], Terms]
    buffers: Callable[[Any, Any, ShortNames], dict[str, Array]] | None = None


Backward = tuple[tuple[Array, ...], dict[str, Array]]
"""What a backward function returns."""
