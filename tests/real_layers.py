"""The layers of real networks at their own shapes, run on an engine and defined in double precision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pellucid import zoo
from pellucid.engines.engine import CompileOptions, Engine, Examples, Purpose
from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import (
    BatchNorm2d,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Input,
    Layer,
    Linear,
    MaxPool2d,
    Shape,
    Softmax,
)
from pellucid.objectives import SquaredError
from pellucid.optimizers import SGD

Array = NDArray[Any]
Results = dict[str, Array]

NETWORKS = ("lenet5", "tiny-vgg", "resnet20", "alexnet", "vgg16", "resnet18", "resnet50")
SMALL_IMAGES = {"alexnet": (3, 63, 63), "vgg16": (3, 32, 32)}
SEED = 12
IMAGES = 2
FAR = 1000.0
"""A target so far away that the loss' gradient, output - target, is known to every digit."""


@dataclass(frozen=True)
class RealLayer:
    """A layer at one of the shapes that it has in a network.

    Attributes:
        where: network and node.
        layer: its description.
        shape: of its input.
        stem: whether it reads the network's images.
    """

    where: str
    layer: Layer
    shape: Shape
    stem: bool

    def __str__(self) -> str:
        return self.where

    @property
    def network(self) -> str:
        return self.where.rpartition("-")[0]

    @property
    def multiply_adds(self) -> int:
        """For one image."""
        weights = sum(math.prod(spec.shape) for spec in self.layer.parameters([self.shape]))
        return weights * math.prod(self.layer.output_shape([self.shape])[1:])


@dataclass(frozen=True)
class Sample:
    """Numbers for a layer, and what it makes of them.

    Attributes:
        weights: by short name.
        inputs: images for a stem, otherwise what a rectifier leaves.
        delta: a gradient of the output.
        exact: results in double precision.
    """

    case: RealLayer
    weights: Mapping[str, Array]
    inputs: Array
    delta: Array
    exact: Results

    @classmethod
    def draw(cls, case: RealLayer, images: int = IMAGES) -> Sample:
        """Seeded."""
        generator = np.random.default_rng(SEED)
        shape = images, *case.shape
        inputs = generator.random(shape, np.float32)
        if not case.stem:
            inputs = np.maximum(generator.standard_normal(shape, np.float32), 0)
        delta_shape = images, *case.layer.output_shape([case.shape])
        delta = generator.standard_normal(delta_shape, np.float32)
        weights = draw_weights(generator, case.layer, case.shape)
        return cls(case, weights, inputs, delta, define_layer(case.layer, inputs, weights, delta))


def draw_weights(generator: np.random.Generator, layer: Layer, shape: Shape) -> dict[str, Array]:
    """Small enough to keep the values in their range; scales and variances are about 1."""
    weights = {}
    for spec in layer.parameters([shape]):
        drawn = generator.standard_normal(spec.shape, np.float32)
        if len(spec.shape) > 1:
            drawn /= np.float32(math.sqrt(math.prod(spec.shape[1:])))
        elif spec.name in ("weight", "running_var"):
            drawn = 1 + generator.random(spec.shape, np.float32)
        weights[spec.name] = drawn
    return weights


@cache
def network(name: str) -> Graph:
    """Its graph for images of its own size, made from one for small images: fewer parameters are drawn."""
    small = zoo.create(name, input_shape=SMALL_IMAGES.get(name), engine="reference").graph
    own = Input(zoo.NETWORKS[name].input_shape)
    return Graph((replace(small.nodes[0], layer=own), *small.nodes[1:]), small.outputs)


def layers_of(*families: type[Layer]) -> list[RealLayer]:
    """Of all networks; one that comes again at the same shape is listed once."""
    found: dict[tuple[Layer, Shape], RealLayer] = {}
    for name in NETWORKS:
        graph = network(name)
        for node in graph.nodes:
            if isinstance(node.layer, families):
                (feeding,) = node.inputs
                shape = graph.shapes[feeding]
                layer = RealLayer(f"{name}-{node.name}", node.layer, shape, feeding in graph.inputs)
                found.setdefault((node.layer, shape), layer)
    return list(found.values())


def relative_error(ours: Array, exact: Array) -> float:
    """Relative L2."""
    return float(np.linalg.norm(ours - exact) / np.linalg.norm(exact))


def relative_errors(ours: Mapping[str, Array], exact: Mapping[str, Array]) -> dict[str, float]:
    """Of each result; every value that should be there is."""
    assert ours.keys() == exact.keys()
    return {name: relative_error(ours[name], exact[name]) for name in exact}


# ---- a layer alone


def run_layer(engine: Engine, sample: Sample) -> Results:
    """Output, input gradient and the gradients of the parameters, without minimal filtering."""
    builder = GraphBuilder()
    builder.add(sample.case.layer, builder.input(sample.case.shape, "input"), name="layer")
    options = CompileOptions(len(sample.inputs), Purpose.TRACE, keep=("layer",), precision="direct")
    program = engine.compile(builder.graph(), options)
    program.write_parameters({f"layer.{name}": array for name, array in sample.weights.items()})
    trace = program.trace(sample.inputs)
    gradients = program.backward(trace, {"layer": sample.delta})
    parameters = {name.removeprefix("layer."): array for name, array in gradients.parameters.items()}
    return {"output": trace["layer"], "input gradient": gradients.input, **parameters}


