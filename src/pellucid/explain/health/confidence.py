"""Calibration of a classifier: does it know how sure it may be?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Array
from pellucid.engines.reference.channel_activation import softmax
from pellucid.explain.health.report import Calibration, Finding, Thresholds, number, percent
from pellucid.explain.target import score_node
from pellucid.model import Model

BINS = 15
"""Of confidences, of equal width (Guo et al. 2017, section 4)."""

FEWEST_IMAGES = 100
"""For a finding: of fewer the error is mostly chance."""


class ConfidenceCounts:
    """Confidences and hits over batches, bin by bin."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.node = score_node(model.graph)
        shape = model.graph.shapes[self.node]
        softmaxed = model.output_kind == "probabilities" and self.node != model.graph.outputs[0]
        self.applies = len(shape) == 1 < shape[0] and (softmaxed or model.output_kind == "logits")
        self._counts = np.zeros(BINS, np.int64)
        self._confidence, self._hits = np.zeros(BINS), np.zeros(BINS)

    def add(self, scores: Array, classes: NDArray[np.int64]) -> None:
        """Count one batch: (N, K) scores before the softmax, (N,) classes."""
        shares = softmax(scores.astype(np.float64))
        confidence, found = shares.max(axis=1), shares.argmax(axis=1)
        bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
        self._counts += np.bincount(bins, minlength=BINS)
        self._confidence += np.bincount(bins, confidence, BINS)
        self._hits += np.bincount(bins, found == classes, BINS)

    def calibration(self) -> Calibration | None:
        """What was counted; None for nothing."""
        if not self._counts.any():
            return None
        with np.errstate(invalid="ignore"):
            means = self._confidence / self._counts, self._hits / self._counts
        return Calibration(np.linspace(0, 1, BINS + 1), self._counts.copy(), *means)

    def findings(self, thresholds: Thresholds) -> Iterator[Finding]:
        """Confidences that are far from the truth."""
        found = self.calibration()
        if found is None or found.counts.sum() < FEWEST_IMAGES or found.error <= thresholds.calibration_error:
            return
        sure = "more" if found.overconfidence > 0 else "less"
        yield Finding(
            "calibration",
            self.model.graph.outputs[0],
            found.error,
            thresholds.calibration_error,
            f"{self.model.graph.outputs[0]}: its confidence is {percent(found.error)} off on average "
            f"(expected calibration error, above {number(thresholds.calibration_error)}), {sure} sure than "
            "right",
            "Divide the scores by a temperature fitted on held-out images, train with label smoothing, or "
            "stop earlier",
        )
