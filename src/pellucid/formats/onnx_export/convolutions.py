"""Rows of the layers with weights: convolutions, locally connected and fully connected layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.formats.onnx_export.writer import Place
from pellucid.layers import (
    AxisWindow,
    Conv1d,
    Conv2d,
    Convolution,
    ConvTranspose1d,
    ConvTranspose2d,
    Layer,
    Linear,
    LocallyConnected1d,
    LocallyConnected2d,
    RBFOutput,
    Subsample2d,
    TransposedConvolution,
)

PADDING_MODES = {"zeros": "constant", "edge": "edge", "reflect": "reflect", "circular": "wrap"}


def pads(axes: Sequence[AxisWindow]) -> list[int]:
    """ONNX's padding: the starts of all axes, then the ends."""
    return [axis.pad_start for axis in axes] + [axis.pad_end for axis in axes]


def padded(place: Place, value: str, amounts: Sequence[tuple[int, int]], mode: str, number: float = 0) -> str:
    """A value with more cells around it, (start, end) for each of its last axes."""
    spared = [0] * (len(place.shapes[0]) + 1 - len(amounts))
    starts, ends = ([pair[side] for pair in amounts] for side in (0, 1))
    inputs = [value, place.integers(*spared, *starts, *spared, *ends)]
    if mode == "zeros" and number != 0:
        inputs.append(place.constant(np.float32(number)))
    return place.step("Pad", *inputs, mode=PADDING_MODES[mode])


def _kernels(place: Place, layer: Convolution) -> NDArray[np.float32]:
    """The weights without what ONNX does not know: a connection table's gaps are zeros, flips are made."""
    weight = place.values("weight")
    if layer.connections is not None:
        dense = np.zeros((layer.out_channels, place.shapes[0][0], *layer.kernel), np.float32)
        pairs = [(o, c) for o, row in enumerate(layer.connections) for c in row]
        dense[tuple(np.array(pairs).T)] = weight
        weight = dense
    spatial = tuple(range(weight.ndim - len(layer.kernel), weight.ndim))
    return np.flip(weight, spatial) if layer.flip else weight


def _convolution(place: Place) -> str:
    layer = place.layer
    assert isinstance(layer, Convolution)
    axes = layer.window(place.shapes)
    value, amounts = place.inputs[0], pads(axes)
    if layer.padding_mode != "zeros" and any(amounts):
        pairs = [(axis.pad_start, axis.pad_end) for axis in axes]
        value, amounts = padded(place, value, pairs, layer.padding_mode), [0] * len(amounts)
    weights = [place.weight("weight", _kernels(place, layer))] + (
        [place.weight("bias")] if layer.bias else []
    )
    return place.result(
        "Conv",
        value,
        *weights,
        kernel_shape=list(layer.kernel),
        strides=[axis.stride for axis in axes],
        dilations=[axis.dilation for axis in axes],
        pads=amounts,
        group=layer.groups,
    )


def _transposed_convolution(place: Place) -> str:
    """ConvTranspose; more cells at the end than ONNX Runtime adds are padded, and the bias comes last."""
    layer = place.layer
    assert isinstance(layer, TransposedConvolution)
    axes = layer.convolution_window(place.shapes)
    # Cells that are added at the end are first of all those that the padding there would take off.
    reached = [
        (inner - 1) * axis.stride + axis.extent - axis.pad_start
        for axis, inner in zip(axes, place.shapes[0][1:], strict=True)
    ]
    ends = [reach - length for reach, length in zip(reached, place.shape[1:], strict=True)]
    attributes: dict[str, Any] = {
        "kernel_shape": list(layer.kernel),
        "strides": [axis.stride for axis in axes],
        "dilations": [axis.dilation for axis in axes],
        "pads": [axis.pad_start for axis in axes] + [max(0, end) for end in ends],
        "group": layer.groups,
    }
    weights = [place.weight("weight")]
    if all(-end < axis.stride for end, axis in zip(ends, axes, strict=True)):
        weights += [place.weight("bias")] if layer.bias else []
        attributes["output_padding"] = [max(0, -end) for end in ends]
        return place.result("ConvTranspose", place.inputs[0], *weights, **attributes)
    product = place.step("ConvTranspose", place.inputs[0], *weights, **attributes)
    longer = padded(place, product, [(0, max(0, -end)) for end in ends], "zeros")
    bias = place.values("bias") if layer.bias else np.zeros(layer.out_channels, np.float32)
    return place.result("Add", longer, place.weight("bias", bias.reshape(1, -1, *(1,) * len(axes))))


def _linear(place: Place) -> str:
    layer = place.layer
    assert isinstance(layer, Linear)
    weights = [place.weight("weight")] + ([place.weight("bias")] if layer.bias else [])
    return place.result("Gemm", place.inputs[0], *weights, transB=1)


def _rbf(place: Place) -> str:
    """Minus the sum of the squared differences, prototype by prototype."""
    row = place.reshaped(place.inputs[0], 1, place.shapes[0][0])
    difference = place.step("Sub", row, place.constant(place.values("prototypes")[None]))
    squares = place.step("Mul", difference, difference)
    return place.result("Neg", place.step("ReduceSum", squares, place.integers(2), keepdims=0))


def _subsample(place: Place) -> str:
    """A convolution of each channel with a kernel of equal weights."""
    layer: Any = place.layer
    axes = layer.window(place.shapes)
    shape = (place.shape[0], 1, *layer.kernel)
    weight = np.broadcast_to(place.values("coefficient").reshape(-1, 1, 1, 1), shape)
    return place.result(
        "Conv",
        place.inputs[0],
        place.weight("weight", weight),
        place.weight("bias"),
        kernel_shape=list(layer.kernel),
        strides=[axis.stride for axis in axes],
        group=place.shape[0],
    )


def _locally_connected(place: Place) -> str:
    """Every window's cells in a row, by a convolution that copies; then a matrix product a window."""
    layer: Any = place.layer
    axes = layer.window(place.shapes)
    channels, taps = place.shapes[0][0], math.prod(layer.kernel)
    outputs, positions = place.shape[0], math.prod(place.shape[1:])
    copies = np.tile(
        np.eye(taps, dtype=np.float32).reshape(taps, 1, *layer.kernel), (channels, 1, 1, 1)[: 2 + len(axes)]
    )
    cells = place.step(
        "Conv",
        place.inputs[0],
        place.constant(copies),
        kernel_shape=list(layer.kernel),
        strides=[axis.stride for axis in axes],
        pads=pads(axes),
        group=channels,
    )
    rows = place.step("Transpose", place.reshaped(cells, channels * taps, positions), perm=[0, 2, 1])
    weight = place.values("weight").reshape(outputs, positions, channels * taps).transpose(1, 2, 0)
    rows = place.reshaped(rows, positions, 1, channels * taps)
    product = place.step("MatMul", rows, place.weight("weight", weight[None]))
    turned = place.step("Transpose", place.reshaped(product, positions, outputs), perm=[0, 2, 1])
    if not layer.bias:
        return place.result("Reshape", turned, place.integers(0, *place.shape))
    return place.result(
        "Add", place.reshaped(turned, *place.shape), place.weight("bias", place.values("bias")[None])
    )


ROWS: dict[type[Layer], Callable[[Place], str]] = {
    Conv1d: _convolution,
    Conv2d: _convolution,
    ConvTranspose1d: _transposed_convolution,
    ConvTranspose2d: _transposed_convolution,
    Linear: _linear,
    LocallyConnected1d: _locally_connected,
    LocallyConnected2d: _locally_connected,
    RBFOutput: _rbf,
    Subsample2d: _subsample,
}
