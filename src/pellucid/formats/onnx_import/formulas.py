"""The layer whose function a formula is, whatever nodes an exporter wrote it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import LayerError
from pellucid.formats.onnx_import.values import SAMPLES
from pellucid.layers import (
    ELU,
    GELU,
    SELU,
    Clip,
    Hardsigmoid,
    Hardswish,
    Layer,
    LeakyReLU,
    Mish,
    Parameter,
    ReLU,
    ReLU6,
    ScaledTanh,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)

Samples = NDArray[np.float64]

TOLERANCE = 2e-6
"""Of a sample, relative to its size and at least absolute: float32 constants are this exact."""

IDENTITY = Parameter((1,))
"""Stands for the function y = x, which needs no layer."""


def recognise(values: Samples) -> Layer | None:
    """The layer with these values at SAMPLES, IDENTITY for y = x, or None."""
    return _recognised(values.tobytes())


@lru_cache(maxsize=512)
def _recognised(data: bytes) -> Layer | None:
    """The same few functions occur again and again in a network."""
    values = np.frombuffer(data)
    with np.errstate(all="ignore"):
        layers, expected = _plain_table()
        found = np.flatnonzero(_same(values, expected))
        if len(found):
            return layers[int(found[0])]
        for layer, curve in _parametric(values):
            if _same(values, curve[None])[0]:
                return layer
    return None


def _same(values: Samples, expected: Samples) -> NDArray[np.bool_]:
    """For each row whether it is the same function.

    Where a formula overflows far from 0, as log(1 + exp(x)) does, nothing is compared.
    """
    ignored = ~np.isfinite(values) & (np.abs(SAMPLES) > 8)
    near = np.abs(values - expected) <= TOLERANCE * (1 + np.abs(expected))
    same: NDArray[np.bool_] = np.all(near | ignored, axis=1)
    return same


@cache
def _plain_table() -> tuple[tuple[Layer, ...], Samples]:
    """Layers without numbers of their own, and their values."""
    with np.errstate(all="ignore"):
        rows = list(_plain())
    return tuple(layer for layer, _ in rows), np.stack([curve for _, curve in rows])


def _plain() -> Iterator[tuple[Layer, Samples]]:
    x = SAMPLES
    sigmoid = 1 / (1 + np.exp(-x))
    yield IDENTITY, x
    yield ReLU(), np.maximum(x, 0)
    yield Sigmoid(), sigmoid
    yield Tanh(), np.tanh(x)
    yield SiLU(), x * sigmoid
    yield ReLU6(), np.clip(x, 0, 6)
    yield Hardswish(), x * np.clip(x / 6 + 0.5, 0, 1)
    yield GELU(), 0.5 * x * (1 + _erf(x / np.sqrt(2)))
    yield GELU("tanh"), 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    yield Softplus(), np.logaddexp(0, x)
    yield Mish(), x * np.tanh(np.logaddexp(0, x))
    yield Hardsigmoid(), np.clip(x / 6 + 0.5, 0, 1)
    yield SELU(), SELU.SCALE * np.where(x > 0, x, SELU.ALPHA * np.expm1(x))


def _erf(x: Samples) -> Samples:
    from scipy.special import erf

    result: Samples = erf(x)
    return result


def _parametric(values: Samples) -> Iterator[tuple[Layer, Samples]]:
    """Layers with numbers of their own, read off the values."""

    def exact(x: float) -> float:
        return float(values[int(np.argmin(np.abs(SAMPLES - x)))])

    def at(x: float) -> float:
        return shortest(exact(x))

    x = SAMPLES
    yield from _made(lambda: LeakyReLU(-at(-1)), lambda a: np.where(x > 0, x, a.negative_slope * x))
    yield from _made(lambda: ELU(-at(-100)), lambda a: np.where(x > 0, x, a.alpha * np.expm1(x)))
    yield from _made(
        lambda: Hardsigmoid(shortest(2 * (exact(0.25) - exact(-0.25))), at(0)),
        lambda a: np.clip(a.slope * x + a.offset, 0, 1),
    )
    yield from _made(lambda: _scaled_tanh(at), lambda a: a.amplitude * np.tanh(a.slope * x))
    yield from _made(
        lambda: Clip(_bound(at(-1e30)), _bound(at(1e30))),
        lambda a: np.clip(x, a.minimum, a.maximum),
    )


def _made(make: Callable[[], Any], values: Callable[[Any], Any]) -> Iterator[tuple[Layer, Samples]]:
    try:
        layer = make()
    except LayerError:  # numbers that the layer cannot have, so it is another function
        return
    yield layer, values(layer)


def _scaled_tanh(at: Callable[[float], float]) -> ScaledTanh:
    amplitude = at(1e30)
    slope = np.arctanh(np.clip(at(0.5) / amplitude, -0.9999999, 0.9999999)) * 2 if amplitude else 0.0
    return ScaledTanh(amplitude, shortest(float(slope)))


def _bound(value: float) -> float | None:
    return None if abs(value) >= 1e30 else value


def shortest(value: float) -> float:
    """A float32 number as it is best written: 0.01, not 0.009999999776482582."""
    return float(str(np.float32(value)))
