"""Rows of the convolutions."""

from __future__ import annotations

from typing import Any

from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.values import SMALL, Value
from pellucid.formats.onnx_import.windows import LARGEST_WINDOW, paired, short, short_pairs, window
from pellucid.layers import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d


def _has_bias(call: Call) -> bool:
    """Whether there is a bias.

    PyTorch's exporter writes a convolution without one with zeros, which are not called like a parameter of
    the convolution's module.
    """
    if not call.has(2):
        return False
    weight, bias = call.constant(1), call.constant(2)
    module, _, own = weight.name.rpartition(".")
    named = own != "weight" or bias.name == f"{module}.bias"
    return named or bias.size > SMALL or bool(bias.array().any())


def _parameters(call: Call) -> dict[str, Any]:
    sources: dict[str, Any] = {"weight": call.constant(1).floats}
    if _has_bias(call):
        sources["bias"] = call.constant(2).floats
    return sources


def convolution(call: Call) -> list[Value]:
    """Conv over one or two axes."""
    x, weight = call.activation(), call.constant(1)
    call.require(len(weight.shape) == len(x.shape) + 1, f"its weights have the shape {weight.shape}")
    shape = window(call, x.shape[1:], weight.shape[2:])
    groups = call.integer("group", 1)
    call.require(groups >= 1 and x.shape[0] == weight.shape[1] * groups, f"{x.shape[0]} channels do not fit")
    kind = Conv1d if len(shape.kernel) == 1 else Conv2d
    layer = kind(
        weight.shape[0],
        short(shape.kernel),
        stride=short(shape.stride),
        padding="same" if shape.padding is None else short_pairs(shape.padding),
        dilation=short(shape.dilation),
        groups=groups,
        bias=_has_bias(call),
    )
    return [call.emit(layer, x, parameters=_parameters(call), weight=weight)]


def transposed_convolution(call: Call) -> list[Value]:
    """ConvTranspose over one or two axes."""
    x, weight = call.activation(), call.constant(1)
    rank = len(x.shape) - 1
    call.require(rank in (1, 2) and len(weight.shape) == rank + 2, f"its weights are {weight.shape}")
    kernel, groups = weight.shape[2:], call.integer("group", 1)
    stride, dilation = call.list("strides") or (1,) * rank, call.list("dilations") or (1,) * rank
    added = call.list("output_padding") or (0,) * rank
    call.require(call.list("kernel_shape") in (None, kernel), "its kernel_shape is not its weights'")
    steps = (*stride, *dilation, *added)
    call.require(max(steps) <= LARGEST_WINDOW, f"its strides {stride} or dilations {dilation}")
    call.require(call.list("output_shape") is None, "it has an output_shape; pads are expected instead")
    auto = call.text("auto_pad", "NOTSET")
    if auto == "NOTSET":
        pairs = paired(call, call.list("pads") or (0,) * (2 * rank), rank)
    else:
        call.require(auto == "VALID" or set(added) == {0}, f"auto_pad {auto!r} with an output_padding")
        extents = [(size - 1) * gap + 1 for size, gap in zip(kernel, dilation, strict=True)]
        totals = [extent - step for extent, step in zip(extents, stride, strict=True)]
        call.require(auto == "VALID" or min(totals) >= 0, f"auto_pad {auto!r} with strides above the kernel")
        pairs = tuple(_shared(auto, total) for total in totals)
    kind = ConvTranspose1d if rank == 1 else ConvTranspose2d
    layer = kind(
        weight.shape[1] * groups,
        short(kernel),
        stride=short(stride),
        padding=short_pairs(pairs),
        output_padding=short(added),
        dilation=short(dilation),
        groups=groups,
        bias=_has_bias(call),
    )
    call.require(x.shape[0] == weight.shape[0], f"{x.shape[0]} channels do not fit {weight.shape}")
    return [call.emit(layer, x, parameters=_parameters(call), weight=weight)]


def _shared(auto: str, total: int) -> tuple[int, int]:
    """Padding of one axis that makes the output S I long; VALID takes nothing off."""
    if auto == "VALID":
        return (0, 0)
    smaller, larger = total // 2, total - total // 2
    return (smaller, larger) if auto == "SAME_UPPER" else (larger, smaller)
