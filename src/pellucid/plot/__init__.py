"""Pictures of what networks do, as matplotlib figures good enough for a lecture.

Every function returns a `matplotlib.figure.Figure`; `save` writes it as SVG, PNG or PDF. Numbers come from
`explain` and `training` as plain arrays, and nothing is computed here but their places and colours.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from pellucid.plot.canvas import save
from pellucid.plot.diagram import architecture
from pellucid.plot.fields import receptive_field
from pellucid.plot.functions import activation, activation_names
from pellucid.plot.learning import confusion_matrix, learning_curves, worst_mistakes
from pellucid.plot.maps import feature_maps, filters
from pellucid.plot.moments import filters_through_time
from pellucid.plot.overlays import Overlay, attributions
from pellucid.plot.windows import convolution

__all__ = [
    "Figure",
    "Overlay",
    "activation",
    "activation_names",
    "architecture",
    "attributions",
    "confusion_matrix",
    "convolution",
    "feature_maps",
    "filters",
    "filters_through_time",
    "learning_curves",
    "receptive_field",
    "save",
    "worst_mistakes",
]
