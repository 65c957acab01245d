"""Features: what the parts of a network look for, in pictures."""

from __future__ import annotations

from pellucid.explain.features.first_layer import Filters, first_layer_filters
from pellucid.explain.features.maximization import Maximized, Regularization, maximize_activation
from pellucid.explain.features.patches import Patches, reconstruct_patches, strongest_patches

__all__ = [
    "Filters",
    "Maximized",
    "Patches",
    "Regularization",
    "first_layer_filters",
    "maximize_activation",
    "reconstruct_patches",
    "strongest_patches",
]
