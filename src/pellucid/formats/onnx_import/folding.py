"""Operators on constants: shape arithmetic, and weights that a model computes from others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.functions import FUNCTIONS, evaluate
from pellucid.formats.onnx_import.tensors import BFLOAT16, DTYPES
from pellucid.formats.onnx_import.values import Array, Constant, UnsupportedError

SPARE = 1 << 22
"""Cells that constants may be made of, besides a few times those of the file."""


class Budget:
    """What folding may make, so that a small file cannot ask for a large array.

    Args:
        nbytes: of the model's files.
    """

    def __init__(self, nbytes: int) -> None:
        self._left = SPARE + 2 * nbytes

    def take(self, shape: Sequence[int]) -> None:
        """Count an array of this shape; UnsupportedError when there are too many."""
        self._left -= math.prod(int(n) for n in shape)
        if self._left < 0:
            raise UnsupportedError(f"constants of the shape {tuple(shape)} grow beyond the model's own size")


def fold(call: Call, budget: Budget) -> list[Constant] | None:
    """The results of an operation on constants; None for an operator that is not folded."""
    kind = call.operation.type
    constants = [value if isinstance(value, Constant) else None for value in call.inputs]
    if kind in FUNCTIONS:
        budget.take(np.broadcast_shapes(*(value.shape for value in constants if value is not None)))
        arrays = [None if value is None else value.array() for value in constants]
        return [_result(call, evaluate(call, *arrays), constants)]
    if kind in FOLDED:
        results = FOLDED[kind](call, budget)
        listed = results if isinstance(results, list) else [results]
        return [value if isinstance(value, Constant) else _result(call, value, constants) for value in listed]
    return None


def _result(call: Call, array: Array, constants: Sequence[Constant | None]) -> Constant:
    stored = any(value is not None and value.stored for value in constants)
    first = next((value for value in constants if value is not None), None)
    kept = first is not None and first.stored and call.operation.type in RESHAPING
    return Constant.of(array, first.name if kept and first is not None else "", stored)


RESHAPING = ("Cast", "Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""Operators whose result is still the same weight."""


def _constant(call: Call, budget: Budget) -> Constant | Array:
    tensor = call.tensor("value")
    if tensor is not None:
        return tensor
    attributes = call.operation.attributes
    for name in ("value_float", "value_floats"):
        if name in attributes:
            return np.asarray(attributes[name], np.float32)
    for name in ("value_int", "value_ints"):
        if name in attributes:
            return np.asarray(attributes[name], np.int64)
    raise UnsupportedError("its value is not an array of numbers")


def _identity(call: Call, budget: Budget) -> Constant:
    """The same numbers; under the name of the result, where equal weights are stored once."""
    value = call.constant(0)
    return Constant(value.shape, value.dtype, value.array, call.operation.outputs[0], value.stored)


def _cast(call: Call, budget: Budget) -> Array:
    code = call.integer("to", 1)
    if code == BFLOAT16 or code not in DTYPES:
        raise UnsupportedError(f"a cast to data type {code}")
    array = call.constant(0).array()
    budget.take(array.shape)
    with np.errstate(all="ignore"):
        return array.astype(np.dtype(DTYPES[code]))


def _cast_like(call: Call, budget: Budget) -> Array:
    return call.constant(0).array().astype(call.constant(1).dtype)


def shape_slice(call: Call, shape: Sequence[int]) -> Array:
    """What Shape says of a shape, from `start` to `end`."""
    end = call.operation.attributes.get("end")
    return np.array(shape[call.integer("start", 0) : end if isinstance(end, int) else None], np.int64)


def _gather(call: Call, budget: Budget) -> Array:
    array, indices = call.constant(0), call.constant(1).array().astype(np.int64)
    axis = call.integer("axis", 0)
    others = [n for i, n in enumerate(array.shape) if i != axis % max(1, len(array.shape))]
    budget.take((*others, *indices.shape))
    return np.take(array.array(), indices, axis)


