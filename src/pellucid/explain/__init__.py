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
from pellucid.explain.attribution import (
    Attribution,
    Sanity,
    deconvnet,
    grad_cam,
    grad_cam_plus_plus,
    gradient_times_input,
    guided_backpropagation,
    integrated_gradients,
    occlusion,
    saliency,
    sanity,
    smoothgrad,
)
from pellucid.explain.comparison import Comparison, ParameterDifference, compare
from pellucid.explain.differentiation import Differentiation, differentiate
from pellucid.explain.evidence import Evidence
from pellucid.explain.features import (
    Filters,
    Maximized,
    Patches,
    Regularization,
    first_layer_filters,
    maximize_activation,
    reconstruct_patches,
    strongest_patches,
)
from pellucid.explain.gradient_terms import GradientArithmetic, gradient_arithmetic
from pellucid.explain.health import Calibration, Finding, LayerHealth, Report, Thresholds, check_health
from pellucid.explain.intervention import intervened
from pellucid.explain.proof import Proof
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
from pellucid.explain.terms import Arithmetic, arithmetic
from pellucid.explain.traces import FullTrace, full_trace, full_trace_nbytes
from pellucid.explain.update_terms import UpdateArithmetic, update_arithmetic

__all__ = [
    "Arithmetic",
    "Attribution",
    "Box",
    "Calibration",
    "ChannelChange",
    "Comparison",
    "Differentiation",
    "EffectiveField",
    "Evidence",
    "Filters",
    "Finding",
    "FullTrace",
    "GradientArithmetic",
    "LayerHealth",
    "Maximized",
    "Moment",
    "ParameterDifference",
    "Patches",
    "Proof",
    "Recorder",
    "Recording",
    "Regularization",
    "ReplaceCell",
    "ReplaceChannel",
    "ReplacePatch",
    "ReplaceWeight",
    "Report",
    "Sanity",
    "SilenceChannel",
    "SilenceWeight",
    "Target",
    "TheoreticalField",
    "Thresholds",
    "UpdateArithmetic",
    "WhatIf",
    "arithmetic",
    "check_health",
    "choose_target",
    "compare",
    "deconvnet",
    "differentiate",
    "effective_field",
    "first_layer_filters",
    "full_trace",
    "full_trace_nbytes",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradient_arithmetic",
    "gradient_times_input",
    "guided_backpropagation",
    "integrated_gradients",
    "intervened",
    "maximize_activation",
    "occlusion",
    "reconstruct_patches",
    "saliency",
    "sanity",
    "smoothgrad",
    "strongest_patches",
    "theoretical_field",
    "update_arithmetic",
    "what_if",
]
