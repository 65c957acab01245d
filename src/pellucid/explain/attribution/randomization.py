"""The sanity check: a map that stays when the weights are random does not explain the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.explain.attribution.result import Method
from pellucid.explain.passes import as_batch, find_target
from pellucid.explain.target import TargetLike
from pellucid.graph import Graph
from pellucid.initialization import initial_parameters
from pellucid.model import Model

FIRST_SEED = 10_000
"""Far from those that models are made with: none shall meet its own first weights again."""


@dataclass(frozen=True, eq=False)
class Sanity:
    """How alike a method's maps are before and after weights were made random.

    Attributes:
        method: its name.
        layers: nodes down to which, from the top, weights were random, one a stage.
        rank: (stages, N) Spearman's rank correlation of each image's map with the original one.
        absolute_rank: likewise, of the maps without their signs.
        threshold: that the mean correlation at the last stage, all weights random, must stay below.
        passed: whether it does.
        verdict: in a sentence.
    """

    method: str
    layers: tuple[str, ...]
    rank: Array
    absolute_rank: Array
    threshold: float
    passed: bool
    verdict: str


def sanity(
    model: Model,
    images: ArrayLike,
    method: Method,
    target: TargetLike = None,
    *,
    stages: int | None = None,
    seed: int = 0,
    threshold: float = 0.5,
) -> Sanity:
    """Randomise the weights from the top, cumulatively, and see whether the map changes.

    Adebayo et al. 2018, section 3: each layer's arrays are drawn anew by its initialiser, running statistics
    begin anew too, and the same target is explained each time. The model given is left as it is.

    Args:
        model: the network.
        images: (N, *input shape), or one image.
        method: (model, images, target) to an Attribution; bind other settings beforehand.
        target: what is explained, as `choose_target` takes it.
        stages: in which the layers become random; one a layer when left out.
        seed: of the random weights.
        threshold: that the mean rank correlation at the last stage must stay below.
    """
    batch = as_batch(model, images)
    chosen = find_target(model, batch, target)
    layers = _weighted_layers(model.graph, chosen.node)
    original = method(model, batch, chosen)
    copy = Model(model.graph, model.parameters, engine=model.engine, output_kind=model.output_kind)
    random = initial_parameters(model.graph, FIRST_SEED + seed)
    groups = [part.tolist() for part in np.array_split(layers, min(len(layers), stages or len(layers)))]
    rank, absolute_rank = [], []
    for group in groups:
        copy.set_parameters(
            {
                name: random[name]
                for name, spec in model.graph.parameters.items()
                if name.rsplit(".", 1)[0] in group and spec.role != "fixed"
            }
        )
        changed = method(copy, batch, chosen)
        rank.append(_rank_correlations(original.maps, changed.maps))
        absolute_rank.append(_rank_correlations(np.abs(original.maps), np.abs(changed.maps)))
    final, absolute = float(np.mean(rank[-1])), float(np.mean(absolute_rank[-1]))
    return Sanity(
        method=original.method,
        layers=tuple(group[-1] for group in groups),
        rank=np.array(rank),
        absolute_rank=np.array(absolute_rank),
        threshold=threshold,
        passed=final < threshold,
        verdict=_verdict(original.method, final, absolute, threshold),
    )


def _weighted_layers(graph: Graph, node: str) -> list[str]:
    """Nodes with trainable arrays that this one depends on, from the top."""
    seen = graph.ancestors([node])
    weighted = {name.rsplit(".", 1)[0] for name, spec in graph.parameters.items() if spec.role == "trainable"}
    layers = [other.name for other in reversed(graph.nodes) if other.name in seen & weighted]
    if not layers:
        raise DataError(f"{node}: depends on no weights that could be made random")
    return layers


def _rank_correlations(first: Array, second: Array) -> Array:
    """(N,) Spearman's coefficient of each image's maps; of constant ones 1 if both are, else 0."""
    from scipy.stats import spearmanr

    result = []
    for a, b in zip(first.reshape(len(first), -1), second.reshape(len(second), -1), strict=True):
        constant = np.ptp(a) == 0, np.ptp(b) == 0
        result.append(float(all(constant)) if any(constant) else float(spearmanr(a, b).statistic))
    return np.array(result)


def _verdict(method: str, final: float, absolute: float, threshold: float) -> str:
    figures = f"rank correlation {final:.2f} ({absolute:.2f} without signs), threshold {threshold:g}"
    if final < threshold <= absolute:
        return (
            f"{method} passes: with all weights random its map is another one ({figures}); but where it is "
            "strong, whatever the sign, follows from the image alone."
        )
    if final < threshold:
        return f"{method} passes: with all weights random its map is another one ({figures})."
    return (
        f"{method} fails: with all weights random its map stays much the same ({figures}), so that it tells "
        "more about the image than about the network."
    )
