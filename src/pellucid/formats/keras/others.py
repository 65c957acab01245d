"""Layers without kernels: pooling, normalisation, reshaping, and what only training knows."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from pellucid.formats.keras.activations import Row, same
from pellucid.formats.keras.reader import Float32, LayerReader, Value
from pellucid.layers import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Crop,
    Dropout,
    Dropout2d,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    LayerNorm,
    MaxPool1d,
    MaxPool2d,
    Multiply,
    Normalize,
    Pad,
    Parameter,
    Reshape,
    StochasticDepth,
    Transpose,
    Upsample,
)


def _padding(layer: LayerReader) -> Literal["valid", "same"]:
    padding = layer.text("padding", "valid")
    if padding == "same":
        return "same"
    if padding == "valid":
        return "valid"
    raise layer.refuse(f"padding {padding} is not supported")


def _spatial(layer: LayerReader, value: Value) -> int:
    rank = len(value.shape) - 1
    if rank not in (1, 2):
        raise layer.refuse(f"an input of {rank} spatial axes is not supported")
    return rank


def pooling(layer: LayerReader, inputs: list[Value]) -> Value:
    """MaxPooling1D/2D, AveragePooling1D/2D; means leave padding out."""
    (value,) = inputs
    rank = _spatial(layer, value)
    size = layer.integers("pool_size", rank, 2)
    given = layer.call.config.get("strides")
    stride = size if given is None else layer.integers("strides", rank)
    padding = _padding(layer)
    if layer.call.class_name.startswith("Max"):
        return layer.add((MaxPool1d if rank == 1 else MaxPool2d)(size, stride, padding), value)
    mean = (AvgPool1d if rank == 1 else AvgPool2d)(size, stride, padding, include_padding=False)
    return layer.add(mean, value)


def global_pooling(layer: LayerReader, inputs: list[Value]) -> Value:
    """GlobalAveragePooling1D/2D, GlobalMaxPooling1D/2D."""
    (value,) = inputs
    rank = _spatial(layer, value)
    largest = "Max" in layer.call.class_name
    if not layer.boolean("keepdims", False):
        return layer.add(GlobalMaxPool() if largest else GlobalAvgPool(), value)
    return _adaptive(layer, value, (1,) * rank, largest)


def adaptive_pooling(layer: LayerReader, inputs: list[Value]) -> Value:
    """AdaptiveAveragePooling1D/2D, AdaptiveMaxPooling1D/2D."""
    size = layer.integers("output_size", _spatial(layer, inputs[0]))
    return _adaptive(layer, inputs[0], size, "Max" in layer.call.class_name)


def _adaptive(layer: LayerReader, value: Value, size: tuple[int, ...], largest: bool) -> Value:
    kinds = (AdaptiveMaxPool1d, AdaptiveMaxPool2d) if largest else (AdaptiveAvgPool1d, AdaptiveAvgPool2d)
    return layer.add(kinds[len(size) - 1](size), value)


# ---- normalisation


def _affine(layer: LayerReader, *more: str) -> tuple[dict[str, Float32], list[Float32]]:
    """gamma and beta as weight and bias, either of them perhaps 1 or 0 throughout; and further arrays."""
    names = [
        *(["gamma"] if layer.boolean("scale", True) else []),
        *(["beta"] if layer.boolean("center", True) else []),
        *more,
    ]
    arrays = dict(zip(names, layer.arrays(*names), strict=True)) if names else {}
    rest = [arrays.pop(name) for name in more]
    if not arrays:
        return {}, rest
    some = next(iter(arrays.values()))
    affine = {
        "weight": arrays.get("gamma", np.ones_like(some)),
        "bias": arrays.get("beta", np.zeros_like(some)),
    }
    return affine, rest


def _channel_axis(layer: LayerReader, value: Value) -> None:
    axis = layer.call.config.get("axis", -1)
    chosen = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if type(chosen) is not int or layer.translation.axis(chosen, len(value.shape)) != 0:
        raise layer.refuse(f"an axis other than the channels is not supported, received {axis!r:.40}")


def batch_normalization(layer: LayerReader, inputs: list[Value]) -> Value:
    """BatchNormalization. Keras's momentum is the old average's share, ours the new batch's."""
    (value,) = inputs
    _channel_axis(layer, value)
    affine, (mean, variance) = _affine(layer, "moving_mean", "moving_variance")
    arrays = {**affine, "running_mean": mean, "running_var": variance}
    if value.maps is not None:  # one number a cell, in the order (H, W, C)
        arrays = {name: _channels_first(array, value.maps) for name, array in arrays.items()}
    kind = BatchNorm2d if len(value.shape) == 3 else BatchNorm1d
    made = kind(layer.number("epsilon", 1e-3), 1 - layer.number("momentum", 0.99), bool(affine))
    result = layer.add(made, value, parameters=arrays)
    return Value(result.node, result.shape, value.maps)


