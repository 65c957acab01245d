"""Questions to a network: what made this number, and what does it do?

A file a question. Every answer is plain arrays with the names of what they belong to; `plot` draws them.
"""

from __future__ import annotations

from pellucid.explain.receptive_field import (
    Box,
    EffectiveField,
    TheoreticalField,
    effective_field,
    theoretical_field,
)
from pellucid.explain.target import Target, choose_target

__all__ = [
    "Box",
    "EffectiveField",
    "Target",
    "TheoreticalField",
    "choose_target",
    "effective_field",
    "theoretical_field",
]
