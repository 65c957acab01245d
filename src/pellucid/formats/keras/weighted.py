"""Layers with kernels: convolutions (HWIO kernels become OIHW), dense, locally connected."""

from __future__ import annotations

import math

import numpy as np

from pellucid.formats.keras.activations import Row, activated
from pellucid.formats.keras.reader import Float32, LayerReader, Value
from pellucid.layers import (
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Linear,
    LocallyConnected1d,
    LocallyConnected2d,
    MatMul,
    Parameter,
)
from pellucid.layers.geometry import Padding


def _rank(layer: LayerReader, value: Value) -> int:
    rank = len(value.shape) - 1
    if rank not in (1, 2) or f"{rank}D" not in layer.call.class_name:
        raise layer.refuse(f"a layer of this kind does not take an input of {rank} spatial axes")
    return rank


def _padding(layer: LayerReader, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> Padding:
    amount = layer.text("padding", "valid")
    if amount == "causal":
        return (((kernel[0] - 1) * dilation[0], 0),)
    if amount == "same":
        return "same"
    if amount == "valid":
        return "valid"
    raise layer.refuse(f"padding {amount} is not supported")


def _weights(layer: LayerReader, *kernels: str) -> tuple[list[Float32], dict[str, Float32]]:
    """The kernels by name, and the bias as a parameter."""
    names = [*kernels, "bias"] if layer.boolean("use_bias", True) else list(kernels)
    arrays = layer.arrays(*names)
    return arrays[: len(kernels)], {"bias": arrays[-1]} if len(names) > len(kernels) else {}


def _outputs_first(layer: LayerReader, kernel: Float32, rank: int) -> Float32:
    """(*kernel, inputs, outputs) to (outputs, inputs, *kernel)."""
    if kernel.ndim != rank + 2:
        raise layer.refuse(f"a kernel has {rank + 2} axes, received {kernel.ndim}")
    return kernel.transpose(rank + 1, rank, *range(rank))


def convolution(layer: LayerReader, inputs: list[Value]) -> Value:
    """Conv1D, Conv2D."""
    (value,) = inputs
    rank = _rank(layer, value)
    kernel, stride, dilation = _geometry(layer, rank)
    (weight,), bias = _weights(layer, "kernel")
    made = (Conv1d if rank == 1 else Conv2d)(
        layer.integer("filters"),
        kernel,
        stride=stride,
        padding=_padding(layer, kernel, dilation),
        dilation=dilation,
        groups=layer.integer("groups", 1),
        bias=bool(bias),
    )
    return activated(
        layer, layer.add(made, value, parameters={"weight": _outputs_first(layer, weight, rank), **bias})
    )


def _geometry(layer: LayerReader, rank: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Kernel, stride, dilation."""
    return (
        layer.integers("kernel_size", rank),
        layer.integers("strides", rank, 1),
        layer.integers("dilation_rate", rank, 1),
    )


def _depthwise(
    layer: LayerReader, value: Value, weight: Float32, bias: dict[str, Float32], suffix: str = ""
) -> Value:
    """Every channel by itself: (*kernel, inputs, multiplier) kernels."""
    rank = _rank(layer, value)
    kernel, stride, dilation = _geometry(layer, rank)
    channels = value.shape[0]
    outputs = channels * layer.integer("depth_multiplier", 1)
    made = (Conv1d if rank == 1 else Conv2d)(
        outputs,
        kernel,
        stride=stride,
        padding=_padding(layer, kernel, dilation),
        dilation=dilation,
        groups=channels,
        bias=bool(bias),
    )
    if weight.ndim != rank + 2 or weight.size != outputs * math.prod(kernel):
        raise layer.refuse(f"a kernel for {outputs} outputs is expected, received shape {weight.shape}")
    own = weight.reshape(*kernel, outputs).transpose(rank, *range(rank))[:, None]
    return layer.add(made, value, suffix=suffix, parameters={"weight": own, **bias})


def depthwise(layer: LayerReader, inputs: list[Value]) -> Value:
    """DepthwiseConv1D, DepthwiseConv2D; the kernel's name in files is depthwise_kernel, in Keras 3 kernel."""
    (weight,), bias = _weights(layer, "depthwise_kernel|kernel")
    return activated(layer, _depthwise(layer, inputs[0], weight, bias))


def separable(layer: LayerReader, inputs: list[Value]) -> Value:
    """SeparableConv1D, SeparableConv2D: depthwise, then 1 x 1."""
    rank = _rank(layer, inputs[0])
    (first, second), bias = _weights(layer, "depthwise_kernel", "pointwise_kernel")
    value = _depthwise(layer, inputs[0], first, {}, "_depthwise")
    made = (Conv1d if rank == 1 else Conv2d)(layer.integer("filters"), 1, bias=bool(bias))
    return activated(
        layer, layer.add(made, value, parameters={"weight": _outputs_first(layer, second, rank), **bias})
    )


def transposed(layer: LayerReader, inputs: list[Value]) -> Value:
    """Conv1DTranspose, Conv2DTranspose: (*kernel, outputs, inputs) kernels."""
    (value,) = inputs
    rank = _rank(layer, value)
    kernel, stride, dilation = _geometry(layer, rank)
    given = layer.call.config.get("output_padding")
    added = None if given is None else layer.integers("output_padding", rank)
    (weight,), bias = _weights(layer, "kernel")
    amount = layer.text("padding", "valid")
    if amount not in ("valid", "same"):
        raise layer.refuse(f"padding {amount} is not supported")
    paddings, extra = [], []
    for axis in range(rank):
        extent = (kernel[axis] - 1) * dilation[axis] + 1
        # How much longer the whole result is than what is kept: all of it ("valid"), or ("same") S times the
        # input's length; with an output_padding the lengths that Keras documents.
        if added is None:
            surplus = extent - stride[axis] if amount == "same" else min(0, extent - stride[axis])
        else:
            surplus = (extent - extent % 2 if amount == "same" else 0) - added[axis]
        total = max(0, surplus)
        paddings.append((total // 2, total - total // 2))
        extra.append(max(0, -surplus))
    made = (ConvTranspose1d if rank == 1 else ConvTranspose2d)(
        layer.integer("filters"),
        kernel,
        stride=stride,
        padding=tuple(paddings),
        output_padding=tuple(extra),
        dilation=dilation,
        groups=layer.integer("groups", 1),
        bias=bool(bias),
    )
    return activated(
        layer, layer.add(made, value, parameters={"weight": _outputs_first(layer, weight, rank), **bias})
    )


def dense(layer: LayerReader, inputs: list[Value]) -> Value:
    """Dense: on features, or on the channels of every position, where it is a 1 x 1 convolution."""
    (value,) = inputs
    units = layer.integer("units")
    (weight,), bias = _weights(layer, "kernel")
    if weight.ndim != 2:
        raise layer.refuse(f"a kernel has 2 axes, received {weight.ndim}")
    if len(value.shape) == 1:
        if value.maps is not None:  # rows in the order (H, W, C) become columns in the order (C, H, W)
            channels, *positions = value.maps
            rows = weight.reshape(*positions, channels, -1)
            weight = np.moveaxis(rows, len(positions), 0).reshape(weight.shape)
            value = Value(value.node, value.shape)
        made = layer.add(Linear(units, bias=bool(bias)), value, parameters={"weight": weight.T, **bias})
        return activated(layer, made)
    if layer.translation.channels_first:
        return activated(layer, _last_axis(layer, value, weight, bias))
    rank = len(value.shape) - 1
    if rank > 2:
        raise layer.refuse("an input of more than 2 spatial axes is not supported")
    convolution = (Conv1d if rank == 1 else Conv2d)(units, 1, bias=bool(bias))
    own = weight.T.reshape(units, -1, *(1,) * rank)
    return activated(layer, layer.add(convolution, value, parameters={"weight": own, **bias}))


def _last_axis(layer: LayerReader, value: Value, weight: Float32, bias: dict[str, Float32]) -> Value:
    """A product over the last axis that is no channel axis."""
    if bias:
        raise layer.refuse("a dense layer with a bias over an axis of positions is not supported")
    shape = (*(1,) * (len(value.shape) - 2), *weight.shape)
    factor = layer.add(
        Parameter(shape, trainable=True), suffix="_kernel", parameters={"value": weight.reshape(shape)}
    )
    return layer.add(MatMul(), value, factor)


def locally_connected(layer: LayerReader, inputs: list[Value]) -> Value:
    """LocallyConnected1D, LocallyConnected2D of Keras 2: (positions, taps x inputs, outputs) kernels."""
    (value,) = inputs
    rank = _rank(layer, value)
    if layer.integer("implementation", 1) != 1:
        raise layer.refuse("only implementation=1 is supported")
    kernel, outputs = layer.integers("kernel_size", rank), layer.integer("filters")
    (weight,), bias = _weights(layer, "kernel")
    made = (LocallyConnected1d if rank == 1 else LocallyConnected2d)(
        outputs,
        kernel,
        stride=layer.integers("strides", rank, 1),
        padding=_padding(layer, kernel, (1,) * rank),
        bias=bool(bias),
    )
    positions = made.output_shape([value.shape])[1:]
    channels = value.shape[0]
    if weight.size != math.prod(positions) * math.prod(kernel) * channels * outputs:
        raise layer.refuse(
            f"a kernel of {math.prod(positions)} positions is expected, received {weight.shape}"
        )
    own = weight.reshape(*positions, *kernel, channels, outputs)
    last = own.ndim - 1
    own = own.transpose(last, *range(rank), last - 1, *range(rank, 2 * rank))
    if bias:
        bias = {"bias": np.moveaxis(bias["bias"], -1, 0)}
    return activated(layer, layer.add(made, value, parameters={"weight": own, **bias}))


ROWS: dict[str, Row] = {
    "Conv1D": convolution,
    "Conv1DTranspose": transposed,
    "Conv2D": convolution,
    "Conv2DTranspose": transposed,
    "Convolution1D": convolution,
    "Convolution2D": convolution,
    "Dense": dense,
    "DepthwiseConv1D": depthwise,
    "DepthwiseConv2D": depthwise,
    "LocallyConnected1D": locally_connected,
    "LocallyConnected2D": locally_connected,
    "SeparableConv1D": separable,
    "SeparableConv2D": separable,
}
