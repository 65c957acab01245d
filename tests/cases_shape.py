"""Cases of the layers that rearrange, and of dropout."""

from __future__ import annotations

from layer_case import LayerCase, elementwise

from pellucid.layers import Dropout, Flatten

SHAPES = (
    LayerCase("flatten", Flatten(), ((2, 3, 4),), elementwise(lambda x: x.flatten(1))),
    LayerCase("flatten-vector", Flatten(), ((5,),), elementwise(lambda x: x)),
    LayerCase("dropout", Dropout(), ((2, 3, 3),), training=True),
    LayerCase("dropout-many", Dropout(0.3), ((19, 2, 3),), training=True),
    LayerCase("dropout-vector", Dropout(0.2), ((7,),), training=True),
)
