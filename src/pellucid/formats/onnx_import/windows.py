"""What convolutions and poolings share: kernels, strides and paddings of ONNX."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.values import UnsupportedError
from pellucid.layers import Shape
from pellucid.layers.geometry import same_padding

LARGEST_WINDOW = 1 << 16
"""Cells of a window, steps and padding along one axis; it keeps hostile models small."""

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Window:
    """Of a convolution or a pooling, a number an axis.

    Attributes:
        padding: (start, end) pairs; None where the layer works out "same" itself.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Pairs | None


def window(call: Call, lengths: Shape, kernel: tuple[int, ...] | None) -> Window:
    """The window of an operation on images of these lengths.

    Args:
        call: the operation.
        lengths: of the spatial axes.
        kernel: from the weights; None for poolings.
    """
    rank = len(lengths)
    call.require(rank in (1, 2), f"windows over {rank} axes; 1 and 2 are known")
    sizes = call.list("kernel_shape") or kernel
    if sizes is None or len(sizes) != rank or (kernel is not None and sizes != kernel):
        raise UnsupportedError(f"its kernel_shape {sizes} does not fit")
    stride, dilation = call.list("strides") or (1,) * rank, call.list("dilations") or (1,) * rank
    call.require(
        len(stride) == len(dilation) == rank and min(*sizes, *stride, *dilation) >= 1,
        f"its strides {stride} and dilations {dilation} do not fit {rank} axes",
    )
    call.require(max(*sizes, *stride, *dilation) <= LARGEST_WINDOW, f"a window of {sizes} cells")
    return Window(sizes, stride, dilation, _padding(call, lengths, sizes, stride, dilation))


def _padding(
    call: Call, lengths: Shape, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Pairs | None:
    auto, rank = call.text("auto_pad", "NOTSET"), len(lengths)
    if auto == "SAME_UPPER":
        return None
    if auto == "VALID":
        return ((0, 0),) * rank
    if auto == "SAME_LOWER":
        extents = ((size - 1) * gap + 1 for size, gap in zip(kernel, dilation, strict=True))
        pairs = (
            same_padding(length, extent, step)
            for length, extent, step in zip(lengths, extents, stride, strict=True)
        )
        return tuple((end, start) for start, end in pairs)
    call.require(auto == "NOTSET", f"its auto_pad is {auto!r}")
    return paired(call, call.list("pads") or (0,) * (2 * rank), rank)


def paired(call: Call, pads: tuple[int, ...], rank: int) -> Pairs:
    """ONNX's (starts, ends) as a pair an axis."""
    call.require(len(pads) == 2 * rank, f"its pads {pads} do not fit {rank} axes")
    call.require(min(pads, default=0) >= 0, f"its pads {pads} are negative")
    call.require(max(pads, default=0) <= LARGEST_WINDOW, f"its pads {pads} are larger than any window")
    return tuple((pads[axis], pads[rank + axis]) for axis in range(rank))


def short(values: tuple[int, ...]) -> int | tuple[int, ...]:
    """One number where all axes have the same."""
    return values[0] if len(set(values)) == 1 else values


def short_pairs(pairs: Pairs) -> int | tuple[int, ...] | Pairs:
    """One number where all are equal, one an axis where both ends are."""
    if any(start != end for start, end in pairs):
        return pairs
    return short(tuple(start for start, _ in pairs))
