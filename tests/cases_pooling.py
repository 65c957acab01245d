"""Cases of the poolings."""

from __future__ import annotations

from layer_case import LayerCase, elementwise
from torch_oracles import adaptive_pool, average_pool, max_pool, norm_pool, subsample

from pellucid.layers import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
    LpPool1d,
    LpPool2d,
    MaxPool1d,
    MaxPool2d,
    Shape,
    Subsample2d,
)
from pellucid.layers.pooling import AdaptivePooling, AvgPooling, LpPooling, MaxPooling


def _max(name: str, layer: MaxPooling, shape: Shape) -> LayerCase:
    return LayerCase(f"max-{name}", layer, (shape,), max_pool(layer, shape), kinks="ties")


def _average(name: str, layer: AvgPooling, shape: Shape) -> LayerCase:
    return LayerCase(f"average-{name}", layer, (shape,), average_pool(layer, shape))


def _norm(name: str, layer: LpPooling, shape: Shape) -> LayerCase:
    return LayerCase(f"norm-{name}", layer, (shape,), norm_pool(layer, shape), kinks="zero")


def _adaptive(name: str, layer: AdaptivePooling, shape: Shape) -> LayerCase:
    maximum = isinstance(layer, AdaptiveMaxPool1d | AdaptiveMaxPool2d)
    oracle = adaptive_pool("max" if maximum else "avg", layer)
    return LayerCase(f"adaptive-{name}", layer, (shape,), oracle, kinks="ties" if maximum else "none")


POOLINGS = (
    _max("plain", MaxPool2d(2), (2, 4, 6)),
    _max("overlapping", MaxPool2d(3, stride=2), (2, 7, 5)),
    _max("padding", MaxPool2d(3, stride=2, padding=1), (2, 5, 6)),
    _max("same", MaxPool2d(3, stride=2, padding="same"), (3, 6, 5)),
    _max("stride-one", MaxPool2d((2, 3), stride=1, padding="same"), (2, 4, 4)),
    _max("stride-one-padding", MaxPool2d(3, stride=1, padding=1), (17, 5, 7)),
    _max("unused-columns", MaxPool2d(2), (2, 5, 7)),
    _max("gaps", MaxPool2d(2, stride=3), (2, 8, 6)),
    _max("many-taps", MaxPool2d((15, 17), stride=1), (1, 16, 18)),
    _max("wide", MaxPool2d(3, stride=2, padding=1), (17, 5, 4)),
    _max("ceil", MaxPool2d(3, stride=2, ceil_mode=True), (17, 6, 8)),
    _max("ceil-by-two", MaxPool2d(2, ceil_mode=True), (3, 5, 7)),
    _max("ceil-padding", MaxPool2d(3, stride=3, padding=1, ceil_mode=True), (2, 6, 9)),
    _max("ceil-fits", MaxPool2d(3, stride=2, ceil_mode=True), (2, 7, 9)),
    _max("dilation", MaxPool2d((2, 3), stride=1, dilation=(3, 2)), (17, 7, 6)),
    _max("dilation-all", MaxPool2d(3, stride=2, padding=2, dilation=2, ceil_mode=True), (2, 8, 9)),
    _max("1d", MaxPool1d(3, stride=2, padding=1), (17, 9)),
    _max("1d-by-two", MaxPool1d(2), (5, 9)),
    _max("1d-dilation-ceil", MaxPool1d(2, stride=3, dilation=2, ceil_mode=True), (3, 11)),
    _average("plain", AvgPool2d(2), (2, 4, 6)),
    _average("overlapping", AvgPool2d((3, 2), stride=(1, 2)), (2, 6, 5)),
    _average("padding", AvgPool2d(3, stride=2, padding=1), (2, 5, 6)),
    _average("padding-excluded", AvgPool2d(3, stride=2, padding=1, include_padding=False), (2, 5, 6)),
    _average("same-excluded", AvgPool2d((2, 3), stride=2, padding="same", include_padding=False), (2, 5, 7)),
    _average("unused-columns", AvgPool2d(2), (2, 5, 7)),
    _average("ceil", AvgPool2d(3, stride=2, ceil_mode=True), (17, 6, 8)),
    _average("ceil-padding", AvgPool2d(3, stride=3, padding=1, ceil_mode=True), (2, 6, 9)),
    _average(
        "ceil-excluded",
        AvgPool2d((2, 3), stride=(2, 4), padding=1, ceil_mode=True, include_padding=False),
        (2, 5, 8),
    ),
    _average("1d", AvgPool1d(3, stride=2, padding=1, ceil_mode=True), (17, 10)),
    _norm("euclidean", LpPool2d(2), (17, 4, 7)),
    _norm("cubic-padding", LpPool2d(3, stride=2, padding=1, norm=3.0, ceil_mode=True), (3, 6, 5)),
    _norm("broken", LpPool2d((2, 3), stride=1, norm=1.5), (2, 5, 6)),
    _norm("1d-sum", LpPool1d(3, stride=2, norm=1.0), (5, 8)),
    LayerCase("global-average", GlobalAvgPool(), ((3, 4, 5),), elementwise(lambda x: x.mean((2, 3)))),
    LayerCase("global-average-1d", GlobalAvgPool(), ((3, 7),), elementwise(lambda x: x.mean(2))),
    LayerCase(
        "global-max", GlobalMaxPool(), ((17, 4, 5),), elementwise(lambda x: x.amax((2, 3))), kinks="ties"
    ),
    LayerCase(
        "global-max-large",
        GlobalMaxPool(),
        ((3, 17, 16),),
        elementwise(lambda x: x.amax((2, 3))),
        kinks="ties",
    ),
    LayerCase("global-max-1d", GlobalMaxPool(), ((3, 7),), elementwise(lambda x: x.amax(2)), kinks="ties"),
    _adaptive("average", AdaptiveAvgPool2d(3), (17, 7, 5)),
    _adaptive("average-even", AdaptiveAvgPool2d((2, 3)), (3, 6, 9)),
    _adaptive("average-whole", AdaptiveAvgPool2d(1), (17, 5, 3)),
    _adaptive("average-more", AdaptiveAvgPool2d(7), (3, 4, 5)),
    _adaptive("average-1d", AdaptiveAvgPool1d(4), (5, 11)),
    _adaptive("max", AdaptiveMaxPool2d((3, 4)), (17, 7, 6)),
    _adaptive("max-even", AdaptiveMaxPool2d(2), (3, 4, 6)),
    _adaptive("max-more", AdaptiveMaxPool2d((5, 2)), (2, 3, 3)),
    _adaptive("max-1d", AdaptiveMaxPool1d(3), (5, 8)),
    LayerCase("subsample", Subsample2d(), ((3, 4, 6),), subsample(Subsample2d())),
    LayerCase(
        "subsample-overlapping", Subsample2d(3, stride=2), ((2, 7, 6),), subsample(Subsample2d(3, stride=2))
    ),
)