def define_layer(layer: Layer, inputs: Array, weights: Mapping[str, Array], delta: Array) -> Results:
    """The same in double precision, by PyTorch."""
    images = torch.from_numpy(inputs).double().requires_grad_()
    tensors = {name: torch.from_numpy(array).double().requires_grad_() for name, array in weights.items()}
    output = define(layer, images, tensors)
    output.backward(torch.from_numpy(delta).double())
    gradients = {name: tensor.grad for name, tensor in {"input gradient": images, **tensors}.items()}
    results = {"output": output.detach(), **gradients}
    return {name: tensor.numpy() for name, tensor in results.items() if tensor is not None}


def define(layer: Layer, x: torch.Tensor, weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The layer in PyTorch, in training."""
    if isinstance(layer, Linear):
        return functional.linear(x, weights["weight"], weights.get("bias"))
    if isinstance(layer, BatchNorm2d):
        return functional.batch_norm(
            x,
            weights["running_mean"],
            weights["running_var"],
            weights["weight"],
            weights["bias"],
            True,
            layer.momentum,
            layer.epsilon,
        )
    if isinstance(layer, GlobalAvgPool):
        return x.mean((2, 3))
    if isinstance(layer, Softmax):
        return functional.softmax(x, 1)
    assert isinstance(layer, (Conv2d, MaxPool2d))
    axes = layer.window([tuple(x.shape[1:])])
    padding = [amount for axis in reversed(axes) for amount in (axis.pad_start, axis.pad_end)]
    if isinstance(layer, MaxPool2d):
        return functional.max_pool2d(functional.pad(x, padding, value=-math.inf), layer.kernel, layer.stride)
    assert layer.groups == 1
    return functional.conv2d(functional.pad(x, padding), weights["weight"], weights.get("bias"), layer.stride)


# ---- a layer in training


@dataclass(frozen=True)
class TrainingCase:
    """Layers, then one fully connected, "readout", with one output: a step of them, and what it must do.

    With targets that are FAR the gradient of the readout's weights is what it reads, and the gradient of what
    it reads is its weights, both times known numbers.
    """

    graph: Graph
    images: Array
    targets: Array
    parameters: Mapping[str, Array]

    @classmethod
    def draw(cls, layers: Mapping[str, Layer], images: Array) -> TrainingCase:
        """Seeded; the targets are of one sign, lest the gradients of two images cancel."""
        generator = np.random.default_rng(SEED)
        builder = GraphBuilder()
        last = builder.input(images.shape[1:], "input")
        for name, layer in layers.items():
            last = builder.add(layer, last, name=name)
        builder.add(Linear(1), builder.add(Flatten(), last, name="flatten"), name="readout")
        graph = builder.graph()
        parameters = {
            f"{node.name}.{name}": array
            for node in graph.nodes[1:]
            for name, array in draw_weights(generator, node.layer, graph.shapes[node.inputs[0]]).items()
        }
        targets = FAR * np.arange(1, len(images) + 1, dtype=np.float32)[:, None]
        return cls(graph, images, targets, parameters)


def run_step(engine: Engine, case: TrainingCase) -> Results:
    """Gradients, which a first step leaves as velocities, and running statistics."""
    images = len(case.images)
    options = CompileOptions(
        images,
        Purpose.TRAINING,
        objective=SquaredError(),
        optimizer=SGD(momentum=0.9),
        precision="direct",
    )
    program = engine.compile(case.graph, options)
    program.write_parameters(case.parameters)
    program.train_steps(
        Examples(case.images, case.targets), np.arange(images), batch_size=images, learning_rates=[0.1]
    )
    statistics = {name: array for name, array in program.read_parameters().items() if "running" in name}
    return statistics | {
        name.removeprefix("velocity:"): array for name, array in program.read_slots().items()
    }


def define_step(case: TrainingCase) -> Results:
    """The same in double precision, by PyTorch."""
    scale = 255 if case.images.dtype == np.uint8 else 1
    x = torch.from_numpy(case.images).double() / scale
    weights = {
        name: torch.from_numpy(array).double().requires_grad_("running" not in name)
        for name, array in case.parameters.items()
    }
    for node in case.graph.nodes[1:]:
        own = {full.split(".")[1]: w for full, w in weights.items() if full.startswith(f"{node.name}.")}
        x = x.flatten(1) if isinstance(node.layer, Flatten) else define(node.layer, x, own)
    loss = ((x - torch.from_numpy(case.targets).double()) ** 2).sum() / 2 / len(x)
    loss.backward()
    return {
        name: (weight if weight.grad is None else weight.grad).detach().numpy()
        for name, weight in weights.items()
    }
