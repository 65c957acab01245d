"""Where a NaN or an infinity arose: the step that met it, done again by the layers' definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import TO_UNIT
from pellucid.engines.engine import Array, Rule
from pellucid.engines.loss_nodes import loss_nodes
from pellucid.engines.reference.definition import Context
from pellucid.engines.reference.definitions import definition
from pellucid.engines.reference.objectives import weighted_loss
from pellucid.errors import NonFiniteError
from pellucid.graph import Graph, Node
from pellucid.layers import Input
from pellucid.recipe import Recipe
from pellucid.training.run import Run

Parameters = Mapping[str, NDArray[np.float32]]
Found = tuple[str, str]
"""The node, and what is the matter there: "relu2 is the first layer with a NaN"."""


def non_finite_error(run: Run) -> NonFiniteError:
    """The error for the step that a run could not do.

    Args:
        run: standing before that step.
    """
    run.read_back()
    settings = run.settings
    batch = run.feed.take(run.step, 1)
    images, targets = batch.examples.images[batch.indices], batch.examples.targets[batch.indices]
    if images.dtype == np.uint8:
        images = images.astype(np.float32) * TO_UNIT
    context = Context(training=True, seed=settings.seed, step=run.step)
    node, finding = first_non_finite(
        run.model.graph, run.model.parameters, images, targets, settings.recipe, context
    )
    saved = f"; saved in {run.output}" if run.output else ""
    rate = settings.learning_rate_at(run.step)
    advice = (
        "mend the images" if node in run.model.graph.inputs else f"lower the learning rate ({rate:.3g} there)"
    )
    return NonFiniteError(
        f"step {run.step + 1:,} (epoch {run.epoch}): {finding}; weights are as they were before that step"
        f"{saved}; {advice}",
        step=run.step + 1,
        node=node,
    )


def first_non_finite(
    graph: Graph,
    parameters: Parameters,
    images: Array,
    targets: Array,
    recipe: Recipe,
    context: Context,
) -> Found:
    """The first node, forwards, whose activation is not finite; else the loss; else the last with a gradient.

    Args:
        graph: with one input.
        parameters: all, by full name.
        images: (N, *shape) float32.
        targets: (N,) classes, or (N, *output shape) numbers.
        recipe: the loss, and its weights.
        context: of the training step; its `node` is not read.
    """
    with np.errstate(all="ignore"):
        activations: dict[str, Array] = {}
        caches: dict[str, Any] = {}
        for index, node in enumerate(graph.nodes):
            if isinstance(node.layer, Input):
                activations[node.name] = images
            else:
                activations[node.name], caches[node.name] = definition(node.layer).forward(
                    node.layer,
                    [activations[source] for source in node.inputs],
                    _own(graph, node, parameters),
                    Context(True, context.seed, context.step, index, len(images)),
                )
            kind = non_finite_kind(activations[node.name])
            if kind and isinstance(node.layer, Input):
                return node.name, f"the images themselves hold {kind}"
            if kind:
                return node.name, f"{node.name} is the first layer with {kind}"
        weights = loss_nodes(graph, recipe.objective, recipe.loss_weights)
        for name, weight in weights.items():
            value, deltas = weighted_loss(recipe.objective, activations, targets, {name: weight})
            kind = non_finite_kind(np.array([value])) or non_finite_kind(deltas[name])
            if kind:
                return name, f"the loss of {name} is the first number with {kind}"
        _, deltas = weighted_loss(recipe.objective, activations, targets, weights)
        return _first_gradient(graph, caches, deltas)


def _first_gradient(graph: Graph, caches: Mapping[str, Any], deltas: Mapping[str, Array]) -> Found:
    gradients = dict(deltas)
    for node in reversed(graph.nodes):
        if node.name not in gradients or node.name not in caches:
            continue
        shares, own = definition(node.layer).backward(
            node.layer, gradients[node.name], caches[node.name], Rule.GRADIENT
        )
        for array in (*own.values(), *shares):
            kind = non_finite_kind(array)
            if kind:
                return (
                    node.name,
                    f"{node.name} is the first layer, from the output, with {kind} in its gradient",
                )
        for source, share in zip(node.inputs, shares, strict=True):
            gradients[source] = gradients[source] + share if source in gradients else share
    last = graph.outputs[0]
    return last, "a number was not finite, and the layers' definitions, rounding otherwise, do not repeat it"


def _own(graph: Graph, node: Node, parameters: Parameters) -> dict[str, Array]:
    specs = node.layer.parameters(graph.input_shapes(node))
    return {spec.name: parameters[f"{node.name}.{spec.name}"] for spec in specs}


def non_finite_kind(array: Array) -> str:
    """What is not finite: "a NaN", "an infinity", or "" for finite numbers."""
    if np.isnan(array).any():
        return "a NaN"
    return "an infinity" if np.isinf(array).any() else ""
