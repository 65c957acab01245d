"""Cases of the normalisations."""

from __future__ import annotations

from layer_case import MAP, LayerCase, Oracle, elementwise
from torch.nn import functional

from pellucid.layers import BatchNorm2d, Normalize


def _batch_norm(layer: BatchNorm2d) -> Oracle:
    return lambda inputs, parameters, training: functional.batch_norm(
        inputs[0],
        parameters["running_mean"].clone(),
        parameters["running_var"].clone(),
        parameters.get("weight"),
        parameters.get("bias"),
        training,
        layer.momentum,
        layer.epsilon,
    )


NORMALIZATIONS = (
    LayerCase("normalize-one", Normalize((0.5,), (0.25,)), MAP, elementwise(lambda x: (x - 0.5) / 0.25)),
    LayerCase("normalize-each", Normalize((0.5, -1.0, 0.0), (0.3, 2.0, 1.0)), MAP),
    LayerCase("normalize-vector", Normalize((0.5,), (4.0,)), ((5,),), elementwise(lambda x: (x - 0.5) / 4)),
    LayerCase("batch-norm", BatchNorm2d(), MAP, _batch_norm(BatchNorm2d()), training=True),
    LayerCase("batch-norm-wide", BatchNorm2d(), ((17, 5, 3),), _batch_norm(BatchNorm2d()), training=True),
    LayerCase(
        "batch-norm-plain",
        BatchNorm2d(epsilon=1e-3, momentum=0.25, affine=False),
        ((2, 3, 3),),
        _batch_norm(BatchNorm2d(epsilon=1e-3, momentum=0.25, affine=False)),
        training=True,
    ),
)
