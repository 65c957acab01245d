"""Dead rectifiers and saturated units, counted image by image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Array
from pellucid.explain.health.report import Finding, LayerHealth, Thresholds, percent
from pellucid.graph import Graph
from pellucid.layers import (
    Activation,
    Clip,
    Hardsigmoid,
    Hardswish,
    Layer,
    ReLU,
    ReLU6,
    ScaledTanh,
    Sigmoid,
    Tanh,
)

RECTIFIERS = (ReLU, ReLU6, Hardswish)
"""Functions that are 0 on one side, and learn nothing there."""

BOUNDED = (Sigmoid, Tanh, ScaledTanh, Hardsigmoid, ReLU6, Clip)
"""Functions with a flat end."""

FEWEST_IMAGES = 30
"""For a channel to be called dead: of fewer it may just be that none concerns it."""


class ActivationCounts:
    """Counts over batches of the activations that can die or saturate.

    Args:
        graph: whose; its outputs are left alone, as a sure output is no fault.
        thresholds: what counts as flat.
    """

    def __init__(self, graph: Graph, thresholds: Thresholds) -> None:
        self.graph = graph
        self.thresholds = thresholds
        self.nodes = tuple(
            node.name
            for node in graph.nodes
            if isinstance(node.layer, RECTIFIERS + BOUNDED) and node.name not in graph.outputs
        )
        self.images = 0
        self._alive: dict[str, NDArray[np.bool_]] = {}
        self._flat: dict[str, int] = {}
        self._cells: dict[str, int] = {}

    def add(self, trace: Mapping[str, Array], images: int) -> None:
        """Count one batch."""
        self.images += images
        for name in self.nodes:
            layer, y = self.graph.node(name).layer, trace[name]
            if isinstance(layer, RECTIFIERS):
                alive = (y != 0).any(axis=(0, *range(2, y.ndim)))
                self._alive[name] = alive | self._alive.get(name, np.zeros_like(alive))
            if isinstance(layer, BOUNDED):
                flat = is_flat(layer, y, self.thresholds.flat_slope)
                self._flat[name] = self._flat.get(name, 0) + int(flat.sum())
                self._cells[name] = self._cells.get(name, 0) + flat.size

    def layers(self) -> Iterator[tuple[str, LayerHealth]]:
        """The numbers of every such layer."""
        for name in self.nodes:
            found = LayerHealth()
            if name in self._alive:
                alive = self._alive[name]
                found = replace(found, dead=int((~alive).sum()), channels=len(alive))
            if self._cells.get(name):
                found = replace(found, saturated=self._flat[name] / self._cells[name])
            yield name, found

    def findings(self) -> Iterator[Finding]:
        """Layers with too many dead channels, or too many outputs on the flat part."""
        for name, found in self.layers():
            if found.dead is not None and found.channels and self.images >= FEWEST_IMAGES:
                share, limit = found.dead / found.channels, self.thresholds.dead_share
                if found.dead and share >= limit:
                    yield Finding(
                        "dead",
                        name,
                        share,
                        limit,
                        f"{name}: {found.dead} of {found.channels} channels ({percent(share)}) are 0 for all "
                        f"{self.images:,} images, where up to {percent(limit)} would be usual",
                        "Lower the learning rate, check the biases before it, or use LeakyReLU, which cannot "
                        "die",
                    )
            if found.saturated is not None and found.saturated >= self.thresholds.saturated_share:
                yield Finding(
                    "saturated",
                    name,
                    found.saturated,
                    self.thresholds.saturated_share,
                    f"{name}: {percent(found.saturated)} of its outputs lie where {self._kind(name)} is "
                    f"flat, where less than {percent(self.thresholds.saturated_share)} would be usual",
                    "Normalise what it receives (BatchNorm2d), draw smaller initial weights, or use ReLU",
                )

    def _kind(self, name: str) -> str:
        return self.graph.node(name).layer.name


def is_flat(layer: Layer, y: Array, slope: float) -> NDArray[np.bool_]:
    """Where a bounded function's slope is less than this share of its steepest, told from its values."""
    assert isinstance(layer, Activation)
    match layer:
        case Sigmoid():
            flat = 4 * y * (1 - y) < slope
        case Tanh():
            flat = 1 - y * y < slope
        case ScaledTanh():
            flat = 1 - np.square(y / np.float32(layer.amplitude)) < slope
        case Hardsigmoid():
            flat = (y <= 0) | (y >= 1)
        case ReLU6():
            flat = y >= 6
        case Clip():
            # At a lower bound of 0 it is a rectifier, whose zeros are its purpose.
            low = np.zeros(y.shape, bool) if not layer.minimum else y <= layer.minimum
            flat = low if layer.maximum is None else low | (y >= layer.maximum)
        case _:
            flat = np.zeros(y.shape, bool)
    return np.asarray(flat)
