"""Deconvnet and guided backpropagation: gradients that pass rectifiers by another rule."""

from __future__ import annotations

from numpy.typing import ArrayLike

from pellucid.engines.engine import Rule
from pellucid.explain.attribution.result import Attribution
from pellucid.explain.passes import as_batch, find_target, input_gradients
from pellucid.explain.target import TargetLike
from pellucid.graph import Graph
from pellucid.layers import ELU, GELU, SELU, Clip, Hardswish, LeakyReLU, PReLU, ReLU, ReLU6, SiLU
from pellucid.model import Model

RELATIVES = (Clip, ELU, GELU, Hardswish, LeakyReLU, PReLU, ReLU6, SELU, SiLU)
"""Layers that rectify in their own way; the papers' rules are about ReLU."""


def rectifiers(graph: Graph, node: str) -> tuple[str, ...]:
    """ReLU nodes that this node depends on."""
    seen = graph.ancestors([node])
    return tuple(other.name for other in graph.nodes if other.name in seen and isinstance(other.layer, ReLU))


def deconvnet(model: Model, images: ArrayLike, target: TargetLike = None) -> Attribution:
    """The score sent back with every rectifier passing what is positive on the way back.

    Zeiler & Fergus 2014, section 2.1; its pooling switches are the ordinary gradient of max pooling.

    Args:
        model: any network with one input.
        images: (N, *input shape), or one image.
        target: what is explained, as `choose_target` takes it.
    """
    return _by_rule("deconvnet", Rule.DECONVNET, model, images, target)


def guided_backpropagation(model: Model, images: ArrayLike, target: TargetLike = None) -> Attribution:
    """The gradient with every rectifier passing only what is positive on the way forth and on the way back.

    Springenberg et al. 2015, section 3.4.

    Args:
        model: any network with one input.
        images: (N, *input shape), or one image.
        target: what is explained, as `choose_target` takes it.
    """
    return _by_rule("guided-backpropagation", Rule.GUIDED, model, images, target)


def _by_rule(method: str, rule: Rule, model: Model, images: ArrayLike, target: TargetLike) -> Attribution:
    batch = as_batch(model, images)
    chosen = find_target(model, batch, target)
    names = rectifiers(model.graph, chosen.node)
    values = input_gradients(model, batch, chosen, dict.fromkeys(names, rule))
    settings = {"rectifiers": len(names)}
    return Attribution(method, values, chosen, settings=settings, notes=_notes(model.graph, names))


def _notes(graph: Graph, names: tuple[str, ...]) -> tuple[str, ...]:
    relatives = [node for node in graph.nodes if isinstance(node.layer, RELATIVES)]
    notes = []
    if not names:
        notes.append("There is no ReLU on the way to the target, so that this is the plain gradient.")
    if relatives:
        first = relatives[0]
        notes.append(
            f"The rule is ReLU's alone: {first.name} ({first.layer.name}) and its like ({len(relatives)} in "
            "all) pass the plain gradient."
        )
    return tuple(notes)
