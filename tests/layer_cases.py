"""One row a layer and variant: the list that every layer test runs over.

A row gives the shape, finite-difference, PyTorch, terms and cross-engine tests of its layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, exp
from torch.nn import functional
from torch_oracles import average_pool, convolution, max_pool, subsample

from pellucid.layers import (
    ELU,
    Add,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv1d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    Normalize,
    RBFOutput,
    ReLU,
    ScaledTanh,
    Shape,
    Sigmoid,
    Softmax,
    Softplus,
    Subsample2d,
    Tanh,
)

Float64 = NDArray[np.float64]
Oracle = Callable[[Sequence[Tensor], Mapping[str, Tensor], bool], Tensor]
"""(inputs, parameters, training) to the output, in PyTorch."""

C3_TABLE = ((0, 1, 2), (1, 2, 3), (0, 3), (0, 1, 2, 3), (0, 1, 2, 3))
"""As LeNet-5's C3: rows of different lengths, and two equal ones in a row."""


@dataclass(frozen=True)
class LayerCase:
    """A layer at given input shapes.

    Attributes:
        name: for people.
        layer: the layer.
        input_shapes: without the batch.
        oracle: the same in PyTorch, where it has the layer.
        kinks: where the derivative jumps, so that finite differences do not hold: "zero", around inputs of 0;
            "ties", where two cells are nearly equal.
        training: it computes something else in training, so that both are tested.
    """

    name: str
    layer: Layer
    input_shapes: tuple[Shape, ...]
    oracle: Oracle | None = None
    kinks: Literal["none", "zero", "ties"] = "none"
    training: bool = False

    def __str__(self) -> str:
        return self.name

    def inputs(self, count: int, seed: int) -> list[Float64]:
        """Seeded arrays of float32-exact numbers, away from the kinks."""
        generator = np.random.default_rng(seed)
        return [self._draw(generator, (count, *shape)) for shape in self.input_shapes]

    def _draw(self, generator: np.random.Generator, shape: Shape) -> Float64:
        if self.kinks == "ties":
            cells = int(np.prod(shape))
            return (generator.permutation(cells).reshape(shape) - cells // 2) / 64
        x = generator.normal(size=shape).astype(np.float32).astype(np.float64)
        return np.where(np.abs(x) < 1 / 16, np.copysign(1 / 16, x), x) if self.kinks == "zero" else x

    def parameters(self, seed: int) -> dict[str, Float64]:
        """Seeded arrays by short name; variances are positive."""
        generator = np.random.default_rng([seed, 1])
        result = {}
        for spec in self.layer.parameters(self.input_shapes):
            value = generator.normal(size=spec.shape).astype(np.float32).astype(np.float64)
            result[spec.name] = np.abs(value) + 0.5 if spec.name == "running_var" else value
        return result


def elementwise(function: Callable[[Tensor], Tensor]) -> Oracle:
    """The oracle of a function of one input."""
    return lambda inputs, parameters, training: function(inputs[0])


def _convolution(name: str, layer: Conv1d | Conv2d, shape: Shape) -> LayerCase:
    rank = f"conv{layer.rank}d"
    return LayerCase(f"{rank}-{name}", layer, (shape,), convolution(layer, shape))


def _max(name: str, layer: MaxPool2d, shape: Shape) -> LayerCase:
    return LayerCase(f"max-{name}", layer, (shape,), max_pool(layer, shape), kinks="ties")


def _average(name: str, layer: AvgPool2d, shape: Shape) -> LayerCase:
    return LayerCase(f"average-{name}", layer, (shape,), average_pool(layer, shape))


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
    _convolution("groups", Conv1d(4, 2, groups=2, stride=2), (4, 7)),
    _convolution("connections", Conv1d(5, 2, connections=C3_TABLE, padding="full"), (4, 4)),
)

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

MAP: tuple[Shape, ...] = ((3, 4, 3),)

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


def _sum(inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], training: bool) -> Tensor:
    total = inputs[0]
    for x in inputs[1:]:
        total = total + x
    return total


def _concatenation(inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], training: bool) -> Tensor:
    from torch import cat

    return cat(list(inputs), 1)


OTHERS = (
    LayerCase("add", Add(), ((2, 3, 4), (2, 3, 4)), _sum),
    LayerCase("add-three-vectors", Add(), ((5,), (5,), (5,)), _sum),
    LayerCase("concat", Concat(), ((2, 3, 4), (1, 3, 4), (3, 3, 4)), _concatenation),
    LayerCase("concat-many", Concat(), ((8, 2, 2), (11, 2, 2), (16, 2, 2), (5, 2, 2)), _concatenation),
    LayerCase("concat-vectors", Concat(), ((2,), (5,)), _concatenation),
    LayerCase("flatten", Flatten(), ((2, 3, 4),), elementwise(lambda x: x.flatten(1))),
    LayerCase("flatten-vector", Flatten(), ((5,),), elementwise(lambda x: x)),
    LayerCase("dropout", Dropout(), ((2, 3, 3),), training=True),
    LayerCase("dropout-many", Dropout(0.3), ((19, 2, 3),), training=True),
    LayerCase("dropout-vector", Dropout(0.2), ((7,),), training=True),
)

LAYER_CASES: tuple[LayerCase, ...] = (
    *CONVOLUTIONS,
    *POOLINGS,
    *DENSE,
    *ACTIVATIONS,
    *NORMALIZATIONS,
    *OTHERS,
)
