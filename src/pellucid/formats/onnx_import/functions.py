"""ONNX's operators that work cell by cell, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.values import Array, UnsupportedError

Function = Callable[..., Any]
"""(call, arrays) to an array; the call has the attributes."""


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _erf(call: Call, x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


def _divide(call: Call, a: Any, b: Any) -> Any:
    if np.result_type(a, b).kind in "iu":  # towards zero, as ONNX does
        return np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))
    return a / b


def _power(call: Call, a: Any, b: Any) -> Any:
    if np.asarray(b).dtype.kind in "iu":
        b = b.astype(np.float64)
    return np.power(a.astype(np.float64), b).astype(a.dtype)


def _clip(call: Call, x: Any, low: Any = None, high: Any = None) -> Any:
    if call.opset < 11:
        low, high = call.real("min", -np.inf), call.real("max", np.inf)
    if low is not None:
        x = np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _gelu(call: Call, x: Any) -> Any:
    if call.text("approximate", "none") == "tanh":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + _erf(call, x / np.sqrt(2)))


def _selu(call: Call, x: Any) -> Any:
    alpha = call.real("alpha", 1.6732632423543772)
    return call.real("gamma", 1.0507009873554805) * np.where(x > 0, x, alpha * np.expm1(x))


def _celu(call: Call, x: Any) -> Any:
    alpha = call.real("alpha", 1.0)
    return np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha))


def _shrink(call: Call, x: Any) -> Any:
    bound, bias = call.real("lambd", 0.5), call.real("bias", 0.0)
    return np.where(x < -bound, x + bias, np.where(x > bound, x - bias, 0))


def _modulo(call: Call, a: Any, b: Any) -> Any:
    return np.fmod(a, b) if call.integer("fmod", 0) else np.mod(a, b)


def _round(call: Call, x: Any) -> Any:
    return np.round(x)


def _all(combine: Callable[[Any, Any], Any]) -> Function:
    def together(call: Call, *arrays: Any) -> Any:
        if not arrays:
            raise UnsupportedError("it has no inputs")
        result = arrays[0]
        for array in arrays[1:]:
            result = combine(result, array)
        return result

    return together


def _plain(function: Callable[..., Any]) -> Function:
    return lambda call, *arrays: function(*arrays)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "Abs": _plain(np.abs),
        "Add": _plain(np.add),
        "And": _plain(np.logical_and),
        "Ceil": _plain(np.ceil),
        "Celu": _celu,
        "Clip": _clip,
        "Div": _divide,
        "Elu": lambda call, x: np.where(x > 0, x, call.real("alpha", 1.0) * np.expm1(x)),
        "Equal": _plain(np.equal),
        "Erf": _erf,
        "Exp": _plain(np.exp),
        "Floor": _plain(np.floor),
        "Gelu": _gelu,
        "Greater": _plain(np.greater),
        "GreaterOrEqual": _plain(np.greater_equal),
        "HardSigmoid": lambda call, x: np.clip(call.real("alpha", 0.2) * x + call.real("beta", 0.5), 0, 1),
        "HardSwish": lambda call, x: x * np.clip(x / 6 + 0.5, 0, 1),
        "LeakyRelu": lambda call, x: np.where(x >= 0, x, call.real("alpha", 0.01) * x),
        "Less": _plain(np.less),
        "LessOrEqual": _plain(np.less_equal),
        "Log": _plain(np.log),
        "Max": _all(np.maximum),
        "Min": _all(np.minimum),
        "Mish": lambda call, x: x * np.tanh(np.logaddexp(0, x)),
        "Mod": _modulo,
        "Mul": _plain(np.multiply),
        "Neg": _plain(np.negative),
        "Not": _plain(np.logical_not),
        "Or": _plain(np.logical_or),
        "Pow": _power,
        "Reciprocal": _plain(np.reciprocal),
        "Relu": lambda call, x: np.maximum(x, 0),
        "Round": _round,
        "Selu": _selu,
        "Shrink": _shrink,
        "Sigmoid": _plain(_sigmoid),
        "Sign": _plain(np.sign),
        "Softplus": lambda call, x: np.logaddexp(0, x),
        "Softsign": lambda call, x: x / (1 + np.abs(x)),
        "Sqrt": _plain(np.sqrt),
        "Sub": _plain(np.subtract),
        "Sum": _all(np.add),
        "Swish": lambda call, x: x * _sigmoid(call.real("alpha", 1.0) * x),
        "Tanh": _plain(np.tanh),
        "ThresholdedRelu": lambda call, x: np.where(x > call.real("alpha", 1.0), x, 0),
        "Where": _plain(np.where),
    }
)
"""One row an operator."""


def evaluate(call: Call, *arrays: Array | None) -> Array:
    """The operator of a call on arrays; NaN and infinity where the function has no value."""
    with np.errstate(all="ignore"):
        return np.asarray(FUNCTIONS[call.operation.type](call, *arrays))
