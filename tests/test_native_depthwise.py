"""Depthwise convolutions in channel blocks against the definition in double precision."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from winograd_cases import Array, Bench

import pellucid
from pellucid.engines.engine import CompileOptions, Purpose
from pellucid.engines.native import NativeEngine, instruction_sets
from pellucid.engines.native.lowering.algorithms import (
    Algorithm,
    algorithm_of,
    algorithms_for,
    required_algorithm,
)
from pellucid.engines.native.lowering.blocks import depthwise
from pellucid.engines.native.lowering.blocks.value import BlockValue
from pellucid.engines.native.plan import Layout
from pellucid.engines.reference import ReferenceEngine
from pellucid.errors import EngineError
from pellucid.graph import Graph, GraphBuilder, sequential_graph
from pellucid.layers import Conv1d, Conv2d
from pellucid.model import Model

SEED = 41
BATCHES = (1, 5)
SHARDS = (1, 3)
EXACT = ReferenceEngine("float64")


@dataclass(frozen=True)
class DepthwiseCase:
    """A layer whose groups are its channels, at an input shape."""

    name: str
    layer: Conv1d | Conv2d
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return self.name

    @property
    def graph(self) -> Graph:
        builder = GraphBuilder()
        builder.add(self.layer, builder.input(self.shape, "images"), name="layer")
        return builder.graph()

    @property
    def channels(self) -> int:
        return self.shape[0]

    def weights(self, generator: np.random.Generator) -> dict[str, Array]:
        shape = (self.channels, 1, *self.layer.kernel)
        return {
            "layer.weight": generator.normal(size=shape).astype(np.float32),
            "layer.bias": generator.normal(size=self.channels).astype(np.float32),
        }

    def images(self, generator: np.random.Generator, count: int) -> Array:
        return generator.normal(size=(count, *self.shape)).astype(np.float32)

    def deltas(self, generator: np.random.Generator, count: int) -> Array:
        shape = self.layer.output_shape([self.shape])
        return generator.normal(size=(count, *shape)).astype(np.float32)

    def exact(self, images: Array, weights: dict[str, Array], delta: Array) -> dict[str, Array]:
        """Output and gradients by the definition."""
        program = EXACT.compile(self.graph, CompileOptions(len(images), Purpose.TRACE))
        program.write_parameters(weights)
        trace = program.trace(images)
        gradients = program.backward(trace, {"layer": delta})
        return {"output": trace["layer"], **gradients}


def case(
    name: str, channels: int, kernel: int | tuple[int, int], size: tuple[int, int], **options: object
) -> DepthwiseCase:
    layer = Conv2d(channels, kernel, groups=channels, **options)
    return DepthwiseCase(name, layer, (channels, *size))


CASES = (
    case("3x3", 24, 3, (9, 17), padding=1),
    case("3x3-valid", 5, 3, (7, 6)),
    case("3x3-stride", 33, 3, (15, 14), padding=1, stride=2),
    case("3x3-strides-apart", 17, 3, (11, 13), padding=1, stride=(2, 3)),
    case("3x3-stride-beyond-kernel", 6, 3, (17, 14), stride=5),
    case("3x3-dilation", 19, 3, (12, 10), padding=2, dilation=2),
    case("3x3-dilation-stride", 8, 3, (14, 13), padding=2, dilation=2, stride=2),
    case("3x3-dilation-stride-apart", 8, 3, (17, 16), padding=(3, 1), dilation=(3, 2), stride=(2, 3)),
    case("5x5", 16, 5, (8, 31), padding=2),
    case("5x5-stride", 9, 5, (13, 12), padding=2, stride=2),
    case("7x7", 20, 7, (10, 9), padding=3),
    case("7x7-stride", 7, 7, (15, 16), padding=3, stride=2),
    case("even-kernel", 12, (2, 4), (6, 9), padding=((0, 1), (2, 1))),
    case("padding-beyond-kernel", 10, 3, (4, 5), padding=4),
    case("one-tap", 18, 1, (5, 6)),
    case("one-tap-stride", 18, 1, (5, 6), stride=2),
    case("whole-input", 9, (4, 5), (4, 5)),
    case("one-cell", 3, 3, (1, 1), padding=1),
    case("long-rows", 4, 3, (2, 600), padding=1),
    case("edge", 13, 3, (6, 7), padding=2, padding_mode="edge"),
    case("reflect", 21, 5, (7, 9), padding=2, padding_mode="reflect", stride=2),
    case("circular", 8, 3, (5, 6), padding=(1, 2), padding_mode="circular"),
    DepthwiseCase("rank-1", Conv1d(11, 5, groups=11, padding=2, stride=2), (11, 40)),
)


@pytest.fixture(params=instruction_sets())
def instruction_set(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def assert_close(ours: Array, exact: Array, what: str, tolerance: float = 1e-6) -> None:
    """Within `tolerance` of the largest cell."""
    scale = float(np.abs(exact).max())
    np.testing.assert_allclose(ours, exact, rtol=0, atol=tolerance * scale, err_msg=f"{what}, seed {SEED}")


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_pass_equals_the_definition(instruction_set: str, case: DepthwiseCase, shards: int) -> None:
    for count in BATCHES:
        generator = np.random.default_rng(SEED + count)
        weights, images = case.weights(generator), case.images(generator, count)
        delta = case.deltas(generator, count)
        exact = case.exact(images, weights, delta)

        def bench(capacity: int = count) -> Bench:
            return Bench(case, instruction_set, capacity=capacity, shards=shards, differentiated=True)

        output = bench()
        value = output.bring("x", images)
        output.export(depthwise.output(output.builder, output.context, value, output.epilogue))
        assert_close(output.run(weights, count), exact["output"], f"output of {count}")

        inputs = bench()
        gradient = inputs.bring("delta", delta)
        inputs.export(depthwise.input_gradient(inputs.builder, inputs.context, gradient))
        assert_close(inputs.run(weights, count), exact["images"], f"input gradient of {count}")

        kernels = bench(capacity=count + 4)
        grown = [np.concatenate([array, np.full((4, *array.shape[1:]), np.nan)]) for array in (images, delta)]
        x, d = (
            kernels.bring(name, array.astype(np.float32)) for name, array in zip("xd", grown, strict=True)
        )
        target = kernels.context.gradient("weight")
        assert target is not None
        depthwise.weight_gradient(kernels.builder, kernels.context, x, d, target)
        target = kernels.context.gradient("weight")
        assert target is not None
        kernels.export_floats(target)
        ours = kernels.run(weights, count).reshape(exact["layer.weight"].shape)
        assert_close(ours, exact["layer.weight"], f"weight gradient of {count}")


def test_long_sums_keep_their_digits(instruction_set: str) -> None:
    """A quarter of a million equal products: beyond 2^24 a float would round every one that is added."""
    long = case("long", 2, 1, (500, 510))
    ones = np.ones((1, *long.shape), np.float32)
    bench = Bench(long, instruction_set, capacity=1, shards=1, differentiated=True)
    x, delta = bench.bring("x", ones * 3), bench.bring("delta", ones * 33)
    target = bench.context.gradient("weight")
    assert target is not None
    depthwise.weight_gradient(bench.builder, bench.context, x, delta, target)
    bench.export_floats(target)
    ours = bench.run(long.weights(np.random.default_rng(SEED)), 1)
    np.testing.assert_array_equal(ours, np.float32(500 * 510 * 99))


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("with_other", [False, True])
def test_a_described_value_is_followed_while_reading(
    instruction_set: str, with_other: bool, rectified: bool
) -> None:
    """The padding is zero, not what the description makes of zero."""
    described = case("described", 19, 3, (9, 10), padding=1)
    generator = np.random.default_rng(SEED)
    bench = Bench(described, instruction_set, capacity=3, shards=2)
    x, other = described.images(generator, 3), described.images(generator, 3)
    a, b, c = generator.normal(size=(3, 19)).astype(np.float32)
    value = BlockValue(
        "described",
        x.shape[1:],
        bench.bring("x", x).x,
        other=bench.bring("other", other).x if with_other else None,
        coefficients=bench.channels("coefficients", [a, b, c]),
        rectified=rectified,
    )
    bench.export(depthwise.output(bench.builder, bench.context, value, bench.epilogue))
    images = x * a[:, None, None] + c[:, None, None] + with_other * other * b[:, None, None]
    images = np.maximum(images, 0) if rectified else images
    weights = described.weights(generator)
    exact = described.exact(images.astype(np.float32), weights, described.deltas(generator, 3))
    assert_close(bench.run(weights, 3), exact["output"], "described")


@pytest.mark.parametrize("shards", SHARDS)
def test_scale_addend_rectifier_and_moments_follow_the_sums(instruction_set: str, shards: int) -> None:
    one = case("epilogue", 19, 3, (9, 10), padding=1, stride=2)
    generator = np.random.default_rng(SEED)
    images, weights = one.images(generator, 3), one.weights(generator)
    addend, scale = one.deltas(generator, 3), generator.normal(size=19).astype(np.float32)
    scaled = weights | {"layer.weight": weights["layer.weight"] * scale[:, None, None, None]}
    exact = np.maximum(one.exact(images, scaled, addend)["output"] + addend, 0)
    for wants_moments in (False, True):
        bench = Bench(one, instruction_set, capacity=3, shards=shards, differentiated=True)
        sums = bench.sums(19)
        epilogue = replace(
            bench.epilogue,
            scale=bench.channels("scale", [scale]),
            addend=bench.bring("addend", addend),
            rectify=True,
            sums=sums,
        )
        value = bench.bring("images", images)
        result = depthwise.output(bench.builder, bench.context, value, epilogue)
        assert result.sums is sums
        if not wants_moments:
            bench.export(result)
            assert_close(bench.run(weights, 3), exact, "output")
        elif shards == 1:
            bench.export_floats(sums)
            padded = bench.builder.blocks(19) * bench.lanes
            moments = bench.run(weights, 3).view(np.float64)[: 2 * padded].reshape(2, padded)
            assert_close(moments[0, :19], exact.sum((0, 2, 3)), "sums")
            assert_close(moments[1, :19], (exact**2).sum((0, 2, 3)), "squares")
            assert not moments[:, 19:].any()


# ---- which layers are computed so


def bench_of(layer: Conv2d, shape: tuple[int, int, int]) -> Bench:
    return Bench(DepthwiseCase("rule", layer, shape), "generic", capacity=1, shards=1)


def test_channels_of_their_own_decide_the_algorithm() -> None:
    alone = bench_of(Conv2d(8, 3, groups=8), (8, 9, 9)).context
    assert algorithm_of(alone, 8, Layout.BLOCKS) is Algorithm.DEPTHWISE
    assert algorithm_of(replace(alone, precision="direct"), 8, Layout.BLOCKS) is Algorithm.DEPTHWISE
    assert algorithm_of(replace(alone, algorithm="direct"), 8, Layout.BLOCKS) is Algorithm.DIRECT
    for layer in (Conv2d(16, 3, groups=8), Conv2d(8, 3, groups=4), Conv2d(8, 3)):
        assert Algorithm.DEPTHWISE not in algorithms_for(bench_of(layer, (8, 9, 9)).context, Layout.BLOCKS)
    with pytest.raises(EngineError, match="layer: winograd computes convolutions of stride 1 in one group"):
        required_algorithm(alone, "winograd", (Layout.BLOCKS,))


def test_both_algorithms_give_the_same_network() -> None:
    """A separable block as MobileNet has it, in one pass where nobody looks between its layers."""
    layers = [
        ("expand", pellucid.Conv2d(24, 1, bias=False)),
        ("norm1", pellucid.BatchNorm2d()),
        ("relu1", pellucid.ReLU()),
        ("depthwise", pellucid.Conv2d(24, 3, padding=1, stride=2, groups=24, bias=False)),
        ("norm2", pellucid.BatchNorm2d()),
        ("relu2", pellucid.ReLU()),
        ("project", pellucid.Conv2d(5, 1)),
    ]
    net = Model(sequential_graph(layers, (7, 12, 12)), seed=SEED, engine=NativeEngine(layout="blocks"))
    generator = np.random.default_rng(SEED)
    net.set_parameters({n: a + generator.uniform(0.1, 0.4, a.shape) for n, a in net.parameters.items()})
    images = generator.normal(size=(4, 7, 12, 12)).astype(np.float32)
    outputs = []
    for algorithm in ("depthwise", "direct"):
        options = CompileOptions(4, Purpose.INFERENCE, algorithms=(("depthwise", algorithm),))
        program = net.program(options)
        outputs.append(program.forward(images)[0])
        operations = [step.operation for step in program.schema().steps]
        assert ("blocks_depthwise_output" in operations) == (algorithm == "depthwise")
        assert "blocks_combine" not in operations
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=2e-5, atol=2e-5)
