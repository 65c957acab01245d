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


def _one(function: Callable[[Any], Any]) -> Function:
    """Of one array; another one would be NumPy's place for the result."""
    return lambda call, x: function(x)


def _two(function: Callable[[Any, Any], Any]) -> Function:
    return lambda call, a, b: function(a, b)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "Abs": _one(np.abs),
        "Add": _two(np.add),
        "And": _two(np.logical_and),
        "Ceil": _one(np.ceil),
        "Celu": _celu,
        "Clip": _clip,
        "Div": _divide,
        "Elu": lambda call, x: np.where(x > 0, x, call.real("alpha", 1.0) * np.expm1(x)),
        "Equal": _two(np.equal),
        "Erf": _erf,
        "Exp": _one(np.exp),
        "Floor": _one(np.floor),
        "Gelu": _gelu,
        "Greater": _two(np.greater),
        "GreaterOrEqual": _two(np.greater_equal),
        "HardSigmoid": lambda call, x: np.clip(call.real("alpha", 0.2) * x + call.real("beta", 0.5), 0, 1),
        "HardSwish": lambda call, x: x * np.clip(x / 6 + 0.5, 0, 1),
        "LeakyRelu": lambda call, x: np.where(x >= 0, x, call.real("alpha", 0.01) * x),
        "Less": _two(np.less),
        "LessOrEqual": _two(np.less_equal),
        "Log": _one(np.log),
        "Max": _all(np.maximum),
        "Min": _all(np.minimum),
        "Mish": lambda call, x: x * np.tanh(np.logaddexp(0, x)),
        "Mod": _modulo,
        "Mul": _two(np.multiply),
        "Neg": _one(np.negative),
        "Not": _one(np.logical_not),
        "Or": _two(np.logical_or),
        "Pow": _power,
        "Reciprocal": _one(np.reciprocal),
        "Relu": lambda call, x: np.maximum(x, 0),
        "Round": _round,
        "Selu": _selu,
        "Shrink": _shrink,
        "Sigmoid": _one(_sigmoid),
        "Sign": _one(np.sign),
        "Softplus": lambda call, x: np.logaddexp(0, x),
        "Softsign": lambda call, x: x / (1 + np.abs(x)),
        "Sqrt": _one(np.sqrt),
        "Sub": _two(np.subtract),
        "Sum": _all(np.add),
        "Swish": lambda call, x: x * _sigmoid(call.real("alpha", 1.0) * x),
        "Tanh": _one(np.tanh),
        "ThresholdedRelu": lambda call, x: np.where(x > call.real("alpha", 1.0), x, 0),
        "Where": lambda call, condition, a, b: np.where(condition, a, b),
    }
)
"""One row an operator."""


OPTIONAL = ("Clip",)
"""Operators that can do without some inputs."""


def evaluate(call: Call, *arrays: Array | None) -> Array:
    """The operator of a call on arrays; NaN and infinity where the function has no value."""
    kind = call.operation.type
    if not arrays or arrays[0] is None or (kind not in OPTIONAL and any(array is None for array in arrays)):
        raise UnsupportedError("one of its inputs is missing")
    with np.errstate(all="ignore"):
        try:
            return np.asarray(FUNCTIONS[kind](call, *arrays))
        except (TypeError, ValueError):  # too many or too few of them, or shapes that do not meet
            raise UnsupportedError("its inputs do not fit each other") from None
