"""Activation functions and their derivatives, as the layers define them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pellucid.engines.engine import Array, Rule
from pellucid.engines.reference.definition import INFERENCE
from pellucid.engines.reference.definitions import definition
from pellucid.errors import DataError, UnknownNameError
from pellucid.layers import (
    ELU,
    GELU,
    LAYERS,
    SELU,
    Activation,
    Hardsigmoid,
    Hardswish,
    Layer,
    LeakyReLU,
    LogSoftmax,
    Maxout,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    ScaledTanh,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from pellucid.plot.canvas import FAINT, INK, LABEL, SMALL, TITLE, finished, new_figure
from pellucid.plot.colours import BLUE, ORANGE
from pellucid.plot.language import Words

Curve = NDArray[np.float64]

COUPLED = (Maxout, Softmax, LogSoftmax)
"""Functions of several channels; drawn along the first one, with zeros in the others."""

EQUATIONS: Mapping[type[Layer], str] = MappingProxyType(
    {
        ELU: r"y = x\ (x > 0),\ <alpha>\,(e^x - 1)\ (x \leq 0)",
        GELU: r"y = x\,\Phi(x)",
        Hardsigmoid: r"y = \min(\max(<slope>\,x + <offset>, 0), 1)",
        Hardswish: r"y = x\,\min(\max(x/6 + 1/2, 0), 1)",
        LeakyReLU: r"y = \max(x, <negative_slope>\,x)",
        LogSoftmax: r"y_k = x_k - \ln \sum_j e^{x_j}",
        Maxout: r"y = \max(x_1, x_2, \ldots)",
        Mish: r"y = x\,\tanh(\ln(1 + e^x))",
        PReLU: r"y = \max(0, x) + a\,\min(0, x),\ a = 0.25",
        ReLU: r"y = \max(0, x)",
        ReLU6: r"y = \min(\max(0, x), 6)",
        SELU: r"y = 1.0507\,x\ (x > 0),\ 1.7581\,(e^x - 1)\ (x \leq 0)",
        ScaledTanh: r"y = <amplitude>\,\tanh(<slope>\,x)",
        SiLU: r"y = x\,/\,(1 + e^{-x})",
        Sigmoid: r"y = 1\,/\,(1 + e^{-x})",
        Softmax: r"y_k = e^{x_k} / \sum_j e^{x_j}",
        Softplus: r"y = \ln(1 + e^x)",
        Tanh: r"y = \tanh x",
    }
)
"""In LaTeX, hyper-parameters as <name>; a function that is not here shows its layer's own line."""

POINTS = 1601
"""At which a function is evaluated; odd, so that 0 is one of them."""

JUMP = 0.05
"""Change of a derivative from one point to the next that is a jump, not a slope."""


def activation_names() -> list[str]:
    """What `activation` draws by name: relu, gelu, ..."""
    return sorted(
        name.lower()
        for name, family in LAYERS.items()
        if issubclass(family, (Activation, PReLU, *COUPLED)) and name != "Clip"
    )


def activation(
    layers: str | Layer | Sequence[str | Layer], *, reach: float | None = None, language: str = "en"
) -> Figure:
    """Activation functions with their derivatives, each with its equation.

    Values and slopes come from the layers' definitions, forward and backward. Maxout and softmax are drawn
    along their first channel, the others at 0.

    Args:
        layers: a name of `activation_names`, a layer with hyper-parameters of its own, or several.
        reach: from -reach to reach; 5 when left out, 8 where a function bends at 6.
        language: "en" or "zh".

    Raises:
        UnknownNameError: no activation function has this name.
        DataError: a layer that is none, or no layer.
    """
    words = Words(language)
    if reach is not None and not (math.isfinite(reach) and reach > 0):
        raise DataError(f"figure: a curve reaches further than 0, received {reach}")
    chosen = [layers] if isinstance(layers, str | Layer) else list(layers)
    if not chosen:
        raise DataError("figure: draws at least one activation function, received none")
    functions = [_layer(entry) for entry in chosen]
    rows = round(math.sqrt(len(functions))) or 1
    columns = math.ceil(len(functions) / rows)
    single = len(functions) == 1
    figure = new_figure(7.0, 4.6) if single else new_figure(4.2 * columns, 3.3 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, layer in zip(grid.flat, functions, strict=False):
        _draw(axes, layer, reach or (8.0 if isinstance(layer, ReLU6) else 5.0), words)
    for axes in grid.flat[len(functions) :]:
        axes.set_visible(False)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=LABEL)
    return finished(figure)


def curves(layer: Layer, x: Curve) -> tuple[Curve, Curve]:
    """Value and derivative of an activation function at these numbers, by its definition.

    A coupled function is taken along its first channel, with zeros in the others.
    """
    channels = _channels(layer)
    inputs = np.zeros((len(x), channels))
    inputs[:, 0] = x
    parameters: dict[str, Array] = {"weight": np.full(1, 0.25)} if isinstance(layer, PReLU) else {}
    rules = definition(layer)
    values, cache = rules.forward(layer, [inputs], parameters, INFERENCE)
    seed = np.zeros_like(values)
    seed[:, 0] = 1
    (slopes,), _ = rules.backward(layer, seed, cache, Rule.GRADIENT)
    return values[:, 0], slopes[:, 0]


def _channels(layer: Layer) -> int:
    if isinstance(layer, Maxout):
        return layer.pieces
    return 3 if isinstance(layer, Softmax | LogSoftmax) else 1


def _layer(entry: str | Layer) -> Layer:
    if isinstance(entry, str):
        families = {name.lower(): family for name, family in LAYERS.items()}
        if entry.lower() not in activation_names():
            raise UnknownNameError("activation function", entry, activation_names())
        family = families[entry.lower()]
        return family(shared=True) if family is PReLU else family()
    if not isinstance(entry, (Activation, PReLU, *COUPLED)):
        raise DataError(f"figure: draws activation functions, received {entry.name}")
    return entry


def _draw(axes: Axes, layer: Layer, reach: float, words: Words) -> None:
    x = np.linspace(-reach, reach, POINTS)
    value, slope = curves(layer, x)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    axes.plot(x, value, color=BLUE, linewidth=2.4, label=words("value"), gid="value")
    broken = _broken(slope)
    axes.plot(
        x, broken, color=ORANGE, linewidth=2, dashes=(4, 2), label=words("derivative"), gid="derivative"
    )
    axes.set_title(_title(layer, words), fontsize=TITLE)
    axes.set_xlabel(f"${equation(layer)}$", fontsize=LABEL, color=INK)
    axes.tick_params(labelsize=SMALL)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xlim(-reach, reach)


def _broken(slope: Curve) -> Curve:
    """The derivative with a gap where it jumps, so that no line leads across."""
    broken = slope.copy()
    jumps = np.flatnonzero(np.abs(np.diff(slope)) > JUMP)
    broken[jumps + 1] = np.nan
    return broken


def _title(layer: Layer, words: Words) -> str:
    if isinstance(layer, Maxout):
        return words("{name}, other channels 0", name=layer.name)
    if isinstance(layer, Softmax | LogSoftmax):
        return words("{name}, two other scores 0", name=layer.name)
    return layer.name


def equation(layer: Layer) -> str:
    """An activation function's equation in LaTeX, with its own numbers."""
    plain = r"\mathrm{" + layer.formula.replace(" ", r"\ ") + "}"
    text = EQUATIONS.get(type(layer), plain)
    for name, value in vars(layer).items():
        text = text.replace(f"<{name}>", f"{value:.4g}" if isinstance(value, float) else str(value))
    return text
