"""The native engine against the definitions: every layer, every instruction set that this machine can run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
from layer_cases import LAYER_CASES, LayerCase

from pellucid.engines.engine import (
    Array,
    CompileOptions,
    Engine,
    Examples,
    Program,
    Purpose,
    Rule,
    StepReport,
)
from pellucid.engines.native import LAYOUTS, NativeEngine, instruction_sets
from pellucid.engines.native.lowering import LOWERINGS
from pellucid.engines.reference import ReferenceEngine
from pellucid.errors import UnsupportedLayer
from pellucid.graph import Graph, GraphBuilder, sequential_graph
from pellucid.initialization import initial_parameters
from pellucid.layers import Conv2d, Divide, Flatten, Linear, MaxPool2d, ReLU, Reshape, Shape, Softplus
from pellucid.objectives import CrossEntropy, SquaredError
from pellucid.optimizers import SGD, Adam, AdamW, Optimizer

SEED = 30
CAPACITY = 17
BATCHES = (1, 3, 17)
EXACT = ReferenceEngine("float64")
NATIVE_CASES = [case for case in LAYER_CASES if type(case.layer) in LOWERINGS]
"""A new layer is defined first; until it has kernels the native engine refuses it by name."""


@pytest.fixture(scope="module", params=itertools.product(instruction_sets(), LAYOUTS), ids="-".join)
def native(request: pytest.FixtureRequest) -> NativeEngine:
    """Outputs start as NaN and scratch memory as 0xA5, so that nothing is right by being left alone."""
    instruction_set, layout = request.param
    return NativeEngine(instruction_set=instruction_set, layout=layout, poison=True)


def layer_graph(case: LayerCase) -> Graph:
    """The layer alone, each of its inputs an Input."""
    builder = GraphBuilder()
    inputs = [builder.input(shape, f"input{i}") for i, shape in enumerate(case.input_shapes)]
    builder.add(case.layer, *inputs, name="layer")
    return builder.graph()


def layer_program(engine: Engine, case: LayerCase, purpose: Purpose) -> Program:
    compiled = engine.compile(layer_graph(case), CompileOptions(CAPACITY, purpose, precision="direct"))
    compiled.write_parameters(
        {f"layer.{name}": array.astype(np.float32) for name, array in case.parameters(SEED).items()}
    )
    return compiled


def float32(arrays: list[Array]) -> list[Array]:
    return [array.astype(np.float32) for array in arrays]


def assert_close(ours: Array, exact: Array, what: str, tolerance: float = 2e-6) -> None:
    """Within `tolerance` of the largest cell, which is what float32 sums of these lengths allow."""
    assert ours.dtype == np.float32, what
    assert ours.flags.c_contiguous, what
    scale = max(1.0, float(np.abs(exact).max(initial=0)))
    np.testing.assert_allclose(
        ours, exact, rtol=tolerance, atol=tolerance * scale, err_msg=f"{what}, seed {SEED}"
    )


def test_a_layer_without_kernels_is_refused_by_name(native: NativeEngine) -> None:
    @dataclass(frozen=True)
    class Novelty(ReLU):
        """A layer that no engine has heard of."""

    graph = sequential_graph([("strange", Novelty())], (3,))
    program = native.compile(graph, CompileOptions(1, Purpose.INFERENCE))
    with pytest.raises(UnsupportedLayer, match="strange: the native engine has no Novelty"):
        program.forward(np.zeros((1, 3), np.float32))


@pytest.mark.parametrize("case", NATIVE_CASES, ids=str)
def test_forward_equals_the_definition(native: NativeEngine, case: LayerCase) -> None:
    ours, exact = (layer_program(engine, case, Purpose.INFERENCE) for engine in (native, EXACT))
    for count in BATCHES:
        inputs = float32(case.inputs(count, SEED + count))
        (y,), (expected,) = ours.forward(*inputs), exact.forward(*inputs)
        assert_close(y, expected, f"{count} images")


@pytest.mark.parametrize("case", NATIVE_CASES, ids=str)
def test_trace_and_backward_equal_the_definition(native: NativeEngine, case: LayerCase) -> None:
    ours, exact = (layer_program(engine, case, Purpose.TRACE) for engine in (native, EXACT))
    for count in BATCHES:
        inputs = float32(case.inputs(count, SEED + count))
        traces = ours.trace(*inputs), exact.trace(*inputs)
        assert traces[0].nbytes == ours.trace_nbytes(count)
        for name in traces[1]:
            assert_close(traces[0][name], traces[1][name], f"{name}, {count} images")
        generator = np.random.default_rng(SEED + count)
        seeds = {"layer": generator.normal(size=traces[1]["layer"].shape).astype(np.float32)}
        gradients = ours.backward(traces[0], seeds), exact.backward(traces[1], seeds)
        assert list(gradients[0]) == list(gradients[1])
        for name, expected in gradients[1].items():
            assert_close(gradients[0][name], expected, f"gradient of {name}, {count} images")


@pytest.mark.parametrize("rule", Rule)
def test_rules_equal_the_definition_through_a_pooled_network(native: NativeEngine, rule: Rule) -> None:
    """ReLU and max pooling do not commute under these rules, so an engine that swaps them fails here."""
    layers = [Conv2d(4, 3, padding=1), ReLU(), MaxPool2d(2), Conv2d(4, 3), ReLU(), Flatten(), Linear(3)]
    graph = sequential_graph(layers, (2, 8, 8))
    generator = np.random.default_rng(SEED)
    images = generator.normal(size=(CAPACITY, 2, 8, 8)).astype(np.float32)
    seeds = {"fc1": generator.normal(size=(CAPACITY, 3)).astype(np.float32)}
    gradients = []
    for engine in (native, EXACT):
        compiled = engine.compile(graph, CompileOptions(CAPACITY, Purpose.TRACE))
        compiled.write_parameters(initial_parameters(graph, SEED))
        rules = {"relu1": rule, "relu2": rule}
        gradients.append(compiled.backward(compiled.trace(images), seeds, rules))
    for name, expected in gradients[1].items():
        assert_close(gradients[0][name], expected, name)


# ---- training


def branch(builder: GraphBuilder, source: str, given: Shape, wanted: Shape) -> str:
    """What makes an array of the wanted shape from one of the given shape."""
    if len(wanted) == 3 and wanted[1:] == given[1:]:
        return builder.add(Conv2d(wanted[0], 1), source)
    features = builder.add(Linear(math.prod(wanted)), builder.add(Flatten(), source))
    return builder.add(Reshape(wanted), features)


def training_graph(case: LayerCase) -> Graph:
    """The layer on an Input, then Linear; several inputs are branches of a common one."""
    builder = GraphBuilder()
    common = builder.input(case.input_shapes[0])
    branches = [common]
    if len(case.input_shapes) > 1:
        branches = [branch(builder, common, case.input_shapes[0], shape) for shape in case.input_shapes]
    if isinstance(case.layer, Divide):  # by numbers well away from 0
        branches[1] = builder.add(Softplus(), branches[1])
    last = builder.add(case.layer, *branches, name="layer")
    if len(case.layer.output_shape(case.input_shapes)) > 1:
        last = builder.add(Flatten(), last)
    builder.add(Linear(3), last, name="readout")
    return builder.graph()


def train(engine: Engine, case: LayerCase, options: CompileOptions) -> tuple[StepReport, Mapping[str, Array]]:
    """Two steps, the second on a smaller batch."""
    graph = training_graph(case)
    compiled = engine.compile(graph, options)
    compiled.write_parameters(initial_parameters(graph, SEED))
    compiled.write_parameters(
        {f"layer.{name}": array.astype(np.float32) for name, array in case.parameters(SEED).items()}
    )
    images = case.inputs(24, SEED)[0].astype(np.float32)
    generator = np.random.default_rng(SEED)
    examples = Examples(images, generator.integers(0, 3, 24))
    report = compiled.train_steps(
        examples, generator.permutation(24), batch_size=CAPACITY, learning_rates=[0.02, 0.01], first_step=5
    )
    return report, {**compiled.read_parameters(), **compiled.read_slots()}


@pytest.mark.parametrize("case", NATIVE_CASES, ids=str)
def test_two_training_steps_equal_the_definition(native: NativeEngine, case: LayerCase) -> None:
    options = CompileOptions(
        CAPACITY, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=0.9), seed=SEED
    )
    (report, state), (expected_report, expected) = (
        train(engine, case, options) for engine in (native, EXACT)
    )
    assert report.non_finite is None
    assert report.images.tolist() == [17, 7]
    np.testing.assert_allclose(report.losses, expected_report.losses, rtol=1e-5, err_msg=f"seed {SEED}")
    assert report.correct.tolist() == expected_report.correct.tolist()
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        assert_close(state[name], array, name, tolerance=1e-5)


RULES: tuple[Optimizer, ...] = (
    SGD(),
    SGD(weight_decay=0.1),
    SGD(momentum=0.9, weight_decay=0.01, decay_all=True),
    SGD(momentum=0.9, nesterov=True),
    SGD(momentum=0.9, clip_norm=1e9),
    Adam(),
    Adam(beta1=0.8, beta2=0.99, epsilon=1e-4, weight_decay=0.1),
    AdamW(weight_decay=0.1, decay_all=True),
)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_an_update_equals_the_definition_to_the_bit(native: NativeEngine, rule: Optimizer) -> None:
    """Multiples of 1/64 make the gradient exact, so that only the update rounds."""
    builder = GraphBuilder()
    builder.add(Linear(5), builder.input((37,)))
    options = CompileOptions(16, Purpose.TRAINING, objective=SquaredError(), optimizer=rule)
    generator = np.random.default_rng(SEED)
    images, targets = (
        generator.integers(-16, 17, shape).astype(np.float32) / 64 for shape in ((16, 37), (16, 5))
    )
    weights = {
        "fc1.weight": generator.integers(-16, 17, (5, 37)).astype(np.float32) / 64,
        "fc1.bias": generator.integers(-16, 17, 5).astype(np.float32) / 64,
    }
    slots = {
        f"{slot}:{name}": generator.random(array.shape, np.float32)
        for slot in rule.slots
        for name, array in weights.items()
    }
    states = []
    for engine in (native, ReferenceEngine("float32")):
        compiled = engine.compile(builder.graph(), options)
        compiled.write_parameters(weights)
        compiled.write_slots(slots)
        compiled.train_steps(
            Examples(images, targets), np.arange(16), batch_size=16, learning_rates=[0.03], first_step=4
        )
        states.append({**compiled.read_parameters(), **compiled.read_slots()})
    assert states[0].keys() == states[1].keys()
    for name, array in states[1].items():
        np.testing.assert_array_equal(states[0][name], array, err_msg=f"{name}, seed {SEED}")


def test_a_clipped_gradient_moves_the_weights_as_defined(native: NativeEngine) -> None:
    case = next(case for case in NATIVE_CASES if case.name == "conv2d-lenet-c1")
    rule = SGD(momentum=0.9, clip_norm=0.25)
    options = CompileOptions(CAPACITY, Purpose.TRAINING, objective=CrossEntropy(), optimizer=rule)
    (_, state), (_, expected) = (train(engine, case, options) for engine in (native, EXACT))
    (_, unclipped) = train(native, case, replace(options, optimizer=SGD(momentum=0.9)))
    for name, array in expected.items():
        assert_close(state[name], array, name, tolerance=1e-5)
    assert any(not np.array_equal(state[name], unclipped[name]) for name in state)
