"""Pellucid's windowed layers said in PyTorch: what the definitions are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.nn import functional

from pellucid.layers import AxisWindow, Conv1d, Conv2d, Shape, Subsample2d
from pellucid.layers.geometry import per_axis
from pellucid.layers.locally_connected import LocallyConnected
from pellucid.layers.pooling import AdaptivePooling, AvgPooling, LpPooling, MaxPooling, Pooling
from pellucid.layers.transposed_convolution import TransposedConvolution

Oracle = Callable[[Sequence[torch.Tensor], Mapping[str, torch.Tensor], bool], torch.Tensor]

MODES = {"zeros": "constant", "edge": "replicate", "reflect": "reflect", "circular": "circular"}


def pad(
    x: torch.Tensor, axes: Sequence[AxisWindow], mode: str = "zeros", constant: float = 0
) -> torch.Tensor:
    """torch.nn.functional.pad, which counts its axes from the last."""
    amounts = [amount for axis in reversed(axes) for amount in (axis.pad_start, axis.pad_end)]
    if mode == "zeros":
        return functional.pad(x, amounts, value=constant)
    return functional.pad(x, amounts, mode=MODES[mode])


def dense_kernels(layer: Conv1d | Conv2d, weight: torch.Tensor, in_channels: int) -> torch.Tensor:
    """Kernels as PyTorch takes them: a connection table's missing ones are zero."""
    if layer.connections is not None:
        dense = torch.zeros(layer.out_channels, in_channels, *layer.kernel, dtype=weight.dtype)
        pairs = [(o, c) for o, row in enumerate(layer.connections) for c in row]
        outputs, inputs = zip(*pairs, strict=True)
        weight = dense.index_put((torch.tensor(outputs), torch.tensor(inputs)), weight)
    return weight.flip(tuple(range(2, weight.ndim))) if layer.flip else weight


def convolution(layer: Conv1d | Conv2d, shape: Shape) -> Oracle:
    """The layer for inputs of this shape."""
    axes = layer.window([shape])
    convolve: Any = functional.conv1d if layer.rank == 1 else functional.conv2d

    def oracle(
        inputs: Sequence[torch.Tensor], parameters: Mapping[str, torch.Tensor], training: bool
    ) -> torch.Tensor:
        return convolve(
            pad(inputs[0], axes, layer.padding_mode),
            dense_kernels(layer, parameters["weight"], shape[0]),
            parameters.get("bias"),
            stride=tuple(axis.stride for axis in axes),
            dilation=tuple(axis.dilation for axis in axes),
            groups=layer.groups,
        )

    return oracle


def transposed_convolution(layer: TransposedConvolution) -> Oracle:
    """PyTorch's without padding, which is then cut off: it knows no one-sided one."""
    convolve: Any = getattr(functional, f"conv_transpose{layer.rank}d")

    def oracle(
        inputs: Sequence[torch.Tensor], parameters: Mapping[str, torch.Tensor], training: bool
    ) -> torch.Tensor:
        # Where taps lie further apart than inputs, PyTorch may add no more cells than the padding takes off.
        whole = convolve(
            inputs[0], parameters["weight"], None, layer.stride, 0, 0, layer.groups, layer.dilation
        )
        added = per_axis("oracle", "output_padding", layer.output_padding, layer.rank, 0)
        ends = [(-start, more - end) for (start, end), more in zip(layer.paddings, added, strict=True)]
        cut = functional.pad(whole, [amount for pair in reversed(ends) for amount in pair])
        if not layer.bias:
            return cut
        return cut + parameters["bias"].reshape(-1, *(1,) * layer.rank)

    return oracle


def locally_connected(layer: LocallyConnected, shape: Shape) -> Oracle:
    """A sum of products over unfolded windows."""
    axes = layer.window([shape])
    letters = "ij"[: layer.rank], "uv"[: layer.rank]
    equation = "nc{0}{1},o{0}c{1}->no{0}".format(*letters)

    def oracle(
        inputs: Sequence[torch.Tensor], parameters: Mapping[str, torch.Tensor], training: bool
    ) -> torch.Tensor:
        seen = pad(inputs[0], axes)
        for number, axis in enumerate(axes, start=2):
            seen = seen.unfold(number, axis.kernel, axis.stride)
        z = torch.einsum(equation, seen, parameters["weight"])
        return z + parameters["bias"] if layer.bias else z

    return oracle


