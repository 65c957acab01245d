"""Cases of the convolutions."""

from __future__ import annotations

from layer_case import LayerCase
from torch_oracles import convolution

from pellucid.layers import Conv1d, Conv2d, Shape

C3_TABLE = ((0, 1, 2), (1, 2, 3), (0, 3), (0, 1, 2, 3), (0, 1, 2, 3))
"""As LeNet-5's C3: rows of different lengths, and two equal ones in a row."""


def _convolution(name: str, layer: Conv1d | Conv2d, shape: Shape) -> LayerCase:
    rank = f"conv{layer.rank}d"
    return LayerCase(f"{rank}-{name}", layer, (shape,), convolution(layer, shape))


CONVOLUTIONS = (
    _convolution("valid", Conv2d(3, 3), (2, 5, 6)),
    _convolution("one-by-one", Conv2d(4, 1), (3, 4, 3)),
    _convolution("one-by-one-stride", Conv2d(4, 1, stride=2), (3, 5, 4)),
    _convolution("no-bias", Conv2d(2, 3, bias=False), (2, 4, 4)),
    _convolution("same", Conv2d(3, 5, padding="same"), (2, 5, 7)),
    _convolution("same-even-kernel", Conv2d(3, (2, 4), padding="same"), (2, 5, 6)),
    _convolution("same-stride", Conv2d(3, 3, stride=(2, 3), padding="same"), (2, 7, 8)),
    _convolution("full", Conv2d(2, (3, 2), padding="full"), (2, 4, 3)),
    _convolution("one-sided-padding", Conv2d(2, 3, padding=((0, 2), (1, 0))), (2, 4, 5)),
    _convolution("stride", Conv2d(3, 3, stride=2), (2, 7, 9)),
    _convolution("unused-columns", Conv2d(3, 3, stride=3, padding=1), (2, 6, 9)),
    _convolution("stride-above-kernel", Conv2d(2, 2, stride=3), (2, 8, 5)),
    _convolution("dilation", Conv2d(3, (3, 2), dilation=(2, 3)), (2, 7, 6)),
    _convolution("dilation-stride-same", Conv2d(2, 3, stride=2, dilation=2, padding="same"), (2, 8, 9)),
    _convolution("groups", Conv2d(6, 3, groups=2, padding=1), (4, 4, 5)),
    _convolution("depthwise", Conv2d(3, 3, groups=3, padding=1), (3, 5, 4)),
    _convolution("depthwise-multiplier-stride", Conv2d(6, 3, groups=3, stride=2), (3, 5, 7)),
    _convolution("connections", Conv2d(5, 3, connections=C3_TABLE), (4, 5, 4)),
    _convolution(
        "connections-padding-flip", Conv2d(5, 3, padding=1, connections=C3_TABLE, flip=True), (4, 4, 4)
    ),
    _convolution("flip", Conv2d(3, (3, 2), flip=True), (2, 5, 4)),
    _convolution("flip-full-stride", Conv2d(2, 3, stride=2, padding="full", flip=True), (2, 4, 5)),
    _convolution("edge", Conv2d(2, 3, padding=(2, 3), padding_mode="edge"), (2, 4, 3)),
    _convolution("reflect", Conv2d(2, 3, padding=((2, 1), (0, 3)), padding_mode="reflect"), (2, 4, 5)),
    _convolution("circular", Conv2d(2, 3, stride=2, padding=(1, 4), padding_mode="circular"), (2, 3, 4)),
    _convolution(
        "same-edge-dilation", Conv2d(2, 3, dilation=2, padding="same", padding_mode="edge"), (2, 5, 5)
    ),
    _convolution("whole-input", Conv2d(4, (4, 3)), (2, 4, 3)),
    _convolution("one-pixel", Conv2d(2, 3, padding="same"), (3, 1, 1)),
    _convolution("wide", Conv2d(17, 3, padding=1), (9, 3, 3)),
    _convolution("lenet-c1", Conv2d(6, 5, padding=2), (1, 12, 12)),
    _convolution("several-blocks", Conv2d(33, 3, padding=1), (24, 7, 7)),
    _convolution("several-blocks-stride", Conv2d(16, 3, stride=2, padding=1), (33, 14, 14)),
    _convolution("several-blocks-wide", Conv2d(5, 3, padding=1), (24, 4, 31)),
    _convolution("several-blocks-one-by-one", Conv2d(24, 1), (16, 6, 11)),
    _convolution("several-blocks-one-by-one-stride", Conv2d(33, 1, stride=2), (16, 7, 7)),
    _convolution("several-blocks-groups", Conv2d(48, 3, groups=2, padding=1), (32, 5, 9)),
    _convolution("several-blocks-dilation", Conv2d(16, 3, dilation=2, stride=3, padding=3), (17, 13, 10)),
    _convolution("several-bands", Conv2d(3, 3, padding=1), (2, 24, 24)),
    _convolution("several-bands-reflect", Conv2d(5, 3, padding=1, padding_mode="reflect"), (3, 16, 29)),
    _convolution("depthwise-blocks", Conv2d(24, 3, groups=24, padding=1), (24, 7, 7)),
    _convolution("depthwise-blocks-stride", Conv2d(17, 5, groups=17, stride=2, padding=2), (17, 9, 8)),
    _convolution("stem", Conv2d(16, 7, stride=2, padding=3), (3, 18, 17)),
    _convolution("stride-beyond-kernel", Conv2d(5, 2, stride=(3, 4)), (5, 9, 11)),
    _convolution("valid", Conv1d(3, 3), (2, 7)),
    _convolution("same-stride-dilation", Conv1d(3, 3, stride=2, dilation=2, padding="same"), (2, 9)),
    _convolution(
        "circular-flip", Conv1d(2, 4, padding=((3, 1),), padding_mode="circular", flip=True), (2, 5)
    ),
    _convolution("edge-wide", Conv1d(17, 5, padding=3, padding_mode="edge"), (18, 11)),
    _convolution("reflect-stride", Conv1d(19, 3, stride=2, padding=2, padding_mode="reflect"), (17, 7)),
    _convolution("circular-wide", Conv1d(5, 4, padding="same", padding_mode="circular"), (17, 9)),
    _convolution("wide", Conv1d(33, 3, padding=1), (24, 31)),
    _convolution("depthwise", Conv1d(17, 5, padding=2, groups=17), (17, 12)),
    _convolution("groups", Conv1d(4, 2, groups=2, stride=2), (4, 7)),
    _convolution("connections", Conv1d(5, 2, connections=C3_TABLE, padding="full"), (4, 4)),
)
