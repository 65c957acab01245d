"""Minimal filtering against the definition in double precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from winograd_cases import Array, Bench, ConvolutionCase, relative_error

from pellucid.engines.native import instruction_sets
from pellucid.engines.native.lowering.blocks import winograd
from pellucid.engines.native.lowering.blocks.value import BlockValue
from pellucid.engines.native.lowering.blocks.winograd_tiling import divide, tiling
from pellucid.engines.native.lowering.geometry import sizes_of

SEED = 31
BATCHES = (1, 3, 17)
SHARDS = (1, 3)
CASES = (
    ConvolutionCase(16, 16, 8, 8),
    ConvolutionCase(3, 5, 7, 7),
    ConvolutionCase(33, 24, 7, 9),
    ConvolutionCase(24, 33, 14, 14),
    ConvolutionCase(16, 33, 1, 13),
    ConvolutionCase(5, 16, 10, 1),
    ConvolutionCase(16, 24, 6, 11, ((0, 0), (0, 0))),
    ConvolutionCase(17, 16, 5, 6, ((2, 2), (2, 2))),
    ConvolutionCase(16, 40, 9, 5, ((0, 2), (2, 1))),
)


@pytest.fixture(params=instruction_sets())
def instruction_set(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def assert_close(ours: Array, exact: Array, what: str, tolerance: float = 1e-5) -> None:
    """Within `tolerance` of the largest cell."""
    scale = float(np.abs(exact).max())
    np.testing.assert_allclose(ours, exact, rtol=0, atol=tolerance * scale, err_msg=f"{what}, seed {SEED}")


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_output_equals_the_definition(instruction_set: str, case: ConvolutionCase, shards: int) -> None:
    for count in BATCHES:
        generator = np.random.default_rng(SEED + count)
        bench = Bench(case, instruction_set, capacity=count, shards=shards)
        images, weights = case.images(generator, count), case.weights(generator)
        value = bench.bring("images", images)
        bench.export(winograd.output(bench.builder, bench.context, value, bench.epilogue))
        assert_close(bench.run(weights, count), case.output(images, weights), f"{count} images")


def test_a_batch_may_be_smaller_than_the_capacity(instruction_set: str) -> None:
    case = ConvolutionCase(16, 16, 9, 9)
    generator = np.random.default_rng(SEED)
    for shards in SHARDS:
        bench = Bench(case, instruction_set, capacity=17, shards=shards)
        images, weights = case.images(generator, 2), case.weights(generator)
        value = bench.bring("images", images)
        bench.export(winograd.output(bench.builder, bench.context, value, bench.epilogue))
        result = bench.run(weights, 2)
        assert_close(result[:2], case.output(images, weights), "2 of 17 images")
        assert np.isnan(result[2:]).all()


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("shards", SHARDS)
def test_a_described_value_is_followed_while_reading(
    instruction_set: str, shards: int, rectified: bool
) -> None:
    """The padding is zero, not what the description makes of zero."""
    case = ConvolutionCase(19, 16, 9, 10)
    generator = np.random.default_rng(SEED)
    bench = Bench(case, instruction_set, capacity=3, shards=shards)
    x, other = case.images(generator, 3), case.images(generator, 3)
    a, b, c = generator.normal(size=(3, case.in_channels)).astype(np.float32)
    weights = case.weights(generator)
    value = BlockValue(
        "described",
        x.shape[1:],
        bench.bring("x", x).x,
        other=bench.bring("other", other).x,
        coefficients=bench.channels("coefficients", [a, b, c]),
        rectified=rectified,
    )
    bench.export(winograd.output(bench.builder, bench.context, value, bench.epilogue))
    images = (x * a[:, None, None] + other * b[:, None, None] + c[:, None, None]).astype(np.float32)
    if rectified:
        images = np.maximum(images, 0)
    assert_close(bench.run(weights, 3), case.output(images, weights), "described")


@pytest.mark.parametrize("shards", SHARDS)
def test_scale_addend_and_rectifier_follow_the_sums(instruction_set: str, shards: int) -> None:
    case = ConvolutionCase(16, 19, 9, 10)
    generator = np.random.default_rng(SEED)
    bench = Bench(case, instruction_set, capacity=3, shards=shards)
    images, addend, weights = case.images(generator, 3), None, case.weights(generator)
    addend = generator.normal(size=(3, 19, 9, 10)).astype(np.float32)
    scale = generator.normal(size=19).astype(np.float32)
    value = bench.bring("images", images)
    epilogue = replace(
        bench.epilogue,
        scale=bench.channels("scale", [scale]),
        addend=bench.bring("addend", addend),
        rectify=True,
    )
    bench.context = replace(bench.context, differentiated=True)  # the scale is brought, not prepared
    bench.export(winograd.output(bench.builder, bench.context, value, epilogue))
    scaled = weights | {"layer.weight": weights["layer.weight"] * scale[:, None, None, None]}
    exact = np.maximum(case.output(images, scaled) + addend, 0)
    assert_close(bench.run(weights, 3), exact, "epilogue")


def test_moments_are_summed_on_the_way(instruction_set: str) -> None:
    case = ConvolutionCase(16, 19, 9, 10)
    generator = np.random.default_rng(SEED)
    bench = Bench(case, instruction_set, capacity=5, shards=1)
    images, weights = case.images(generator, 5), case.weights(generator)
    sums = bench.sums(case.out_channels)
    value = bench.bring("images", images)
    result = winograd.output(bench.builder, bench.context, value, replace(bench.epilogue, sums=sums))
    assert result.sums is sums
    bench.export_floats(sums)
    exact = case.output(images, weights)
    padded = bench.builder.blocks(19) * bench.lanes
    moments = bench.run(weights, 5).view(np.float64)[: 2 * padded].reshape(2, padded)
    assert_close(moments[0, :19], exact.sum((0, 2, 3)), "sums")
    assert_close(moments[1, :19], (exact**2).sum((0, 2, 3)), "squares")
    assert not moments[:, 19:].any()


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_input_gradient_equals_the_definition(
    instruction_set: str, case: ConvolutionCase, shards: int
) -> None:
    for count in BATCHES:
        generator = np.random.default_rng(SEED + count)
        bench = Bench(case, instruction_set, capacity=count, shards=shards, differentiated=True)
        weights, delta = case.weights(generator), case.deltas(generator, count)
        gradient = bench.bring("delta", delta)
        bench.export(winograd.input_gradient(bench.builder, bench.context, gradient))
        assert_close(bench.run(weights, count), case.input_gradient(delta, weights), f"{count} images")


def run_weight_gradient(bench: Bench, images: Array, delta: Array) -> Array:
    target = bench.context.gradient("weight")
    assert target is not None
    value, gradient = bench.bring("images", images), bench.bring("delta", delta)
    winograd.weight_gradient(bench.builder, bench.context, value, gradient, target)
    bench.export_floats(target)
    return bench.run({}, len(images)).reshape(bench.case.out_channels, -1, 3, 3)


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_weight_gradient_equals_the_definition(
    instruction_set: str, case: ConvolutionCase, shards: int
) -> None:
    for count in BATCHES:
        generator = np.random.default_rng(SEED + count)
        bench = Bench(case, instruction_set, capacity=count, shards=shards, differentiated=True)
        images, delta = case.images(generator, count), case.deltas(generator, count)
        exact = case.weight_gradient(images, delta)
        assert_close(run_weight_gradient(bench, images, delta), exact, f"{count} images", 2e-5)


@pytest.mark.parametrize(("capacity", "count"), [(40, 1), (40, 2), (3, 1)])
def test_a_weight_gradient_of_fewer_images_than_the_capacity(
    instruction_set: str, capacity: int, count: int
) -> None:
    """Shards without a tile of their own bring nothing."""
    case = ConvolutionCase(16, 16, 4, 4)
    generator = np.random.default_rng(SEED)
    bench = Bench(case, instruction_set, capacity=capacity, shards=3, differentiated=True)
    images, delta = case.images(generator, count), case.deltas(generator, count)
    exact = case.weight_gradient(images, delta)
    assert_close(run_weight_gradient(bench, images, delta), exact, f"{count} images", 2e-5)


def assert_all_close(bench: Callable[[bool], Bench], count: int) -> None:
    """The output, of plans with and without backward steps, and both gradients, in relative L2."""
    generator = np.random.default_rng(SEED)
    case = bench(False).case
    images, weights, delta = (
        case.images(generator, count),
        case.weights(generator),
        case.deltas(generator, count),
    )
    for differentiated in (False, True):
        plan = bench(differentiated)
        plan.export(winograd.output(plan.builder, plan.context, plan.bring("images", images), plan.epilogue))
        assert relative_error(plan.run(weights, count), case.output(images, weights)) < 1e-5
    plan = bench(True)
    plan.export(winograd.input_gradient(plan.builder, plan.context, plan.bring("delta", delta)))
    assert relative_error(plan.run(weights, count), case.input_gradient(delta, weights)) < 1e-5
    gradient = run_weight_gradient(bench(True), images, delta)
    assert relative_error(gradient, case.weight_gradient(images, delta)) < 2e-5


@pytest.mark.parametrize(("channels", "size", "count"), [(64, 56, 1), (512, 7, 2)])
def test_errors_at_real_shapes_stay_within_their_bounds(
    instruction_set: str, channels: int, size: int, count: int
) -> None:
    """The smaller map's kernels are too large to be kept."""
    case = ConvolutionCase(channels, channels, size, size)
    assert_all_close(lambda differentiated: Bench(case, instruction_set, count, 2, differentiated), count)


def test_shards_that_work_together_take_a_batch_in_chunks(instruction_set: str) -> None:
    case = ConvolutionCase(16, 24, 9, 10)
    plan = Bench(case, instruction_set, 17, 8)
    division = divide(plan.builder, tiling(sizes_of(plan.context)))
    assert not division.alone
    assert division.chunks == 2
    assert_all_close(lambda differentiated: Bench(case, instruction_set, 17, 8, differentiated), 17)
