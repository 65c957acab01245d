"""Questions to a network: what made this number, and what does it do?

A file a question. Every answer is plain arrays with the names of what they belong to; `plot` draws them.
"""

from __future__ import annotations

from pellucid.explain.ablation import (
    ChannelChange,
    ReplaceCell,
    ReplaceChannel,
    ReplacePatch,
    ReplaceWeight,
    SilenceChannel,
    SilenceWeight,
    WhatIf,
    what_if,
)
from pellucid.explain.differentiation import Differentiation, differentiate
from pellucid.explain.evidence import Evidence
from pellucid.explain.gradient_terms import GradientArithmetic, gradient_arithmetic
from pellucid.explain.proof import Proof
from pellucid.explain.target import Target, choose_target
from pellucid.explain.terms import Arithmetic, arithmetic
from pellucid.explain.update_terms import UpdateArithmetic, update_arithmetic

__all__ = [
    "Arithmetic",
    "ChannelChange",
    "Differentiation",
    "Evidence",
    "GradientArithmetic",
    "Proof",
    "ReplaceCell",
    "ReplaceChannel",
    "ReplacePatch",
    "ReplaceWeight",
    "SilenceChannel",
    "SilenceWeight",
    "Target",
    "UpdateArithmetic",
    "WhatIf",
    "arithmetic",
    "choose_target",
    "differentiate",
    "gradient_arithmetic",
    "update_arithmetic",
    "what_if",
]
