"""Questions to a network: what made this number, and what does it do?

A file a question. Every answer is plain arrays with the names of what they belong to; `plot` draws them.
"""

from __future__ import annotations

from pellucid.explain.comparison import Comparison, ParameterDifference, compare
from pellucid.explain.receptive_field import (
    Box,
    EffectiveField,
    TheoreticalField,
    effective_field,
    theoretical_field,
)
from pellucid.explain.recorder import Recorder
from pellucid.explain.recording import Moment, Recording
from pellucid.explain.target import Target, choose_target

__all__ = [
    "Box",
    "Comparison",
    "EffectiveField",
    "Moment",
    "ParameterDifference",
    "Recorder",
    "Recording",
    "Target",
    "TheoreticalField",
    "choose_target",
    "compare",
    "effective_field",
    "theoretical_field",
]
