"""Cases of the layers that rearrange, of means, and of dropout."""

from __future__ import annotations

from layer_case import MAP, LayerCase, elementwise
from torch.nn import functional

from pellucid.layers import (
    ChannelShuffle,
    Dropout,
    Dropout2d,
    Flatten,
    Mean,
    Reshape,
    StochasticDepth,
    Transpose,
)

WIDE = ((18, 3, 5),)

SHAPES = (
    LayerCase("flatten", Flatten(), ((2, 3, 4),), elementwise(lambda x: x.flatten(1))),
    LayerCase("flatten-vector", Flatten(), ((5,),), elementwise(lambda x: x)),
    LayerCase("reshape", Reshape((4, 3, 3)), MAP, elementwise(lambda x: x.reshape(-1, 4, 3, 3))),
    LayerCase("reshape-positions", Reshape((18, -1)), WIDE, elementwise(lambda x: x.flatten(2))),
    LayerCase("reshape-wide", Reshape((9, -1)), WIDE, elementwise(lambda x: x.reshape(-1, 9, 30))),
    LayerCase("reshape-vector", Reshape((18, 1, 1)), ((18,),), elementwise(lambda x: x[..., None, None])),
    LayerCase("transpose", Transpose((2, 0, 1)), MAP, elementwise(lambda x: x.permute(0, 3, 1, 2))),
    LayerCase("transpose-positions", Transpose((0, 2, 1)), WIDE, elementwise(lambda x: x.transpose(2, 3))),
    LayerCase("transpose-wide", Transpose((1, 2, 0)), WIDE, elementwise(lambda x: x.permute(0, 2, 3, 1))),
    LayerCase("transpose-nothing", Transpose((0, 1, 2)), WIDE, elementwise(lambda x: x)),
    LayerCase(
        "shuffle", ChannelShuffle(3), ((6, 2, 2),), elementwise(lambda x: functional.channel_shuffle(x, 3))
    ),
    LayerCase(
        "shuffle-wide", ChannelShuffle(2), WIDE, elementwise(lambda x: functional.channel_shuffle(x, 2))
    ),
    LayerCase("mean", Mean((1, 2)), WIDE, elementwise(lambda x: x.mean((2, 3)))),
    LayerCase("mean-kept", Mean((1, 2), True), WIDE, elementwise(lambda x: x.mean((2, 3), keepdim=True))),
    LayerCase("mean-rows", Mean((1,)), MAP, elementwise(lambda x: x.mean(2))),
    LayerCase("mean-columns", Mean((2,), True), WIDE, elementwise(lambda x: x.mean(3, keepdim=True))),
    LayerCase("mean-channels", Mean((0,), True), WIDE, elementwise(lambda x: x.mean(1, keepdim=True))),
    LayerCase("mean-everything", Mean((2, 0, 1)), MAP, elementwise(lambda x: x.mean((1, 2, 3))[:, None])),
    LayerCase("dropout", Dropout(), ((2, 3, 3),), training=True),
    LayerCase("dropout-many", Dropout(0.3), ((19, 2, 3),), training=True),
    LayerCase("dropout-vector", Dropout(0.2), ((7,),), training=True),
    LayerCase("dropout-maps", Dropout2d(0.4), WIDE, training=True),
    LayerCase("dropout-maps-few", Dropout2d(), ((3, 4),), training=True),
    LayerCase("dropout-maps-vector", Dropout2d(0.3), ((9,),), training=True),
    LayerCase("stochastic-depth", StochasticDepth(0.4), WIDE, training=True),
    LayerCase("stochastic-depth-vector", StochasticDepth(), ((6,),), training=True),
)
