"""Cases of the activations and of softmax."""

from __future__ import annotations

from layer_case import MAP, LayerCase, elementwise
from torch import exp
from torch.nn import functional

from pellucid.layers import ELU, LeakyReLU, ReLU, ScaledTanh, Sigmoid, Softmax, Softplus, Tanh

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
)
