"""Repeated measurements of two contestants, and what is reported of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


class DisagreementError(Exception):
    """The contestants computed different things, so their times cannot be compared."""


@dataclass(frozen=True)
class NotMeasured:
    """A row that could not be had on this machine.

    Attributes:
        case: its name.
        reason: what is missing, and what to do about it.
    """

    case: str
    reason: str


@dataclass(frozen=True)
class Samples:
    """One contestant's repeated measurements, all in the same unit."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """What rows report."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """Largest minus smallest, as a share of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        case: its name.
        ours: Pellucid's measurements.
        peer: the peer's, in its best setting.
        peer_name: who it is, with version and setting.
        unit: of both.
        larger_is_better: throughput, say, rather than time or size.
    """

    case: str
    ours: Samples
    peer: Samples
    peer_name: str
    unit: str
    larger_is_better: bool = False

    @property
    def ratio(self) -> float:
        """Of the medians, above 1 where Pellucid is better."""
        ours, peer = self.ours.median, self.peer.median
        return ours / peer if self.larger_is_better else peer / ours

    def to_json(self) -> dict[str, str | float]:
        """The row as files keep it: medians and their ratio."""
        return {
            "case": self.case,
            "ours": self.ours.median,
            "peer": self.peer.median,
            "peer_name": self.peer_name,
            "unit": self.unit,
            "ratio": self.ratio,
        }


Outcome = Row | NotMeasured
"""What a case yields, one or more."""

PAUSE_SECONDS = 0.05
"""Between measurements, so that one contestant's waiting threads have gone to sleep when the next begins."""

SECONDS_A_CONTESTANT = 20.0
"""After so long the rounds end, however many were asked for, if there were FEWEST_ROUNDS."""

FEWEST_ROUNDS = 3

SECONDS_A_MEASUREMENT = 0.3
"""Short work is repeated until it has taken so long."""


def interleaved(contestants: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, Samples]:
    """Measure all contestants by turns, `repeats` rounds after one that warms them up and is thrown away."""
    values: dict[str, list[float]] = {name: [] for name in contestants}
    started = time.perf_counter()
    for turn in range(repeats + 1):
        spent = time.perf_counter() - started
        if turn > FEWEST_ROUNDS and spent > SECONDS_A_CONTESTANT * len(contestants):
            break
        for name, measure in contestants.items():
            time.sleep(PAUSE_SECONDS)
            value = measure()
            if turn > 0:
                values[name].append(value)
    return {name: Samples(tuple(measured)) for name, measured in values.items()}


def seconds_a_call(call: Callable[[], object]) -> float:
    """Mean time of one call, over as many as fill SECONDS_A_MEASUREMENT."""
    calls, started, spent = 0, time.perf_counter(), 0.0
    while spent < SECONDS_A_MEASUREMENT:
        call()
        calls += 1
        spent = time.perf_counter() - started
    return spent / calls
