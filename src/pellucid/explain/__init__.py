"""Questions to a network: what made this number, and what does it do?

A file a question. Every answer is plain arrays with the names of what they belong to; `plot` draws them.
"""

from __future__ import annotations

from pellucid.explain.comparison import Comparison, ParameterDifference, compare
from pellucid.explain.differentiation import Differentiation, differentiate
from pellucid.explain.evidence import Evidence
from pellucid.explain.gradient_terms import GradientArithmetic, gradient_arithmetic
from pellucid.explain.proof import Proof
from pellucid.explain.recorder import Recorder
from pellucid.explain.recording import Moment, Recording
from pellucid.explain.target import Target, choose_target
from pellucid.explain.terms import Arithmetic, arithmetic
from pellucid.explain.traces import FullTrace, full_trace, full_trace_nbytes

__all__ = [
    "Arithmetic",
    "Comparison",
    "Differentiation",
    "Evidence",
    "FullTrace",
    "GradientArithmetic",
    "Moment",
    "ParameterDifference",
    "Proof",
    "Recorder",
    "Recording",
    "Target",
    "arithmetic",
    "choose_target",
    "compare",
    "differentiate",
    "full_trace",
    "full_trace_nbytes",
    "gradient_arithmetic",
]