def _symmetric(axes: Sequence[AxisWindow]) -> bool:
    return all(axis.pad_start == axis.pad_end for axis in axes)


def _with_overhang(axes: Sequence[AxisWindow]) -> list[AxisWindow]:
    """Padding up to where the last window reaches."""
    return [replace(axis, pad_end=axis.pad_end + axis.overhang) for axis in axes]


Pool = Any
"""One of torch.nn.functional's poolings of one or two axes."""


def _pool(name: str, layer: Pooling) -> Pool:
    return getattr(functional, f"{name}{layer.rank}d")


def max_pool(layer: MaxPooling, shape: Shape) -> Oracle:
    """The layer for inputs of this shape; PyTorch's own padding where it can express it."""
    axes = layer.window([shape])
    stride, pool = tuple(axis.stride for axis in axes), _pool("max_pool", layer)
    if _symmetric(axes) and all(2 * axis.pad_start <= axis.kernel for axis in axes):
        padding = tuple(axis.pad_start for axis in axes)
        return lambda inputs, parameters, training: pool(
            inputs[0], layer.kernel, stride, padding, layer.dilations(), layer.ceil_mode
        )
    reached = _with_overhang(axes)
    return lambda inputs, parameters, training: pool(
        pad(inputs[0], reached, constant=-torch.inf), layer.kernel, stride, 0, layer.dilations()
    )


def average_pool(layer: AvgPooling, shape: Shape) -> Oracle:
    """The layer for inputs of this shape; PyTorch's own padding where it can express it."""
    axes = layer.window([shape])
    stride, pool = tuple(axis.stride for axis in axes), _pool("avg_pool", layer)
    if _symmetric(axes):
        padding = tuple(axis.pad_start for axis in axes)
        return lambda inputs, parameters, training: pool(
            inputs[0], layer.kernel, stride, padding, layer.ceil_mode, layer.include_padding
        )
    reached = _with_overhang(axes)

    def oracle(
        inputs: Sequence[torch.Tensor], parameters: Mapping[str, torch.Tensor], training: bool
    ) -> torch.Tensor:
        counted = torch.ones_like(inputs[0])
        if layer.include_padding:
            counted = pad(counted, axes, constant=1)
        beyond = [replace(axis, pad_start=0, pad_end=axis.overhang) for axis in axes]
        shares = pad(counted, beyond if layer.include_padding else reached)
        return pool(pad(inputs[0], reached), layer.kernel, stride) / pool(shares, layer.kernel, stride)

    return oracle


def norm_pool(layer: LpPooling, shape: Shape) -> Oracle:
    """The layer for inputs of this shape: sums of powers by unfolding, which knows no norm of its own."""
    axes = layer.window([shape])
    reached = _with_overhang(axes)

    def oracle(
        inputs: Sequence[torch.Tensor], parameters: Mapping[str, torch.Tensor], training: bool
    ) -> torch.Tensor:
        cells = pad(inputs[0].abs() ** layer.norm, reached)
        for number, axis in enumerate(axes, start=2):
            cells = cells.unfold(number, axis.kernel, axis.stride)
        return cells.sum(tuple(range(-len(axes), 0))) ** (1 / layer.norm)

    return oracle


def adaptive_pool(name: str, layer: AdaptivePooling) -> Oracle:
    """PyTorch's pooling of this name, "avg" or "max", to the layer's lengths."""
    pool = getattr(functional, f"adaptive_{name}_pool{layer.rank}d")
    return lambda inputs, parameters, training: pool(inputs[0], layer.lengths)


def subsample(layer: Subsample2d) -> Oracle:
    """Average pooling times the window's size, scaled and shifted."""
    size = layer.kernel[0] * layer.kernel[1]

    def oracle(
        inputs: Sequence[torch.Tensor], parameters: Mapping[str, torch.Tensor], training: bool
    ) -> torch.Tensor:
        sums = functional.avg_pool2d(inputs[0], layer.kernel, layer.stride) * size
        return parameters["coefficient"][:, None, None] * sums + parameters["bias"][:, None, None]

    return oracle
