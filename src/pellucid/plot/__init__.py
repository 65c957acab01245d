"""Pictures of what networks do, as matplotlib figures good enough for a lecture.

Every function returns a `matplotlib.figure.Figure`; `save` writes it as SVG, PNG or PDF. Numbers come from
`explain` and `training` as plain arrays, and nothing is computed here but their places and colours.
"""

from __future__ import annotations

from pellucid.plot.canvas import save
from pellucid.plot.overlays import Overlay, attributions
from pellucid.plot.windows import convolution

__all__ = ["Overlay", "attributions", "convolution", "save"]
