"""Cases of the poolings."""

from __future__ import annotations

from layer_case import LayerCase, elementwise
from torch_oracles import average_pool, max_pool, subsample

from pellucid.layers import AvgPool2d, GlobalAvgPool, MaxPool2d, Shape, Subsample2d


def _max(name: str, layer: MaxPool2d, shape: Shape) -> LayerCase:
    return LayerCase(f"max-{name}", layer, (shape,), max_pool(layer, shape), kinks="ties")


def _average(name: str, layer: AvgPool2d, shape: Shape) -> LayerCase:
    return LayerCase(f"average-{name}", layer, (shape,), average_pool(layer, shape))


POOLINGS = (
    _max("plain", MaxPool2d(2), (2, 4, 6)),
    _max("overlapping", MaxPool2d(3, stride=2), (2, 7, 5)),
    _max("padding", MaxPool2d(3, stride=2, padding=1), (2, 5, 6)),
    _max("same", MaxPool2d(3, stride=2, padding="same"), (3, 6, 5)),
    _max("stride-one", MaxPool2d((2, 3), stride=1, padding="same"), (2, 4, 4)),
    _max("unused-columns", MaxPool2d(2), (2, 5, 7)),
    _max("gaps", MaxPool2d(2, stride=3), (2, 8, 6)),
    _max("many-taps", MaxPool2d((15, 17), stride=1), (1, 16, 18)),
    _max("wide", MaxPool2d(3, stride=2, padding=1), (17, 5, 4)),
    _average("plain", AvgPool2d(2), (2, 4, 6)),
    _average("overlapping", AvgPool2d((3, 2), stride=(1, 2)), (2, 6, 5)),
    _average("padding", AvgPool2d(3, stride=2, padding=1), (2, 5, 6)),
    _average("padding-excluded", AvgPool2d(3, stride=2, padding=1, include_padding=False), (2, 5, 6)),
    _average("same-excluded", AvgPool2d((2, 3), stride=2, padding="same", include_padding=False), (2, 5, 7)),
    _average("unused-columns", AvgPool2d(2), (2, 5, 7)),
    LayerCase("global-average", GlobalAvgPool(), ((3, 4, 5),), elementwise(lambda x: x.mean((2, 3)))),
    LayerCase("global-average-1d", GlobalAvgPool(), ((3, 7),), elementwise(lambda x: x.mean(2))),
    LayerCase("subsample", Subsample2d(), ((3, 4, 6),), subsample(Subsample2d())),
    LayerCase(
        "subsample-overlapping", Subsample2d(3, stride=2), ((2, 7, 6),), subsample(Subsample2d(3, stride=2))
    ),
)
