"""Hyper-parameters drawn by hypothesis, and identities of the convolution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch_oracles import Oracle, average_pool, convolution, max_pool

from pellucid.engines.engine import Array, CompileOptions, Purpose, Rule
from pellucid.engines.native import NativeEngine
from pellucid.engines.reference import ReferenceEngine
from pellucid.engines.reference.definition import INFERENCE
from pellucid.engines.reference.definitions import definition
from pellucid.errors import LayerError
from pellucid.graph import sequential_graph
from pellucid.layers import AvgPool2d, Conv1d, Conv2d, Layer, Linear, MaxPool2d, Shape

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
def poolings(draw: st.DrawFn) -> Drawn:
    """Any pooling that fits its input."""
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.none() | st.tuples(st.integers(1, 4), st.integers(1, 4)))
    halves = tuple((draw(st.integers(0, k // 2)), draw(st.integers(0, k // 2))) for k in kernel)
    padding = draw(st.sampled_from(["valid", "same", halves, halves]))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 10)), draw(st.integers(1, 10)))
    kind = draw(st.sampled_from(["max", "include", "exclude"]))
    if kind == "max":
        largest = MaxPool2d(kernel, stride, padding)
        assume(fitting(largest, shape))
        return largest, shape, max_pool(largest, shape)
    mean = AvgPool2d(kernel, stride, padding, include_padding=kind == "include")
    assume(fitting(mean, shape))
    return mean, shape, average_pool(mean, shape)


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
@given(st.one_of(convolutions(), poolings()), st.sampled_from([np.float32, np.float64]), st.integers(0, 9))
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
@given(st.one_of(convolutions(), poolings()), st.integers(0, 9))
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


# ---- identities


def output(layer: Layer, x: Array, weight: Array) -> Array:
    """A layer without bias on one image."""
    return definition(layer).forward(layer, [x[None]], {"weight": weight}, INFERENCE)[0][0]


integers = st.integers(-9, 9)


@st.composite
def maps(draw: st.DrawFn, rank: int) -> Array:
    """A small map of whole numbers."""
    shape = tuple(draw(st.integers(1, 5)) for _ in range(rank))
    cells = math.prod(shape)
    return np.array(draw(st.lists(integers, min_size=cells, max_size=cells)), np.float64).reshape(shape)


@FAST
@given(st.sampled_from([1, 2]).flatmap(lambda rank: st.tuples(maps(rank), maps(rank))))
def test_wide_convolution_commutes(pair: tuple[Array, Array]) -> None:
    def wide(x: Array, w: Array) -> Array:
        family = Conv1d if x.ndim == 1 else Conv2d
        layer = family(1, w.shape, padding="full", flip=True, bias=False)
        return output(layer, x[None], w[None, None])

    x, w = pair
    np.testing.assert_array_equal(wide(x, w), wide(w, x))


@FAST
@given(maps(2), maps(2), st.tuples(st.integers(1, 3), st.integers(1, 3)))
def test_dilation_equals_a_spread_kernel(x: Array, w: Array, dilation: tuple[int, int]) -> None:
    spread = np.zeros([(size - 1) * step + 1 for size, step in zip(w.shape, dilation, strict=True)])
    spread[:: dilation[0], :: dilation[1]] = w
    dilated = Conv2d(1, w.shape, dilation=dilation, padding="full", bias=False)
    plain = Conv2d(1, spread.shape, padding="full", bias=False)
    np.testing.assert_array_equal(
        output(dilated, x[None], w[None, None]), output(plain, x[None], spread[None, None])
    )


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 2, 5), (2, 1, 1)])
def test_linear_equals_a_convolution_as_large_as_its_input(shape: Shape) -> None:
    generator = np.random.default_rng(1)
    x = generator.integers(-9, 10, shape).astype(np.float64)
    weight = generator.integers(-9, 10, (6, *shape)).astype(np.float64)
    as_convolution = output(Conv2d(6, shape[1:], bias=False), x, weight)
    as_linear = output(Linear(6, bias=False), x.ravel(), weight.reshape(6, -1))
    np.testing.assert_array_equal(as_convolution.ravel(), as_linear)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_padding_gives_the_length_over_the_stride(stride: int, dilation: int) -> None:
    for kernel in range(1, 8):
        layer = Conv1d(1, kernel, stride=stride, dilation=dilation, padding="same", bias=False)
        for length in range(1, 41):
            y = output(layer, np.ones((1, length)), np.ones((1, 1, kernel)))
            assert y.shape == (1, math.ceil(length / stride)), (kernel, length)


def test_narrow_equal_and_wide_lengths() -> None:
    for n in range(3, 12):
        for m in (1, 3):
            lengths = [
                Conv1d(1, m, padding=padding).output_shape([(1, n)])[1]
                for padding in ("valid", "same", "full")
            ]
            assert lengths == [n - m + 1, n, n + m - 1]
