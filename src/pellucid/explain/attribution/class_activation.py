"""Grad-CAM and Grad-CAM++: which places of a layer's maps speak for the target."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, Wanted
from pellucid.explain.attribution.layer_choice import check_layer, last_maps
from pellucid.explain.attribution.result import Attribution
from pellucid.explain.passes import as_batch, differentiated, find_target
from pellucid.explain.target import TargetLike
from pellucid.model import Float32, Model

ASKED_FOR = "It was asked for."


def grad_cam(
    model: Model, images: ArrayLike, target: TargetLike = None, *, layer: str | None = None
) -> Attribution:
    """A layer's maps, weighted by the score's mean gradient with respect to each (Selvaraju et al. 2017).

    Equations 1 and 2: alpha_k = mean over the cells of dS/dA_k; the map is max(0, sum_k alpha_k A_k),
    enlarged to the input's size. `coarse` holds the sum as it is, negative values included.

    Args:
        model: any network with one input that has maps.
        images: (N, *input shape), or one image.
        target: what is explained, as `choose_target` takes it.
        layer: whose maps; the last one that has places when left out.
    """
    return _class_activation("grad-cam", _mean_gradient, model, images, target, layer)


def grad_cam_plus_plus(
    model: Model, images: ArrayLike, target: TargetLike = None, *, layer: str | None = None
) -> Attribution:
    """Grad-CAM with the positive gradients weighted cell by cell (Chattopadhay et al. 2018).

    Equations 12 and 19, with Y = exp(S) as in section 3.4: w_k = sum_ij alpha_ij max(0, dS/dA_ij) and
    alpha_ij = g^2 / (2 g^2 + g^3 sum_ab A_ab), g = dS/dA_ij. The factor exp(S), the same for all cells
    of an image, is left out: it would overflow.

    Args:
        model: any network with one input that has maps.
        images: (N, *input shape), or one image.
        target: what is explained, as `choose_target` takes it.
        layer: whose maps; the last one that has places when left out.
    """
    return _class_activation("grad-cam++", _weighted_positive_gradient, model, images, target, layer)


def _mean_gradient(maps: Array, gradient: Array) -> Array:
    """(N, K) weights from two arrays (N, K, cells)."""
    cells = gradient.shape[2]
    weights: Array = gradient @ np.full(cells, 1 / cells, gradient.dtype)  # mean() takes five times as long
    return weights


def _weighted_positive_gradient(maps: Array, gradient: Array) -> Array:
    """(N, K) weights from two arrays (N, K, cells)."""
    square = gradient.astype(np.float64) ** 2
    below = 2 * square + square * gradient * maps.sum(axis=2, keepdims=True)
    alpha = np.divide(square, below, out=np.zeros_like(square), where=below != 0)
    weights: Array = (alpha * np.maximum(gradient, 0)).sum(axis=2)
    return weights


def _class_activation(
    method: str,
    weigh: Callable[[Array, Array], Array],
    model: Model,
    images: ArrayLike,
    target: TargetLike,
    layer: str | None,
) -> Attribution:
    batch = as_batch(model, images)
    chosen = find_target(model, batch, target)
    if layer is None:
        name, reason = last_maps(model.graph, chosen.node)
    else:
        name, reason = check_layer(model.graph, layer, chosen.node), ASKED_FOR
    channels, *lengths = model.graph.shapes[name]
    coarse = np.empty((len(batch), *lengths), np.float32)
    wanted = Wanted(nodes=(name,), parameters=(), activations=(name,))
    for part, found in differentiated(model, batch, chosen, wanted):
        maps = found.activations[name].reshape(-1, channels, coarse[0].size)
        weights = weigh(maps, found.nodes[name].reshape(maps.shape))
        coarse[part] = np.matmul(weights[:, None], maps).reshape(-1, *lengths)
    values = enlarged(np.maximum(coarse, 0), batch.shape[2:])[:, None]
    return Attribution(
        method, values, chosen, layer=name, reason=reason, notes=_notes(coarse, name), coarse=coarse
    )


def enlarged(maps: Float32, lengths: tuple[int, ...]) -> Float32:
    """Maps (N, *axes) interpolated linearly to these lengths, flat beyond the outermost cells' centres.

    What PyTorch calls bilinear with align_corners=False.
    """
    result = maps
    for axis, length in enumerate(lengths, start=1):
        cells = maps.shape[axis]
        centres = np.clip((np.arange(length) + 0.5) * cells / length - 0.5, 0, cells - 1)
        distances = np.abs(centres - np.arange(cells)[:, None])
        shares = np.maximum(0, 1 - distances).astype(np.float32)
        result = np.moveaxis(np.moveaxis(result, axis, -1) @ shares, -1, axis)
    return np.ascontiguousarray(result)


def _notes(coarse: Float32, layer: str) -> tuple[str, ...]:
    silent = np.flatnonzero(coarse.reshape(len(coarse), -1).max(axis=1) <= 0)
    if not len(silent):
        return ()
    which = "Image " + ", ".join(map(str, silent[:5])) + (", ..." if len(silent) > 5 else "")
    return (
        f"{which}: every value is negative or zero, so that the map is empty: no place of {layer} speaks "
        "for this target.",
    )
