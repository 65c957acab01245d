"""What must hold between layers, whatever their numbers: on whole numbers, so exactly, on every engine."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.engines.engine import Array, CompileOptions, Engine, Program, Purpose
from pellucid.engines.native import NativeEngine
from pellucid.engines.reference import ReferenceEngine
from pellucid.graph import sequential_graph
from pellucid.layers import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Layer, Linear, MaxPool2d, Shape

SEED = 5
ENGINES: Mapping[str, Engine] = {
    "reference": ReferenceEngine("float64"),
    "lanes": NativeEngine(layout="lanes", poison=True),
    "blocks": NativeEngine(layout="blocks", poison=True),
}
FAST = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


def program(engine: Engine, layer: Layer, shape: Shape, weight: Array | None, purpose: Purpose) -> Program:
    """One layer, biases 0; its sums as they are defined, so that whole numbers stay whole."""
    graph = sequential_graph([("layer", layer)], shape)
    compiled = engine.compile(graph, CompileOptions(1, purpose, precision="direct"))
    if weight is not None:
        compiled.write_parameters({"layer.weight": weight.astype(np.float32)})
    return compiled


def output(engine: Engine, layer: Layer, x: Array, weight: Array | None = None) -> Array:
    """A layer without bias on one image."""
    compiled = program(engine, layer, x.shape, weight, Purpose.INFERENCE)
    return compiled.forward(x[None].astype(np.float32))[0][0]


def input_gradient(engine: Engine, layer: Layer, x: Array, weight: Array, gradient: Array) -> Array:
    """dJ/dx of a layer without bias, of one image."""
    compiled = program(engine, layer, x.shape, weight, Purpose.TRACE)
    trace = compiled.trace(x[None].astype(np.float32))
    return compiled.backward(trace, {"layer": gradient[None].astype(np.float32)})["input"][0]


def whole_numbers(shape: Shape, seed: int = SEED) -> Array:
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.float64)


@st.composite
def maps(draw: st.DrawFn, rank: int) -> Array:
    """A small map of whole numbers."""
    shape = tuple(draw(st.integers(1, 5)) for _ in range(rank))
    cells = math.prod(shape)
    numbers = draw(st.lists(st.integers(-9, 9), min_size=cells, max_size=cells))
    return np.array(numbers, np.float64).reshape(shape)


# ---- transposed convolution

MATCHES = [
    pytest.param({"kernel_size": 3}, (6, 5), id="plain"),
    pytest.param({"kernel_size": 3, "padding": 1}, (5, 7), id="padding"),
    pytest.param({"kernel_size": (3, 2), "stride": 2, "padding": (1, 0)}, (7, 6), id="stride"),
    pytest.param({"kernel_size": 2, "stride": 3}, (8, 5), id="stride-above-kernel"),
    pytest.param({"kernel_size": 3, "stride": 2, "dilation": 2, "padding": 2}, (9, 7), id="dilation"),
    pytest.param({"kernel_size": 3, "stride": 3, "padding": 1}, (6, 8), id="unused-columns"),
]
"""Fields of a convolution, and the size of a map that it is applied to."""


def matching_layers(fields: Mapping[str, object], lengths: Shape) -> tuple[Conv2d, ConvTranspose2d]:
    """A convolution of 3 maps into 2, and the transposed one that leads back to maps of these lengths."""
    convolution = Conv2d(2, bias=False, **fields)
    axes = convolution.window([(3, *lengths)])
    unreached = tuple((axis.padded - axis.extent) % axis.stride for axis in axes)
    transposed = ConvTranspose2d(3, bias=False, output_padding=unreached, **fields)
    assert transposed.output_shape([convolution.output_shape([(3, *lengths)])]) == (3, *lengths)
    return convolution, transposed


@pytest.mark.parametrize(("fields", "lengths"), MATCHES)
def test_a_transposed_convolution_is_the_input_gradient_of_the_matching_convolution(
    engine: Engine, fields: Mapping[str, object], lengths: Shape
) -> None:
    convolution, transposed = matching_layers(fields, lengths)
    weight = whole_numbers((2, 3, *convolution.kernel))
    delta = whole_numbers(convolution.output_shape([(3, *lengths)]), SEED + 1)
    expected = input_gradient(engine, convolution, np.zeros((3, *lengths)), weight, delta)
    np.testing.assert_array_equal(output(engine, transposed, delta, weight), expected)


def convolution_matrix(layer: Conv2d, weight: Array, shape: Shape) -> Array:
    """C with z = C x for flattened x and z: each row holds the kernel where the window lies."""
    rows, columns = layer.window([shape])
    matrix = np.zeros((layer.out_channels, rows.output, columns.output, *shape))
    for (o, c, u, v), w in np.ndenumerate(weight):
        for i, j in np.ndindex(rows.output, columns.output):
            y = i * rows.stride + u * rows.dilation - rows.pad_start
            x = j * columns.stride + v * columns.dilation - columns.pad_start
            if 0 <= y < rows.input and 0 <= x < columns.input:
                matrix[o, i, j, c, y, x] = w
    return matrix.reshape(-1, math.prod(shape))


@pytest.mark.parametrize(("fields", "lengths"), MATCHES)
def test_a_convolution_is_a_matrix_and_the_transposed_one_its_transpose(
    engine: Engine, fields: Mapping[str, object], lengths: Shape
) -> None:
    convolution, transposed = matching_layers(fields, lengths)
    shape = (3, *lengths)
    weight = whole_numbers((2, 3, *convolution.kernel))
    C = convolution_matrix(convolution, weight, shape)
    x, z = whole_numbers(shape, SEED + 1), whole_numbers(convolution.output_shape([shape]), SEED + 2)
    np.testing.assert_array_equal(output(engine, convolution, x, weight).ravel(), C @ x.ravel())
    np.testing.assert_array_equal(output(engine, transposed, z, weight).ravel(), C.T @ z.ravel())


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_a_fractional_stride_gives_s_times_p_minus_one_plus_m(engine: Engine, stride: int) -> None:
    for p in (1, 2, 7):
        for m in (1, 2, 5):
            layer = ConvTranspose1d(1, m, stride=stride, bias=False)
            y = output(engine, layer, np.ones((1, p)), np.ones((1, 1, m)))
            assert y.shape == (1, stride * (p - 1) + m)


# ---- convolution


@FAST
@given(pair=st.sampled_from([1, 2]).flatmap(lambda rank: st.tuples(maps(rank), maps(rank))))
def test_wide_convolution_commutes(engine: Engine, pair: tuple[Array, Array]) -> None:
    def wide(x: Array, w: Array) -> Array:
        family = Conv1d if x.ndim == 1 else Conv2d
        layer = family(1, w.shape, padding="full", flip=True, bias=False)
        return output(engine, layer, x[None], w[None, None])

    x, w = pair
    np.testing.assert_array_equal(wide(x, w), wide(w, x))


@FAST
@given(x=maps(2), w=maps(2), dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)))
def test_dilation_equals_a_spread_kernel(
    engine: Engine, x: Array, w: Array, dilation: tuple[int, int]
) -> None:
    spread = np.zeros([(size - 1) * step + 1 for size, step in zip(w.shape, dilation, strict=True)])
    spread[:: dilation[0], :: dilation[1]] = w
    dilated = Conv2d(1, w.shape, dilation=dilation, padding="full", bias=False)
    plain = Conv2d(1, spread.shape, padding="full", bias=False)
    np.testing.assert_array_equal(
        output(engine, dilated, x[None], w[None, None]), output(engine, plain, x[None], spread[None, None])
    )


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 2, 5), (2, 1, 1), (17, 3, 3)])
def test_linear_equals_a_convolution_as_large_as_its_input(engine: Engine, shape: Shape) -> None:
    x, weight = whole_numbers(shape), whole_numbers((6, *shape), SEED + 1)
    as_convolution = output(engine, Conv2d(6, shape[1:], bias=False), x, weight)
    as_linear = output(engine, Linear(6, bias=False), x.ravel(), weight.reshape(6, -1))
    np.testing.assert_array_equal(as_convolution.ravel(), as_linear)


@pytest.mark.parametrize("shift", [(1, 0), (0, 1), (2, 3)])
def test_a_shifted_input_gives_a_shifted_output(engine: Engine, shift: tuple[int, int]) -> None:
    """Convolution is equivariant: all round a wrapped map, and inside any other."""
    x, weight = whole_numbers((3, 9, 8)), whole_numbers((4, 3, 3, 3), SEED + 1)
    moved = np.roll(x, shift, axis=(1, 2))
    wrapped = Conv2d(4, 3, padding="same", padding_mode="circular", bias=False)
    expected = np.roll(output(engine, wrapped, x, weight), shift, axis=(1, 2))
    np.testing.assert_array_equal(output(engine, wrapped, moved, weight), expected)
    narrow = Conv2d(4, 3, bias=False)
    inside = output(engine, narrow, moved, weight)[:, shift[0] :, shift[1] :]
    rows, columns = inside.shape[1:]
    np.testing.assert_array_equal(inside, output(engine, narrow, x, weight)[:, :rows, :columns])


def test_pooling_shifts_by_one_where_its_input_shifts_by_the_stride(engine: Engine) -> None:
    x = whole_numbers((3, 9, 8))
    pooled, moved = (output(engine, MaxPool2d(2), np.roll(x, shift, axis=2)) for shift in (0, 2))
    np.testing.assert_array_equal(moved[..., 1:], pooled[..., :-1])


# ---- output lengths

SAME_LENGTHS = {"reference": range(1, 41), "lanes": (1, 2, 3, 7, 16, 40), "blocks": (1, 5, 8, 39)}
"""The native engine compiles a plan for each; it takes the lengths from the same windows."""


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_padding_gives_the_length_over_the_stride(name: str, stride: int, dilation: int) -> None:
    for kernel in range(1, 8):
        layer = Conv1d(1, kernel, stride=stride, dilation=dilation, padding="same", bias=False)
        for length in SAME_LENGTHS[name]:
            y = output(ENGINES[name], layer, np.ones((1, length)), np.ones((1, 1, kernel)))
            assert y.shape == (1, math.ceil(length / stride)), (kernel, length)


def test_narrow_equal_and_wide_lengths(engine: Engine) -> None:
    for n in (5, 8, 11):
        for m in (1, 3, 5):
            lengths = [
                output(engine, Conv1d(1, m, padding=amount, bias=False), np.ones((1, n)), np.ones((1, 1, m)))
                for amount in ("valid", (m - 1) // 2, "full")
            ]
            assert [y.shape[1] for y in lengths] == [n - m + 1, n, n + m - 1]
