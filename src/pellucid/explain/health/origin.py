"""Where a NaN or an infinity arises, as the engine computes it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pellucid.engines.engine import Array, Gradients
from pellucid.explain.health.report import Finding
from pellucid.model import Float32, Model
from pellucid.training.diagnose import non_finite_kind


def bad_parameter(model: Model) -> Finding | None:
    """The first parameter that is not finite."""
    for full, array in model.parameters.items():
        kind = non_finite_kind(array)
        if kind:
            count = int((~np.isfinite(array)).sum())
            what = "Go back to an earlier checkpoint, and on from there with a lower learning rate"
            return _finding(
                full.rpartition(".")[0], f"{full} holds {kind} ({count:,} of {array.size:,} numbers)", what
            )
    return None


def bad_activation(model: Model, pixels: Float32, trace: Mapping[str, Array], first: int) -> Finding | None:
    """The first node, forwards, whose activation of the first bad image is not finite.

    Args:
        model: whose parameters are finite.
        pixels: the batch.
        trace: of it, at some nodes at least.
        first: number of its first image among all.
    """
    (entrance,) = model.graph.inputs
    arrays = {entrance: pixels, **trace}
    bad = np.zeros(len(pixels), bool)
    for array in arrays.values():
        bad |= ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if not bad.any():
        return None
    image = int(np.flatnonzero(bad)[0])
    everything = model.trace(pixels[image : image + 1])
    for node in model.graph.nodes:
        kind = non_finite_kind(everything[node.name]) if node.name in everything else ""
        if kind and node.name == entrance:
            return _finding(
                node.name, f"{node.name}: image {first + image} itself holds {kind}", "Mend the images"
            )
        if kind:
            text = f"{node.name} is the first layer with {kind}, at image {first + image}"
            return _finding(node.name, text, "Look for too large weights or a division by 0 in or before it")
    return None


def bad_gradient(model: Model, gradients: Gradients, loss: float) -> Finding | None:
    """The loss, or else the last layer whose gradient is not finite."""
    kind = non_finite_kind(np.array([loss]))
    if kind:
        return _finding(
            model.graph.outputs[0], f"the loss is the first number with {kind}", "Check the targets"
        )
    for node in reversed(model.graph.nodes):
        arrays = [
            gradients[name] for name in gradients if name == node.name or name.startswith(node.name + ".")
        ]
        kinds = [kind for kind in map(non_finite_kind, arrays) if kind]
        if kinds:
            text = f"{node.name} is the first layer, from the output, with {kinds[0]} in its gradient"
            return _finding(node.name, text, "Clip gradients (clip_norm), or scale down what it receives")
    return None


def _finding(node: str, sentence: str, remedy: str) -> Finding:
    return Finding("non-finite", node, float("nan"), 0.0, sentence, remedy)