def axes_of(call: Call, index: int = 1) -> tuple[int, ...] | None:
    """Axes that an operator works on: an attribute in older versions, an input in newer ones."""
    return call.integers(index) if call.has(index) else call.list("axes")


def squeezed_shape(call: Call, shape: Sequence[int]) -> tuple[int, ...]:
    """A shape without the axes of length 1 that Squeeze names."""
    axes = axes_of(call)
    if axes is None:
        return tuple(n for n in shape if n != 1)
    gone = {axis % len(shape) for axis in axes}
    if any(not -len(shape) <= axis < len(shape) for axis in axes) or any(shape[axis] != 1 for axis in gone):
        raise UnsupportedError(f"axes {axes} of a shape {tuple(shape)} are not of length 1")
    return tuple(n for axis, n in enumerate(shape) if axis not in gone)


def unsqueezed_shape(call: Call, shape: Sequence[int]) -> tuple[int, ...]:
    """A shape with an axis of length 1 at the places that Unsqueeze names."""
    axes = axes_of(call) or ()
    rank = len(shape) + len(axes)
    places = {axis % rank for axis in axes}
    if rank > 16 or len(places) != len(axes) or any(not -rank <= axis < rank for axis in axes):
        raise UnsupportedError(f"axes {axes} cannot be added to a shape {tuple(shape)}")
    rest = iter(shape)
    return tuple(1 if axis in places else next(rest) for axis in range(rank))


def reshape_target(call: Call, shape: Sequence[int]) -> tuple[int, ...]:
    """Lengths that Reshape asks for, zeros filled in from the shape it receives."""
    target = call.integers(1)
    if call.integer("allowzero", 0):
        return target
    return tuple(shape[axis] if n == 0 else n for axis, n in enumerate(target))


def slices(call: Call, shape: Sequence[int]) -> dict[int, slice]:
    """What Slice keeps of each axis that it names; attributes in versions before 10, inputs since."""
    rank = len(shape)
    if call.opset < 10:
        starts, ends, axes = call.list("starts") or (), call.list("ends") or (), call.list("axes")
        steps: tuple[int, ...] | None = None
    else:
        starts, ends = call.integers(1), call.integers(2)
        axes = call.integers(3) if call.has(3) else None
        steps = call.integers(4) if call.has(4) else None
    axes = tuple(range(len(starts))) if axes is None else axes
    steps = (1,) * len(starts) if steps is None else steps
    if any(not -rank <= axis < rank for axis in axes) or 0 in steps:
        raise UnsupportedError(f"its axes {axes} and steps {steps} do not fit {rank} axes")
    found = {}
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        stop = None if step < 0 and end < -shape[axis % rank] else end
        found[axis % rank] = slice(start, stop, step)
    return found


def _slice(call: Call, budget: Budget) -> Array:
    array = call.constant(0).array()
    kept = slices(call, array.shape)
    return array[tuple(kept.get(axis, slice(None)) for axis in range(array.ndim))]


def _concat(call: Call, budget: Budget) -> Array:
    arrays = [call.constant(index).array() for index in range(len(call.inputs))]
    for array in arrays:
        budget.take(array.shape)
    return np.concatenate(arrays, call.integer("axis", 0))


def _constant_of_shape(call: Call, budget: Budget) -> Array:
    shape = call.integers(0)
    if any(n < 0 for n in shape):
        raise UnsupportedError(f"a constant has no shape {shape}")
    budget.take(shape)
    value = call.tensor("value")
    return np.full(shape, np.float32(0) if value is None else value.array().reshape(-1)[0])


def _range(call: Call, budget: Budget) -> Array:
    start, limit, delta = (call.constant(index).array().reshape(-1)[0] for index in range(3))
    count = max(0, math.ceil((float(limit) - float(start)) / float(delta)))
    budget.take((count,))
    return np.asarray(start + np.arange(count) * delta, np.asarray(start).dtype)


