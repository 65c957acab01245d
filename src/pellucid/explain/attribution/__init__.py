"""Attribution: which places of an image have to do with what a network says about it.

A file a family of methods. Each takes a model, a batch or one image, and a target; each returns an
`Attribution`. `sanity` asks of any of them whether its map depends on the weights at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from pellucid.explain.attribution.class_activation import grad_cam, grad_cam_plus_plus
from pellucid.explain.attribution.covering import occlusion
from pellucid.explain.attribution.gradients import gradient_times_input, saliency, smoothgrad
from pellucid.explain.attribution.path import integrated_gradients
from pellucid.explain.attribution.randomization import Sanity, sanity
from pellucid.explain.attribution.rectifiers import deconvnet, guided_backpropagation
from pellucid.explain.attribution.result import Attribution, Method

__all__ = [
    "METHODS",
    "Attribution",
    "Method",
    "Sanity",
    "deconvnet",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradient_times_input",
    "guided_backpropagation",
    "integrated_gradients",
    "occlusion",
    "saliency",
    "sanity",
    "smoothgrad",
]

METHODS: Mapping[str, Method] = {
    "saliency": saliency,
    "gradient-x-input": gradient_times_input,
    "smoothgrad": smoothgrad,
    "integrated-gradients": integrated_gradients,
    "deconvnet": deconvnet,
    "guided-backpropagation": guided_backpropagation,
    "grad-cam": grad_cam,
    "grad-cam++": grad_cam_plus_plus,
    "occlusion": occlusion,
}
"""Every method by the name that its results carry."""
