"""Hyper-parameters drawn by hypothesis."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch_oracles import Oracle, average_pool, convolution, max_pool, transposed_convolution

from pellucid.engines.engine import Array, CompileOptions, Purpose, Rule
from pellucid.engines.native import NativeEngine
from pellucid.engines.reference import ReferenceEngine
from pellucid.engines.reference.definition import INFERENCE
from pellucid.engines.reference.definitions import definition
from pellucid.errors import LayerError
from pellucid.graph import sequential_graph
from pellucid.layers import (
    AvgPool1d,
    AvgPool2d,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Layer,
    MaxPool1d,
    MaxPool2d,
    Shape,
)

Drawn = tuple[Layer, Shape, Oracle]

FAST = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def fitting(layer: Layer, shape: Shape) -> bool:
    """Whether the layer accepts the shape: hypothesis draws the rest again."""
    try:
        layer.output_shape([shape])
    except LayerError:
        return False
    return True


@st.composite
def convolutions(draw: st.DrawFn) -> Drawn:
    """Any convolution that fits its input, in one or two dimensions."""
    rank = draw(st.sampled_from([1, 2, 2]))

    def axes(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    groups, inputs, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    amounts = tuple((draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in range(rank))
    family = Conv1d if rank == 1 else Conv2d
    layer = family(
        groups * outputs,
        axes(1, 4),
        stride=axes(1, 3),
        padding=draw(st.sampled_from(["valid", "same", "full", amounts, amounts])),
        padding_mode=draw(st.sampled_from(["zeros", "edge", "reflect", "circular"])),
        dilation=axes(1, 3),
        groups=groups,
        bias=draw(st.booleans()),
        flip=draw(st.booleans()),
    )
    shape = (groups * inputs, *axes(1, 10))
    assume(fitting(layer, shape))
    return layer, shape, convolution(layer, shape)


@st.composite
def transposed_convolutions(draw: st.DrawFn) -> Drawn:
    """Any transposed convolution that leaves a cell, in one or two dimensions."""
    rank = draw(st.sampled_from([1, 2, 2]))

    def axes(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    groups, inputs, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    stride, dilation = axes(1, 3), axes(1, 3)
    steps = (max(pair) for pair in zip(stride, dilation, strict=True))
    family = ConvTranspose1d if rank == 1 else ConvTranspose2d
    layer = family(
        groups * outputs,
        axes(1, 4),
        stride=stride,
        padding=tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(rank)),
        output_padding=tuple(draw(st.integers(0, step - 1)) for step in steps),
        dilation=dilation,
        groups=groups,
        bias=draw(st.booleans()),
    )
    shape = (groups * inputs, *axes(1, 5))
    assume(fitting(layer, shape))
    return layer, shape, transposed_convolution(layer)


@st.composite
def poolings(draw: st.DrawFn) -> Drawn:
    """Any pooling that fits its input, in one or two dimensions."""
    rank = draw(st.sampled_from([1, 2, 2]))

    def axes(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    kernel, shape = axes(1, 4), (draw(st.integers(1, 3)), *axes(1, 10))
    stride = draw(st.sampled_from([None, axes(1, 4)]))
    halves = tuple((draw(st.integers(0, k // 2)), draw(st.integers(0, k // 2))) for k in kernel)
    padding = draw(st.sampled_from(["valid", "same", halves, halves]))
    ceil_mode = draw(st.booleans())
    kind = draw(st.sampled_from(["max", "include", "exclude"]))
    if kind == "max":
        largest_family = MaxPool1d if rank == 1 else MaxPool2d
        largest = largest_family(kernel, stride, padding, ceil_mode, axes(1, 2))
        assume(fitting(largest, shape))
        return largest, shape, max_pool(largest, shape)
    mean_family = AvgPool1d if rank == 1 else AvgPool2d
    mean = mean_family(kernel, stride, padding, ceil_mode, include_padding=kind == "include")
    assume(fitting(mean, shape))
    return mean, shape, average_pool(mean, shape)


LAYERS = st.one_of(convolutions(), transposed_convolutions(), poolings())


def numbers(seed: int, layer: Layer, shape: Shape, dtype: type) -> tuple[Array, dict[str, Array]]:
    """Three images and the layer's parameters, multiples of 1/64 without ties in one image."""
    generator = np.random.default_rng(seed)
    cells = math.prod(shape)
    x = np.stack([generator.permutation(cells) - cells // 2 for _ in range(3)]).reshape(3, *shape) / 64
    parameters = {
        spec.name: (generator.integers(-64, 65, spec.shape) / 64).astype(dtype)
        for spec in layer.parameters([shape])
    }
    return x.astype(dtype), parameters


@FAST
@given(LAYERS, st.sampled_from([np.float32, np.float64]), st.integers(0, 9))
def test_definitions_equal_pytorch(drawn: Drawn, dtype: type, seed: int) -> None:
    layer, shape, oracle = drawn
    x, parameters = numbers(seed, layer, shape, dtype)
    rules = definition(layer)
    y, cache = rules.forward(layer, [x], parameters, INFERENCE)
    gradient = np.random.default_rng(seed).integers(-64, 65, y.shape).astype(dtype) / 64
    (share,), gradients = rules.backward(layer, gradient, cache, Rule.GRADIENT)

    image = torch.tensor(x, requires_grad=True)
    weights = {name: torch.tensor(w, requires_grad=True) for name, w in parameters.items()}
    expected = oracle([image], weights, False)
    expected.backward(torch.tensor(gradient))
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(y, expected.detach(), rtol=tolerance, atol=10 * tolerance)
    np.testing.assert_allclose(share, image.grad, rtol=tolerance, atol=10 * tolerance)
    for name, weight in weights.items():
        np.testing.assert_allclose(gradients[name], weight.grad, rtol=tolerance, atol=10 * tolerance)


@FAST
@given(LAYERS, st.integers(0, 9))
def test_native_equals_the_definitions(drawn: Drawn, seed: int) -> None:
    layer, shape, _ = drawn
    x, parameters = numbers(seed, layer, shape, np.float32)
    graph = sequential_graph([("layer", layer)], shape)
    results = []
    for engine in (NativeEngine(poison=True), ReferenceEngine("float64")):
        compiled = engine.compile(graph, CompileOptions(4, Purpose.TRACE))
        compiled.write_parameters({f"layer.{name}": array for name, array in parameters.items()})
        trace = compiled.trace(x)
        generator = np.random.default_rng(seed)
        gradient = generator.integers(-64, 65, trace["layer"].shape).astype(np.float32) / 64
        results.append({"output": trace["layer"], **compiled.backward(trace, {"layer": gradient})})
    ours, exact = results
    assert ours.keys() == exact.keys()
    for name, expected in exact.items():
        np.testing.assert_allclose(ours[name], expected, rtol=1e-5, atol=1e-4, err_msg=name)
