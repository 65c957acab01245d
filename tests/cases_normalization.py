"""Cases of the normalisations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layer_case import MAP, LayerCase, Oracle, elementwise
from torch import Tensor
from torch.nn import functional

from pellucid.layers import (
    BatchNorm1d,
    BatchNorm2d,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    Normalize,
    Shape,
)
from pellucid.layers.normalization import BatchNorm, ImageNorm


def _batch_norm(layer: BatchNorm) -> Oracle:
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


def _batch(name: str, layer: BatchNorm, shape: Shape) -> LayerCase:
    return LayerCase(f"batch-norm{name}", layer, (shape,), _batch_norm(layer), training=True)


def _image_norm(layer: ImageNorm, shape: Shape) -> Oracle:
    def oracle(inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], training: bool) -> Tensor:
        x, weight, bias = inputs[0], parameters.get("weight"), parameters.get("bias")
        match layer:
            case LayerNorm():
                return functional.layer_norm(x, layer.affine_shape(shape), weight, bias, layer.epsilon)
            case GroupNorm():
                return functional.group_norm(x, layer.groups, weight, bias, layer.epsilon)
            case _:
                return functional.group_norm(x, shape[0], weight, bias, layer.epsilon)

    return oracle


def _image(name: str, layer: ImageNorm, shape: Shape) -> LayerCase:
    return LayerCase(name, layer, (shape,), _image_norm(layer, shape))


def _local_response(name: str, layer: LocalResponseNorm, shape: Shape) -> LayerCase:
    oracle = elementwise(
        lambda x: functional.local_response_norm(x, layer.size, layer.alpha, layer.beta, layer.k)
    )
    return LayerCase(f"local-response{name}", layer, (shape,), oracle)


NORMALIZATIONS = (
    LayerCase("normalize-one", Normalize((0.5,), (0.25,)), MAP, elementwise(lambda x: (x - 0.5) / 0.25)),
    LayerCase("normalize-each", Normalize((0.5, -1.0, 0.0), (0.3, 2.0, 1.0)), MAP),
    LayerCase("normalize-vector", Normalize((0.5,), (4.0,)), ((5,),), elementwise(lambda x: (x - 0.5) / 4)),
    _batch("", BatchNorm2d(), (3, 4, 3)),
    _batch("-wide", BatchNorm2d(), (17, 5, 3)),
    _batch("-plain", BatchNorm2d(epsilon=1e-3, momentum=0.25, affine=False), (2, 3, 3)),
    _batch("-1d", BatchNorm1d(), (17, 7)),
    _batch("-vector", BatchNorm1d(momentum=0.3), (19,)),
    _image("group-norm", GroupNorm(groups=3), (18, 4, 3)),
    _image("group-norm-one", GroupNorm(groups=1, epsilon=1e-3), (5, 7)),
    _image("group-norm-plain", GroupNorm(affine=False, groups=2), (4, 3, 5)),
    _image("instance-norm", InstanceNorm(), (17, 5, 3)),
    _image("instance-norm-1d", InstanceNorm(affine=False), (3, 9)),
    _image("layer-norm", LayerNorm(), (17, 3, 5)),
    _image("layer-norm-last", LayerNorm(axes=1, epsilon=1e-6), (3, 4, 21)),
    _image("layer-norm-two", LayerNorm(axes=2), (5, 3, 4)),
    _image("layer-norm-vector", LayerNorm(), (19,)),
    _image("layer-norm-plain", LayerNorm(affine=False), (3, 4)),
    _image("layer-norm-long", LayerNorm(), (3, 19, 21)),
    _local_response("", LocalResponseNorm(alpha=0.5), (19, 4, 3)),
    _local_response("-alexnet", LocalResponseNorm(5, 5e-4, 0.75, 2.0), (33, 3, 2)),
    _local_response("-even", LocalResponseNorm(4, 0.3, 0.6, 0.5), (17, 3, 2)),
    _local_response("-wider-than-the-maps", LocalResponseNorm(9, 1.0, 0.5), (3, 7)),
    _local_response("-full-power", LocalResponseNorm(3, 0.7, 1.0), (5, 23, 5)),
)