def _channels_first(array: Float32, maps: tuple[int, ...]) -> Float32:
    channels, *positions = maps
    return np.moveaxis(array.reshape(*positions, channels), -1, 0).reshape(-1)


def layer_normalization(layer: LayerReader, inputs: list[Value]) -> Value:
    """LayerNormalization over the last axis, the channels."""
    value = layer.translation.in_keras_order(inputs[0], layer.name)
    axis = layer.call.config.get("axis", -1)
    chosen = axis if isinstance(axis, list) else [axis]
    rank = len(value.shape)
    if chosen not in ([-1], [rank]):
        raise layer.refuse(f"an axis other than the last is not supported, received {axis!r:.40}")
    affine, _ = _affine(layer)
    made = layer.add(LayerNorm(layer.number("epsilon", 1e-3), bool(affine), axes=1), value, parameters=affine)
    return layer.translation.from_keras_order(made, layer.name)


def group_normalization(layer: LayerReader, inputs: list[Value]) -> Value:
    """GroupNormalization; -1 groups are one a channel."""
    (value,) = inputs
    _channel_axis(layer, value)
    groups = layer.integer("groups", 32)
    affine, _ = _affine(layer)
    made = GroupNorm(layer.number("epsilon", 1e-3), bool(affine), value.shape[0] if groups == -1 else groups)
    return layer.add(made, value, parameters=affine)


