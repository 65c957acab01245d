"""Error signals, gradients and steps, layer by layer: do they vanish, explode, or rewrite the weights?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import gt, lt

import numpy as np

from pellucid.engines.engine import Array, Gradients
from pellucid.engines.loss_nodes import loss_nodes
from pellucid.engines.reference.optimizers import clipped, update, weight_decay
from pellucid.explain.health.report import Finding, LayerHealth, Thresholds, number
from pellucid.model import Model

SCHEDULE_POINTS = 200
"""Of a schedule, at which its largest learning rate is looked for."""

CHUNK = 2**20
"""Weights that a step is tried on at a time, so that no copy of a layer is made."""


@dataclass
class _Sums:
    signal: float = 0.0
    gradient: float = 0.0
    ratio: float = 0.0


class SignalSums:
    """Norms over batches of the error signals and gradients of every layer with weights.

    Args:
        model: with its recipe: the loss, the optimiser and its learning rates.
        thresholds: of findings.
        learning_rate: of the step that is tried; the schedule's largest when left out.
    """

    def __init__(self, model: Model, thresholds: Thresholds, learning_rate: float | None) -> None:
        self.model, self.thresholds = model, thresholds
        recipe = model.recipe
        self.rate = largest_rate(model) if learning_rate is None else learning_rate
        heads = loss_nodes(model.graph, recipe.objective, recipe.loss_weights)
        above = model.graph.ancestors(heads)
        self.weights = {
            node.name: f"{node.name}.{spec.name}"
            for node in model.graph.nodes
            for spec in node.layer.parameters(model.graph.input_shapes(node))
            if spec.decay and spec.role == "trainable" and node.name in above
        }
        first = next(iter(heads))
        behind = model.graph.ancestors([first])
        self.last = next((name for name in reversed(self.weights) if name in behind), None)
        self._sums = {name: _Sums() for name in self.weights}
        self._batches = 0
        self._norms = {name: norm(model.parameters[full]) for name, full in self.weights.items()}

    @property
    def nodes(self) -> tuple[str, ...]:
        """Those whose gradients are wanted."""
        return tuple(self.weights)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Those whose gradients are wanted: all trainable ones, as clipping looks at them together."""
        specs = self.model.graph.parameters
        return tuple(name for name, spec in specs.items() if spec.role == "trainable")

    def add(self, gradients: Gradients, images: int) -> None:
        """Count one batch, whose loss is a mean over its images."""
        self._batches += 1
        optimizer = self.model.recipe.optimizer
        bounded = clipped(gradients.parameters, optimizer.clip_norm)
        for name, full in self.weights.items():
            sums = self._sums[name]
            sums.signal += (images * norm(gradients.nodes[name])) ** 2
            sums.gradient += norm(gradients.parameters[full])
            sums.ratio += self._ratio(full, bounded, self._norms[name])

    def _ratio(self, full: str, gradients: Mapping[str, Array], weight_norm: float) -> float:
        """Norm of the optimiser's first step over the weights'."""
        if weight_norm == 0:
            return math.nan
        rule, spec = self.model.recipe.optimizer, self.model.graph.parameters[full]
        decay = weight_decay(rule, spec)
        w, g = np.ravel(self.model.parameters[full]), np.ravel(gradients[full])
        squares = 0.0
        for start in range(0, len(w), CHUNK):  # every rule goes weight by weight
            part = slice(start, start + CHUNK)
            slots = {name: np.zeros_like(w[part]) for name in rule.slots}
            new, _ = update(rule, w[part], g[part], slots, self.rate, 1, decay)
            squares += norm(new - w[part]) ** 2
        return math.sqrt(squares) / weight_norm

    def layers(self) -> Iterator[tuple[str, LayerHealth]]:
        """The numbers of every layer with weights."""
        if not self._batches:
            return
        end = math.sqrt(self._sums[self.last].signal) if self.last else 0.0
        for name, sums in self._sums.items():
            yield (
                name,
                LayerHealth(
                    signal=math.sqrt(sums.signal) / end if end > 0 else None,
                    gradient_norm=sums.gradient / self._batches,
                    weight_norm=self._norms[name],
                    update_ratio=sums.ratio / self._batches,
                ),
            )

    def findings(self) -> Iterator[Finding]:
        """Signals that vanish or explode on their way back, and steps too large or lost."""
        found = dict(self.layers())
        signals = {name: layer.signal for name, layer in found.items() if layer.signal is not None}
        yield from self._signal_findings(signals)
        ratios = {
            name: layer.update_ratio
            for name, layer in found.items()
            if layer.update_ratio is not None and not math.isnan(layer.update_ratio)
        }
        yield from self._update_findings(ratios, signals)

    def _update_findings(
        self, ratios: Mapping[str, float], signals: Mapping[str, float]
    ) -> Iterator[Finding]:
        limits = self.thresholds
        said = f"a step at learning rate {number(self.rate)} is {{value}} of its weights"
        yield from _furthest(
            "large update",
            ratios,
            limits.large_update,
            gt,
            f"{said}, above {{limit}}; about 0.001 is usual",
            "Lower the learning rate, warm it up, or clip gradients (clip_norm)",
        )
        taught = {name: ratio for name, ratio in ratios.items() if signals.get(name, 0) >= limits.vanishing}
        yield from _furthest(
            "lost update",
            taught,
            limits.lost_update,
            lt,
            f"{said}, below {{limit}}, which float32 rounds away",
            "Raise the learning rate",
        )

    def _signal_findings(self, signals: Mapping[str, float]) -> Iterator[Finding]:
        limits = self.thresholds
        said = f"the error signal is {{value}} times what it is at {self.last}"
        yield from _furthest(
            "vanishing",
            signals,
            limits.vanishing,
            lt,
            f"{said}, below {{limit}}",
            "Use ReLU instead of sigmoid or tanh, add BatchNorm2d or residual connections, and draw "
            'weights with initializer="he"',
        )
        yield from _furthest(
            "exploding",
            signals,
            limits.exploding,
            gt,
            f"{said}, above {{limit}}",
            "Draw smaller initial weights, add BatchNorm2d, or clip gradients (clip_norm)",
        )


def largest_rate(model: Model) -> float:
    """The largest learning rate of the recipe's schedule."""
    schedule = model.recipe.schedule
    return max(schedule.at(step, SCHEDULE_POINTS) for step in range(SCHEDULE_POINTS))


def norm(array: Array) -> float:
    """Square root of the sum of squares, in double."""
    flat = np.ravel(array)
    return math.sqrt(float(np.einsum("i,i->", flat, flat, dtype=np.float64)))


def _furthest(
    kind: str,
    values: Mapping[str, float],
    threshold: float,
    is_beyond: Callable[[float, float], bool],
    sentence: str,
    remedy: str,
) -> Iterator[Finding]:
    """One finding for all layers beyond a threshold, if there are any, about the furthest of them."""
    beyond = {name: value for name, value in values.items() if is_beyond(value, threshold)}
    if not beyond:
        return
    name = max(beyond, key=lambda name: abs(beyond[name] - threshold))
    count = len(beyond) - 1
    others = f", as in {count} other layer{'s' if count > 1 else ''}" if count else ""
    text = sentence.format(value=number(beyond[name]), limit=f"{number(threshold)}{others}")
    yield Finding(kind, name, beyond[name], threshold, f"{name}: {text}", remedy)


def merged(first: LayerHealth, second: LayerHealth) -> LayerHealth:
    """Numbers of one layer from two checks, each of which knows its own."""
    fresh = LayerHealth()
    known = {name: value for name, value in vars(second).items() if value != getattr(fresh, name)}
    return replace(first, **known)
