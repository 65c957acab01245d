"""Cases of the layers in which every output sees every input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layer_case import LayerCase
from torch import Tensor
from torch.nn import functional

from pellucid.layers import Linear, RBFOutput


def _linear(inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], training: bool) -> Tensor:
    return functional.linear(inputs[0], parameters["weight"], parameters.get("bias"))


DENSE = (
    LayerCase("linear", Linear(4), ((7,),), _linear),
    LayerCase("linear-no-bias", Linear(3, bias=False), ((5,),), _linear),
    LayerCase("linear-long", Linear(53), ((603,),), _linear),
    LayerCase("linear-one-output", Linear(1), ((33,),), _linear),
    LayerCase(
        "rbf",
        RBFOutput(4),
        ((6,),),
        lambda inputs, parameters, training: -((inputs[0][:, None] - parameters["prototypes"]) ** 2).sum(2),
    ),
)