def rescaling(layer: LayerReader, inputs: list[Value]) -> Value:
    """Rescaling: scale x + offset, as (x - mean) / deviation."""
    channels = inputs[0].shape[0]
    scale, offset = layer.numbers("scale", channels), layer.numbers("offset", channels, 0.0)
    if 0 in scale:
        raise layer.refuse("a scale of 0 is not supported")
    count = max(len(scale), len(offset))
    scales, offsets = scale * (count // len(scale)), offset * (count // len(offset))
    means = tuple(-o / s for s, o in zip(scales, offsets, strict=True))
    return same(layer, Normalize(means, tuple(1 / s for s in scales)), inputs[0])


def normalization(layer: LayerReader, inputs: list[Value]) -> Value:
    """Normalization, by numbers given or adapted: (x - mean) / max(deviation, 1e-7)."""
    (value,) = inputs
    if layer.boolean("invert", False):
        raise layer.refuse("invert is not supported")
    channels = value.shape[0]
    if layer.call.config.get("mean") is not None:
        mean, variance = layer.numbers("mean", channels), layer.numbers("variance", channels)
    else:
        _channel_axis(layer, value)
        arrays = layer.arrays("mean", "variance", "count")
        mean, variance = (tuple(map(float, array.reshape(-1))) for array in arrays[:2])
    deviation = tuple(max(math.sqrt(v), 1e-7) for v in variance)
    return same(layer, Normalize(mean, deviation), value)


# ---- shapes


def flatten(layer: LayerReader, inputs: list[Value]) -> Value:
    """Flatten; the order (H, W, C) is made good by the layer behind it."""
    (value,) = inputs
    return value if value.maps is not None else layer.translation.flatten(value, layer.name)


def reshape(layer: LayerReader, inputs: list[Value]) -> Value:
    """Reshape, of cells in Keras's order."""
    (value,) = inputs
    target = layer.call.config.get("target_shape")
    count = len(target) if isinstance(target, list) else 1
    shape = layer.integers("target_shape", count)
    (whole,) = [Reshape(shape).output_shape([value.shape])]
    own = layer.translation.channels_leading(whole)
    if len(value.shape) == 1 and value.maps is None and math.prod(whole[:-1]) == 1:
        return layer.add(Reshape(own), value)
    ordered = layer.translation.in_keras_order(value, layer.name)
    made = layer.add(Reshape(whole) if len(whole) > 1 else Flatten(), ordered)
    return layer.translation.from_keras_order(made, layer.name)


def permute(layer: LayerReader, inputs: list[Value]) -> Value:
    """Permute."""
    (value,) = inputs
    rank = len(value.shape)
    axes = tuple(axis - 1 for axis in layer.integers("dims", rank))
    ordered = layer.translation.in_keras_order(value, layer.name)
    return layer.translation.from_keras_order(layer.add(Transpose(axes), ordered), layer.name)


def zero_padding(layer: LayerReader, inputs: list[Value]) -> Value:
    """ZeroPadding1D/2D."""
    return layer.add(Pad(layer.pairs("padding", _spatial(layer, inputs[0]))), inputs[0])


def cropping(layer: LayerReader, inputs: list[Value]) -> Value:
    """Cropping1D/2D."""
    return layer.add(Crop(layer.pairs("cropping", _spatial(layer, inputs[0]))), inputs[0])


def upsampling(layer: LayerReader, inputs: list[Value]) -> Value:
    """UpSampling1D/2D."""
    mode = layer.text("interpolation", "nearest")
    if mode not in ("nearest", "bilinear"):
        raise layer.refuse(f"interpolation {mode} is not supported")
    scale = layer.integers("size", _spatial(layer, inputs[0]), 2)
    return layer.add(Upsample(scale, mode="linear" if mode == "bilinear" else "nearest"), inputs[0])


# ---- of training


def dropout(layer: LayerReader, inputs: list[Value]) -> Value:
    """Dropout."""
    return same(layer, Dropout(layer.number("rate")), inputs[0])


def spatial_dropout(layer: LayerReader, inputs: list[Value]) -> Value:
    """SpatialDropout1D/2D: whole maps."""
    return layer.add(Dropout2d(layer.number("rate")), inputs[0])


def stochastic_depth(layer: LayerReader, inputs: list[Value]) -> Value:
    """keras.applications' own layer of ConvNeXt."""
    return layer.add(StochasticDepth(layer.number("drop_path_rate")), inputs[0])


def layer_scale(layer: LayerReader, inputs: list[Value]) -> Value:
    """keras.applications' own layer of ConvNeXt: a learned factor a channel."""
    (value,) = inputs
    (gamma,) = layer.arrays("gamma")
    shape = (len(gamma), *(1,) * (len(value.shape) - 1))
    node = layer.add(
        Parameter(shape, trainable=True), suffix="_gamma", parameters={"value": gamma.reshape(shape)}
    )
    return layer.add(Multiply(), value, node)


def nothing(layer: LayerReader, inputs: list[Value]) -> Value:
    """Layers that do nothing once training is over: noise, regularisation, random pictures."""
    return inputs[0]


ROWS: dict[str, Row] = {
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), pooling),
    **dict.fromkeys(
        ("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
        global_pooling,
    ),
    **dict.fromkeys(
        (
            "AdaptiveAveragePooling1D",
            "AdaptiveAveragePooling2D",
            "AdaptiveMaxPooling1D",
            "AdaptiveMaxPooling2D",
        ),
        adaptive_pooling,
    ),
    "BatchNormalization": batch_normalization,
    "BatchNormalizationV1": batch_normalization,
    "BatchNormalizationV2": batch_normalization,
    "Cropping1D": cropping,
    "Cropping2D": cropping,
    "Dropout": dropout,
    "Flatten": flatten,
    "GroupNormalization": group_normalization,
    "LayerNormalization": layer_normalization,
    "LayerScale": layer_scale,
    "Normalization": normalization,
    "Permute": permute,
    "Rescaling": rescaling,
    "Reshape": reshape,
    "SpatialDropout1D": spatial_dropout,
    "SpatialDropout2D": spatial_dropout,
    "StochasticDepth": stochastic_depth,
    "UpSampling1D": upsampling,
    "UpSampling2D": upsampling,
    "ZeroPadding1D": zero_padding,
    "ZeroPadding2D": zero_padding,
    **dict.fromkeys(
        (
            "ActivityRegularization",
            "GaussianDropout",
            "GaussianNoise",
            "Identity",
            "RandomBrightness",
            "RandomContrast",
            "RandomFlip",
            "RandomRotation",
            "RandomTranslation",
            "RandomZoom",
        ),
        nothing,
    ),
}
