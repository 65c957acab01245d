"""What a check-up returns: findings in sentences, and the numbers behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Thresholds:
    """From where a number becomes a finding.

    Attributes:
        dead_share: channels of a rectifier that no image makes positive. Some are common; 40 % are
            the mark of too high a learning rate (Karpathy 2016, CS231n notes, Neural networks part 1).
        saturated_share: outputs of a layer on the flat part of its function, where learning stops (Glorot &
            Bengio 2010, section 3).
        flat_slope: slope, as a share of the function's steepest, below which it counts as flat.
        vanishing, exploding: norm of a layer's error signal relative to the last layer's. Initialisation
            keeps it near 1 (Glorot & Bengio 2010, section 4.2); three orders of magnitude either way leave
            one layer untrained at any learning rate that suits the other.
        large_update: norm of one step relative to the weights'. About 1e-3 is usual (Karpathy 2016, CS231n
            notes, Neural networks part 3); a hundred times that rewrites the layer.
        lost_update: likewise; below half a unit in the last place of float32 a step changes nothing.
        duplicate_cosine: of the angle between two filters; few independent ones come this near (RoyChowdhury
            et al. 2017, Reducing duplicate filters in deep neural networks).
        calibration_error: expected calibration error; networks known to need correction have 0.04 to 0.2
            (Guo et al. 2017, table 1).
        unused_columns: rows or columns of an input that no window reaches.
    """

    dead_share: float = 0.4
    saturated_share: float = 0.5
    flat_slope: float = 0.05
    vanishing: float = 1e-3
    exploding: float = 1e3
    large_update: float = 0.1
    lost_update: float = 2.0**-24
    duplicate_cosine: float = 0.99
    calibration_error: float = 0.1
    unused_columns: int = 1


DEFAULT_THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        kind: "dead", "saturated", "vanishing", "exploding", "large update", "lost update", "non-finite",
            "unused columns", "duplicate filters" or "calibration".
        node: the layer; for a calibration, the output.
        value: the number found.
        threshold: from where it is a finding.
        sentence: what was found, with layer, number and threshold.
        remedy: what usually helps.
    """

    kind: str
    node: str
    value: float
    threshold: float
    sentence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.sentence}. {self.remedy}."


@dataclass(frozen=True)
class LayerHealth:
    """The numbers of one layer; None where a number does not apply or was not asked for.

    Attributes:
        dead: channels or units that are 0 for every image, of a rectifier.
        channels: of how many.
        saturated: share of outputs on the flat part of the function.
        signal: norm of dJ/dz over all images, relative to the last layer with weights.
        gradient_norm: norm of dJ/dW, mean over batches.
        weight_norm: norm of W.
        update_ratio: norm of the optimiser's first step relative to the weights', mean over batches.
        unused: rows and columns at the end of the input that no window reaches.
        duplicates: pairs of filters nearer than the threshold, (first, second, cosine), nearest first.
    """

    dead: int | None = None
    channels: int | None = None
    saturated: float | None = None
    signal: float | None = None
    gradient_norm: float | None = None
    weight_norm: float | None = None
    update_ratio: float | None = None
    unused: tuple[int, ...] = ()
    duplicates: tuple[tuple[int, int, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Calibration:
    """Whether a confidence of 80 % is right 80 times in 100 (Guo et al. 2017).

    Attributes:
        edges: (bins + 1,) of the confidences.
        counts: (bins,) images in each.
        confidence, accuracy: (bins,) means; NaN in an empty bin.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error: the bins' mean gap, weighted by their images (equation 3)."""
        filled = self.counts > 0
        gaps = np.abs(self.confidence - self.accuracy)[filled]
        return float((gaps * self.counts[filled]).sum() / max(1, self.counts.sum()))

    @property
    def overconfidence(self) -> float:
        """Mean confidence minus accuracy."""
        filled = self.counts > 0
        gaps = (self.confidence - self.accuracy)[filled]
        return float((gaps * self.counts[filled]).sum() / max(1, self.counts.sum()))


@dataclass(frozen=True, eq=False)
class Report:
    """A network's health.

    Attributes:
        network: its name.
        images: that were looked at.
        findings: what is wrong, the gravest kind first.
        layers: the numbers of every layer that has any.
        calibration: of its probabilities; None without targets or for outputs that are no probabilities.
    """

    network: str
    images: int
    findings: tuple[Finding, ...] = ()
    layers: Mapping[str, LayerHealth] = field(default_factory=dict)
    calibration: Calibration | None = None

    def of_kind(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def __str__(self) -> str:
        if not self.findings:
            return f"{self.network}: nothing found, {self.images:,} images looked at"
        return "\n".join(str(finding) for finding in self.findings)


def percent(share: float) -> str:
    """A share as a person reads it."""
    return f"{share:.0%}" if share >= 0.01 or share == 0 else f"{share:.1g}"


def number(value: float) -> str:
    """A number of any size, short."""
    return f"{value:.3g}" if math.isfinite(value) else str(value)
