"""Cases of the activations and of softmax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layer_case import MAP, LayerCase, Oracle, elementwise
from torch import Tensor, exp
from torch.nn import functional

from pellucid.layers import (
    ELU,
    GELU,
    SELU,
    Clip,
    Hardsigmoid,
    Hardswish,
    LeakyReLU,
    LogSoftmax,
    Maxout,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    ScaledTanh,
    Shape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)

WIDE: tuple[Shape, ...] = ((17, 3, 2),)


def _prelu(inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], training: bool) -> Tensor:
    return functional.prelu(inputs[0], parameters["weight"])


def _maxout(pieces: int) -> Oracle:
    return elementwise(lambda x: x.unflatten(1, (-1, pieces)).amax(2))


def _gelu_tanh(x: Tensor) -> Tensor:
    return functional.gelu(x, approximate="tanh")


ACTIVATIONS = (
    LayerCase("sigmoid", Sigmoid(), MAP, elementwise(functional.sigmoid)),
    LayerCase("sigmoid-wide", Sigmoid(), ((17, 3, 2),), elementwise(functional.sigmoid)),
    LayerCase("tanh", Tanh(), MAP, elementwise(functional.tanh)),
    LayerCase(
        "scaled-tanh", ScaledTanh(), ((5,),), elementwise(lambda x: 1.7159 * functional.tanh(x * (2 / 3)))
    ),
    LayerCase("relu", ReLU(), MAP, elementwise(functional.relu), kinks="zero"),
    LayerCase("relu-vector", ReLU(), ((5,),), elementwise(functional.relu), kinks="zero"),
    LayerCase("leaky-relu", LeakyReLU(), MAP, elementwise(functional.leaky_relu), kinks="zero"),
    LayerCase(
        "leaky-relu-quarter",
        LeakyReLU(0.25),
        ((4, 5),),
        elementwise(lambda x: functional.leaky_relu(x, 0.25)),
        "zero",
    ),
    LayerCase("elu", ELU(), MAP, elementwise(functional.elu), kinks="zero"),
    LayerCase("elu-half", ELU(0.5), ((7,),), elementwise(lambda x: functional.elu(x, 0.5)), kinks="zero"),
    LayerCase("softplus", Softplus(), MAP, elementwise(lambda x: (1 + exp(x)).log())),
    LayerCase("softmax", Softmax(), ((6,),), elementwise(lambda x: functional.softmax(x, 1))),
    LayerCase("softmax-wide", Softmax(), ((33, 2, 2),), elementwise(lambda x: functional.softmax(x, 1))),
    LayerCase("softmax-map", Softmax(), MAP, elementwise(lambda x: functional.softmax(x, 1))),
    LayerCase("selu", SELU(), WIDE, elementwise(functional.selu), kinks="zero"),
    LayerCase("gelu", GELU(), MAP, elementwise(functional.gelu)),
    LayerCase("gelu-wide", GELU(), WIDE, elementwise(functional.gelu)),
    LayerCase("gelu-tanh", GELU("tanh"), WIDE, elementwise(_gelu_tanh)),
    LayerCase("silu", SiLU(), MAP, elementwise(functional.silu)),
    LayerCase("silu-wide", SiLU(), WIDE, elementwise(functional.silu)),
    LayerCase("mish", Mish(), WIDE, elementwise(functional.mish)),
    LayerCase("hardsigmoid", Hardsigmoid(), MAP, elementwise(lambda x: (x / 6 + 0.5).clamp(0, 1))),
    LayerCase(
        "hardsigmoid-steep",
        Hardsigmoid(0.75, 0.25),
        WIDE,
        elementwise(lambda x: (x * 0.75 + 0.25).clamp(0, 1)),
    ),
    LayerCase("hardswish", Hardswish(), WIDE, elementwise(functional.hardswish)),
    LayerCase("relu6", ReLU6(), WIDE, elementwise(functional.relu6), kinks="zero"),
    LayerCase("clip", Clip(-0.5, 0.75), WIDE, elementwise(lambda x: x.clamp(-0.5, 0.75))),
    LayerCase("clip-above-zero", Clip(0.25), WIDE, elementwise(lambda x: x.clamp(min=0.25))),
    LayerCase("clip-below", Clip(maximum=0.5), ((5,),), elementwise(lambda x: x.clamp(max=0.5))),
    LayerCase("prelu", PReLU(), MAP, _prelu, kinks="zero"),
    LayerCase("prelu-wide", PReLU(), WIDE, _prelu, kinks="zero"),
    LayerCase("prelu-shared", PReLU(shared=True), WIDE, _prelu, kinks="zero"),
    LayerCase("prelu-vector", PReLU(), ((6,),), _prelu, kinks="zero"),
    LayerCase("maxout", Maxout(), ((6, 2, 3),), _maxout(2), kinks="ties"),
    LayerCase("maxout-vector", Maxout(3), ((54,),), _maxout(3), kinks="ties"),
    LayerCase("log-softmax", LogSoftmax(), ((6,),), elementwise(lambda x: functional.log_softmax(x, 1))),
    LayerCase(
        "log-softmax-wide", LogSoftmax(), ((33, 2, 2),), elementwise(lambda x: functional.log_softmax(x, 1))
    ),
)
