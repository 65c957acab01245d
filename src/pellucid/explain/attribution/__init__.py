"""Attribution: which places of an image have to do with what a network says about it.

A file a family of methods. Each takes a model, a batch or one image, and a target; each returns an
`Attribution`. `sanity` asks of any of them whether its map depends on the weights at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pellucid.errors import UnknownNameError
from pellucid.explain.attribution.class_activation import grad_cam, grad_cam_plus_plus
from pellucid.explain.attribution.covering import occlusion
from pellucid.explain.attribution.gradients import gradient_times_input, saliency, smoothgrad
from pellucid.explain.attribution.path import integrated_gradients
from pellucid.explain.attribution.randomization import Sanity, sanity
from pellucid.explain.attribution.rectifiers import deconvnet, guided_backpropagation
from pellucid.explain.attribution.result import Attribution, Method

__all__ = [
    "METHODS",
    "OF_A_LAYER",
    "Attribution",
    "Method",
    "Sanity",
    "deconvnet",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradient_times_input",
    "guided_backpropagation",
    "integrated_gradients",
    "method_of",
    "occlusion",
    "saliency",
    "sanity",
    "smoothgrad",
]

OF_A_LAYER = {"grad-cam": grad_cam, "grad-cam++": grad_cam_plus_plus}
"""Those that read the maps of one layer, which they may be told (layer=)."""

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


def method_of(name: str, layer: str | None = None) -> Method:
    """A method by name, told which layer to read if it is one that reads a layer.

    Raises:
        UnknownNameError: no such method.
    """
    if name not in METHODS:
        raise UnknownNameError("method", name, METHODS)
    return partial(OF_A_LAYER[name], layer=layer) if name in OF_A_LAYER else METHODS[name]