def _expand(call: Call, budget: Budget) -> Array:
    array = call.constant(0)
    shape = np.broadcast_shapes(array.shape, tuple(max(n, 0) for n in call.integers(1)))
    budget.take(shape)
    return np.broadcast_to(array.array(), shape)


def _tile(call: Call, budget: Budget) -> Array:
    array, repeats = call.constant(0), call.integers(1)
    if len(repeats) != len(array.shape) or any(n < 0 for n in repeats):
        raise UnsupportedError(f"it repeats {array.shape} by {repeats}")
    budget.take([n * times for n, times in zip(array.shape, repeats, strict=True)])
    return np.tile(array.array(), repeats)


def split_lengths(call: Call, length: int) -> tuple[int, ...]:
    """Lengths of the parts that Split makes of an axis."""
    given = call.integers(1) if call.has(1) else call.list("split")
    if given is None:
        count = call.integer("num_outputs", len(call.operation.outputs))
        part = -(-length // max(1, count))
        given = tuple(min(part, length - part * k) for k in range(len(call.operation.outputs)))
    if sum(given) != length or min(given, default=0) < 0 or len(given) != len(call.operation.outputs):
        raise UnsupportedError(f"parts of {given} do not make {length}")
    return given


def _split(call: Call, budget: Budget) -> list[Array]:
    array, axis = call.constant(0).array(), call.integer("axis", 0)
    ends = np.cumsum(split_lengths(call, array.shape[axis]))
    return np.split(array, ends[:-1], axis)


def _reduce(function: Callable[..., Any]) -> Callable[[Call, Budget], Array]:
    def reduced(call: Call, budget: Budget) -> Array:
        axes = axes_of(call)
        if not axes:
            if call.integer("noop_with_empty_axes", 0):
                return call.constant(0).array()
            axes = None
        array = call.constant(0).array()
        result = function(array, axis=axes, keepdims=bool(call.integer("keepdims", 1)))
        return np.asarray(result).astype(array.dtype)

    return reduced


FOLDED: Mapping[str, Callable[[Call, Budget], Any]] = MappingProxyType(
    {
        "Cast": _cast,
        "CastLike": _cast_like,
        "Concat": _concat,
        "Constant": _constant,
        "ConstantOfShape": _constant_of_shape,
        "Expand": _expand,
        "Flatten": lambda call, budget: (
            call.constant(0).array().reshape(math.prod(call.constant(0).shape[: call.integer("axis", 1)]), -1)
        ),
        "Gather": _gather,
        "Identity": _identity,
        "Range": _range,
        "ReduceL1": _reduce(lambda x, **how: np.abs(x).sum(**how)),
        "ReduceL2": _reduce(lambda x, **how: np.sqrt((x.astype(np.float64) ** 2).sum(**how))),
        "ReduceMax": _reduce(np.max),
        "ReduceMean": _reduce(np.mean),
        "ReduceMin": _reduce(np.min),
        "ReduceProd": _reduce(np.prod),
        "ReduceSum": _reduce(np.sum),
        "Reshape": lambda call, budget: (
            call.constant(0).array().reshape(reshape_target(call, call.constant(0).shape))
        ),
        "Shape": lambda call, budget: shape_slice(call, call.constant(0).shape),
        "Size": lambda call, budget: np.array(call.constant(0).size, np.int64),
        "Slice": _slice,
        "Split": _split,
        "Squeeze": lambda call, budget: (
            call.constant(0).array().reshape(squeezed_shape(call, call.constant(0).shape))
        ),
        "Tile": _tile,
        "Transpose": lambda call, budget: np.transpose(call.constant(0).array(), call.list("perm")),
        "Unsqueeze": lambda call, budget: (
            call.constant(0).array().reshape(unsqueezed_shape(call, call.constant(0).shape))
        ),
    }
)
"""One row an operator, besides those that work cell by cell."""
