"""Cases of the layers that take part of a map, surround it or enlarge it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layer_case import MAP, LayerCase, elementwise
from torch import Tensor, cat
from torch.nn import functional

from pellucid.layers import Crop, Layer, Pad, Shape, Slice, Upsample

WIDE: tuple[Shape, ...] = ((17, 5, 6),)


Function = Callable[[Tensor], Tensor]


def _case(
    name: str, layer: Layer, shapes: tuple[Shape, ...], function: Callable[[Tensor], Tensor]
) -> LayerCase:
    return LayerCase(name, layer, shapes, elementwise(function))


def _pad(*amounts: int, **options: Any) -> Function:
    """PyTorch counts axes from the last."""
    return lambda x: functional.pad(x, amounts, **options)


def _resize(size: tuple[int, ...], mode: str, align_corners: bool | None = None) -> Function:
    return lambda x: functional.interpolate(x, size, mode=mode, align_corners=align_corners)


def _repeated_ends(x: Tensor) -> Tensor:
    """The first and the last channel twice, and the first column of each map."""
    x = cat([x[:, :1], x, x[:, -1:]], 1)
    return cat([x[..., :1], x], 3)


RESAMPLINGS = (
    _case("pad", Pad(1), MAP, _pad(1, 1, 1, 1)),
    _case("pad-value", Pad(((0, 2), (1, 0)), value=-1.5), WIDE, _pad(1, 0, 0, 2, value=-1.5)),
    _case("pad-channels", Pad(((1, 2), (0, 0), (0, 1)), value=0.5), MAP, _pad(0, 1, 0, 0, 1, 2, value=0.5)),
    _case("pad-channels-wide", Pad(((3, 0), (0, 0), (0, 0))), WIDE, _pad(0, 0, 0, 0, 3, 0)),
    _case(
        "pad-channel-blocks",
        Pad(((16, 16), (0, 0), (1, 0)), value=0.5),
        ((16, 2, 3),),
        _pad(1, 0, 0, 0, 16, 16, value=0.5),
    ),
    _case("pad-edge", Pad(((2, 1), (0, 3)), "edge"), WIDE, _pad(0, 3, 2, 1, mode="replicate")),
    _case("pad-edge-channels", Pad(((1, 1), (0, 0), (1, 0)), "edge"), ((9, 2, 2),), _repeated_ends),
    _case("pad-reflect", Pad(((2, 1), (0, 2)), "reflect"), MAP, _pad(0, 2, 2, 1, mode="reflect")),
    _case("pad-circular", Pad(((2, 1),), "circular"), ((4, 5),), _pad(2, 1, mode="circular")),
    _case("pad-nothing", Pad(0), WIDE, lambda x: x),
    _case("crop-nothing", Crop(0), WIDE, lambda x: x),
    _case("slice-nothing", Slice(1), WIDE, lambda x: x),
    _case("upsample-nothing", Upsample(1), WIDE, lambda x: x),
    _case("crop", Crop(1), MAP, lambda x: x[:, :, 1:-1, 1:-1]),
    _case("crop-sides", Crop(((1, 0), (2, 3))), WIDE, lambda x: x[:, :, 1:, 2:-3]),
    _case("crop-channels", Crop(((2, 1), (0, 0), (1, 0))), WIDE, lambda x: x[:, 2:-1, :, 1:]),
    _case("slice", Slice(0, 1), MAP, lambda x: x[:, 1:]),
    _case("slice-channels", Slice(0, 3, -2), ((24, 2, 3),), lambda x: x[:, 3:-2]),
    _case("slice-every-other-channel", Slice(0, 1, None, 2), WIDE, lambda x: x[:, 1::2]),
    _case("slice-rows", Slice(1, -4, 5, 2), WIDE, lambda x: x[:, :, -4:5:2]),
    _case("slice-columns", Slice(2, 0, 2), MAP, lambda x: x[..., :2]),
    _case("slice-vector", Slice(0, 2, 12), ((19,),), lambda x: x[:, 2:12]),
    _case("upsample-nearest", Upsample(2), MAP, _resize((8, 6), "nearest-exact")),
    _case("upsample-nearest-wide", Upsample((3, 2)), WIDE, _resize((15, 12), "nearest-exact")),
    _case(
        "upsample-nearest-size",
        Upsample(size=(7, 4), coordinates="asymmetric"),
        WIDE,
        _resize((7, 4), "nearest"),
    ),
    _case(
        "upsample-nearest-corners",
        Upsample(size=5, coordinates="align-corners"),
        ((2, 3),),
        lambda x: x[..., [0, 0, 1, 1, 2]],
    ),
    _case("upsample-linear", Upsample(2, mode="linear"), MAP, _resize((8, 6), "bilinear", False)),
    _case("upsample-linear-length", Upsample(3, mode="linear"), ((18, 5),), _resize((15,), "linear", False)),
    _case(
        "upsample-linear-size",
        Upsample(size=(4, 11), mode="linear"),
        WIDE,
        _resize((4, 11), "bilinear", False),
    ),
    _case(
        "upsample-linear-corners",
        Upsample(size=(9, 8), mode="linear", coordinates="align-corners"),
        WIDE,
        _resize((9, 8), "bilinear", True),
    ),
    LayerCase("upsample-linear-asymmetric", Upsample(2, mode="linear", coordinates="asymmetric"), MAP),
)
