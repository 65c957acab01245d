"""Normalisations that exporters write as several nodes."""

from __future__ import annotations

from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.formulas import shortest
from pellucid.formats.onnx_import.values import Activation, Formula, Value
from pellucid.layers import (
    AvgPool2d,
    GroupNorm,
    InstanceNorm,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    Mean,
    Multiply,
    Pad,
    Reshape,
    Shape,
    Subtract,
    Transpose,
)


def layer_norm(call: Call) -> Activation | None:
    """(x - mean) / sqrt(mean of (x - mean)^2 + epsilon), along the last axes or along the channels."""
    centred, root = call.value(0), call.value(1)
    if not isinstance(centred, Activation) or not isinstance(root, Formula):
        return None
    x, mean = _before(call, centred), _before(call, centred, 1)
    variance = _variance(call, centred, root)
    if not isinstance(_layer(call, centred), Subtract) or not (x and mean and variance and root.steps):
        return None
    if _layer(call, mean) != variance or _inputs(call, mean) != (x.node,):
        return None
    epsilon, rank = shortest(root.steps[0][1]), len(x.shape)
    if sorted(variance.axes) == list(range(rank - len(variance.axes), rank)):
        return call.emit(LayerNorm(epsilon, affine=False, axes=len(variance.axes)), x)
    if variance.axes != (0,):
        return None
    last = call.emit(Transpose((*range(1, rank), 0)), x)
    normalised = call.emit(LayerNorm(epsilon, affine=False, axes=1), last)
    return call.emit(Transpose((rank - 1, *range(rank - 1))), normalised)


def _variance(call: Call, centred: Activation, root: Formula) -> Mean | None:
    """The mean of the centred cells' squares, where a formula is its square root with something added."""
    steps = root.steps or ()
    if len(steps) != 2 or steps[0][0] != "Add" or steps[1] not in (("Sqrt", 0.0), ("Pow", 0.5)):
        return None
    variance, square = _layer(call, root.source), _before(call, root.source)
    if not isinstance(variance, Mean) or square is None:
        return None
    squared = isinstance(_layer(call, square), Multiply) and _inputs(call, square) == (centred.node,) * 2
    return variance if squared else None


def local_response_norm(call: Call) -> Activation | None:
    """x / (k + alpha mean of x^2 over neighbouring channels)^beta, as PyTorch writes it."""
    x, power = call.value(0), call.value(1)
    if not isinstance(power, Formula) or power.steps is None:
        return None
    if [kind for kind, _ in power.steps] != ["Mul", "Add", "Pow"]:
        return None
    x = call.importer.activation(x)
    pooled = _unshaped(call, power.source)
    pool = _layer(call, pooled)
    padded = _unshaped(call, _before(call, pooled) or pooled)
    pad = _layer(call, padded)
    square = _unshaped(call, _before(call, padded) or padded)
    if not isinstance(pool, AvgPool2d) or not isinstance(pad, Pad) or _inputs(call, square) != (x.node,) * 2:
        return None
    size = pool.kernel[0]
    amounts = [pair for pair in pad.amounts if any(pair)] if isinstance(pad.amounts, tuple) else []
    if pool != AvgPool2d((size, 1), stride=1) or pad.mode != "zeros" or pad.value != 0:
        return None
    if amounts != [(size // 2, (size - 1) // 2)] or power.shape != x.shape:
        return None
    alpha, k, beta = (shortest(number) for _, number in power.steps)
    return call.emit(LocalResponseNorm(size, alpha, beta, k), x)


def group_norm(call: Call, value: Value, shape: Shape) -> Activation | None:
    """Channels gathered into groups, an instance normalisation of these, and the shape as it was."""
    if not isinstance(value, Activation):
        return None
    layer, gathered = call.layer_before(value), _before(call, value)
    if not isinstance(layer, InstanceNorm) or gathered is None or len(value.shape) != 2:
        return None
    x = _before(call, gathered)
    if not isinstance(_layer(call, gathered), Reshape) or x is None or x.shape != shape or len(shape) < 2:
        return None
    groups = value.shape[0]
    if shape[0] % groups or layer.affine:
        return None
    return call.emit(GroupNorm(layer.epsilon, affine=False, groups=groups), x)


def _layer(call: Call, value: Activation) -> Layer:
    return call.importer.records[value.node].layer


def _inputs(call: Call, value: Activation) -> tuple[int, ...]:
    return call.importer.records[value.node].inputs


def _before(call: Call, value: Activation, index: int = 0) -> Activation | None:
    inputs = _inputs(call, value)
    if index >= len(inputs):
        return None
    return Activation(inputs[index], call.importer.shapes[inputs[index]])


def _unshaped(call: Call, value: Activation) -> Activation:
    """What a value is before it is given another shape."""
    before = _before(call, value)
    return before if isinstance(_layer(call, value), Reshape) and before is not None else value
