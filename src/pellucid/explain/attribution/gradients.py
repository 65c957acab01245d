"""The score's gradient with respect to the image: alone, times the image, and averaged over noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pellucid.errors import DataError
from pellucid.explain.attribution.result import Attribution
from pellucid.explain.passes import as_batch, find_target, input_gradients, summed_gradients
from pellucid.explain.target import TargetLike
from pellucid.model import Float32, Model


def saliency(
    model: Model, images: ArrayLike, target: TargetLike = None, *, absolute: bool = True
) -> Attribution:
    """|dS/dx|: how much the score moves with each pixel (Simonyan, Vedaldi & Zisserman 2014, section 3).

    Args:
        model: any network with one input.
        images: (N, *input shape), or one image.
        target: what is explained, as `choose_target` takes it.
        absolute: False to keep the gradient's sign.
    """
    batch = as_batch(model, images)
    chosen = find_target(model, batch, target)
    values = input_gradients(model, batch, chosen)
    if absolute:
        np.abs(values, out=values)
    return Attribution(
        "saliency",
        values,
        chosen,
        settings={"absolute": absolute},
        over_channels="largest" if absolute else "sum",
    )


def gradient_times_input(model: Model, images: ArrayLike, target: TargetLike = None) -> Attribution:
    """x dS/dx: what each pixel adds to the score's first-order expansion (Shrikumar et al. 2017, section 2).

    Args:
        model: any network with one input.
        images: (N, *input shape), or one image.
        target: what is explained, as `choose_target` takes it.
    """
    batch = as_batch(model, images)
    chosen = find_target(model, batch, target)
    values = input_gradients(model, batch, chosen)
    values *= batch
    return Attribution("gradient-x-input", values, chosen)


def smoothgrad(
    model: Model,
    images: ArrayLike,
    target: TargetLike = None,
    *,
    samples: int = 50,
    noise_level: float = 0.15,
    seed: int = 0,
    noise: ArrayLike | None = None,
) -> Attribution:
    """The gradient's mean over noisy copies of each image (Smilkov et al. 2017, section 2).

    Args:
        model: any network with one input.
        images: (N, *input shape), or one image.
        target: what is explained, as `choose_target` takes it; found on the image without noise.
        samples: noisy copies of each image.
        noise_level: standard deviation of the noise, a share of the image's largest value less its smallest.
        seed: of the noise. It depends on this and on an image's number only.
        noise: (N, samples, *input shape) to add instead of drawing it.
    """
    batch = as_batch(model, images)
    chosen = find_target(model, batch, target)
    given = None if noise is None else np.asarray(noise, np.float32)
    if given is not None:
        if given.ndim != batch.ndim + 1 or given.shape[:1] + given.shape[2:] != batch.shape:
            expected = ", ".join(map(str, batch.shape[1:]))
            raise DataError(f"noise: expects ({len(batch)}, samples, {expected}), received {given.shape}")
        samples = given.shape[1]
    if samples < 1:
        raise DataError(f"samples are at least 1, received {samples}")
    flat = batch.reshape(len(batch), -1)
    deviations = noise_level * (flat.max(axis=1) - flat.min(axis=1))

    def noisy(some: range, steps: range) -> Float32:
        added = np.empty((len(some), len(steps), *batch.shape[1:]), np.float32)
        for row, image in enumerate(some):
            for column, step in enumerate(steps):
                if given is not None:
                    added[row, column] = given[image, step]
                else:
                    generator = np.random.default_rng((seed, image, step))
                    generator.standard_normal(out=added[row, column], dtype=np.float32)
                    added[row, column] *= deviations[image]
        return batch[some.start : some.stop, None] + added

    weights = np.full(samples, 1 / samples)
    values = summed_gradients(model, len(batch), chosen, weights, noisy).astype(np.float32)
    settings: dict[str, float] = {"samples": samples}
    if given is None:
        settings |= {"noise_level": noise_level, "seed": seed}
    return Attribution("smoothgrad", values, chosen, settings=settings)
