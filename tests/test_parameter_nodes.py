"""Numbers of the model's own that enter the graph: the same for every image, and trainable or not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from pellucid.engines.engine import CompileOptions, Examples, Program, Purpose, Rule
from pellucid.engines.native import LAYOUTS, NativeEngine, instruction_sets
from pellucid.engines.reference import ReferenceEngine
from pellucid.engines.reference.definition import Context
from pellucid.engines.reference.definitions import definition
from pellucid.graph import Graph, GraphBuilder
from pellucid.initialization import initial_parameters
from pellucid.layers import Add, Flatten, Linear, MatMul, Multiply, Parameter, Shape
from pellucid.model import Model
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

SEED = 12
CAPACITY = 17
EXACT = ReferenceEngine("float64")
SHAPES: tuple[Shape, ...] = ((17, 1, 1), (17, 3, 4), (1, 3, 4), (1, 1, 1))
"""Of a factor of (17, 3, 4) maps."""


@pytest.fixture(scope="module", params=itertools.product(instruction_sets(), LAYOUTS), ids="-".join)
def native(request: pytest.FixtureRequest) -> NativeEngine:
    instruction_set, layout = request.param
    return NativeEngine(instruction_set=instruction_set, layout=layout, poison=True)


def scaled_graph(shape: Shape) -> Graph:
    """Maps times a trainable array plus a constant one, and a classifier."""
    builder = GraphBuilder()
    x = builder.input((17, 3, 4))
    scale = builder.add(Parameter(shape, trainable=True), name="scale")
    shift = builder.add(Parameter(shape), name="shift")
    y = builder.add(Add(), builder.add(Multiply(), x, scale), shift)
    builder.add(Linear(3), builder.add(Flatten(), y))
    return builder.graph()


def linear_graph() -> Graph:
    """A matrix product with a parameter over the last axis: PyTorch's Linear on (..., in)."""
    builder = GraphBuilder()
    x = builder.input((6, 9))
    weight = builder.add(Parameter((9, 5), trainable=True), name="weight")
    bias = builder.add(Parameter((1, 5), trainable=True), name="bias")
    builder.add(Add(), builder.add(MatMul(), x, weight), bias, name="sum")
    builder.add(Linear(3), builder.add(Flatten(), "sum"))
    return builder.graph()


def drawn(graph: Graph) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(SEED)
    return {
        name: generator.normal(size=spec.shape).astype(np.float32) / 4
        for name, spec in graph.parameters.items()
    }


def images(graph: Graph, count: int) -> np.ndarray:
    shape = graph.shapes[graph.inputs[0]]
    return np.random.default_rng(SEED + count).normal(size=(count, *shape)).astype(np.float32)


def test_every_image_has_the_same_numbers() -> None:
    layer, value = Parameter((2, 3)), np.arange(6.0).reshape(2, 3)
    rules = definition(layer)
    y, cache = rules.forward(layer, (), {"value": value}, Context(images=3))
    np.testing.assert_array_equal(y, [value, value, value])
    shares, gradients = rules.backward(layer, np.ones((3, 2, 3)), cache, Rule.GRADIENT)
    assert shares == ()
    np.testing.assert_array_equal(gradients["value"], np.full((2, 3), 3))
    terms = rules.terms(layer, (), {"value": value}, (1, 2))
    assert (terms.value, terms.sources.tolist()) == (5, [[-1, -1, -1]])


def test_a_linear_layer_over_the_last_axis_equals_pytorch() -> None:
    graph = linear_graph()
    parameters = drawn(graph)
    program = EXACT.compile(graph, CompileOptions(4, Purpose.TRACE))
    program.write_parameters(parameters)
    x = torch.tensor(images(graph, 4), dtype=torch.float64, requires_grad=True)
    weight, bias = (
        torch.tensor(parameters[name], dtype=torch.float64, requires_grad=True)
        for name in ("weight.value", "bias.value")
    )
    y = torch.nn.functional.linear(x, weight.T, bias[0])
    trace = program.trace(x.detach().numpy())
    np.testing.assert_allclose(trace["sum"], y.detach(), rtol=1e-12)
    y.sum().backward()
    gradients = program.backward(trace, {"sum": np.ones((4, 6, 5))})
    np.testing.assert_allclose(gradients["weight.value"], weight.grad, rtol=1e-12)
    np.testing.assert_allclose(gradients["bias.value"], bias.grad, rtol=1e-12)
    np.testing.assert_allclose(gradients.input, x.grad, rtol=1e-12)


def product_graph(x: Shape, shape: Shape, *, first: bool = False) -> Graph:
    """A matrix product with a parameter, which may be the first factor."""
    builder = GraphBuilder()
    inputs = [builder.input(x), builder.add(Parameter(shape, trainable=True), name="matrix")]
    y = builder.add(MatMul(), *(reversed(inputs) if first else inputs))
    builder.add(Linear(3), builder.add(Flatten(), y))
    return builder.graph()


GRAPHS = [
    *(pytest.param(scaled_graph(shape), id=str(shape)) for shape in SHAPES),
    pytest.param(linear_graph(), id="linear"),
    pytest.param(product_graph((2, 5, 7), (1, 7, 13)), id="one matrix"),
    pytest.param(product_graph((2, 5, 7), (2, 7, 4)), id="a matrix each"),
    pytest.param(product_graph((2, 1, 5, 7), (1, 3, 7, 4)), id="repeated matrices"),
    pytest.param(product_graph((7, 4), (9, 7), first=True), id="first factor"),
]


def compiled(engine: NativeEngine | ReferenceEngine, graph: Graph, options: CompileOptions) -> Program:
    program = engine.compile(graph, options)
    program.write_parameters(drawn(graph))
    return program


@pytest.mark.parametrize("graph", GRAPHS)
def test_gradients_equal_the_definition(native: NativeEngine, graph: Graph) -> None:
    options = CompileOptions(CAPACITY, Purpose.TRACE, objective=CrossEntropy())
    for count in (1, CAPACITY):
        found = []
        for engine in (native, EXACT):
            program = compiled(engine, graph, options)
            trace = program.trace(images(graph, count))
            seeds = program.loss(trace, np.arange(count) % 3)[1]
            found.append({**trace, **program.backward(trace, seeds)})
        assert found[0].keys() == found[1].keys()
        for name, expected in found[1].items():
            np.testing.assert_allclose(
                found[0][name], expected, rtol=2e-6, atol=4e-6, err_msg=f"{name}, seed {SEED}"
            )


@pytest.mark.parametrize("graph", GRAPHS)
def test_training_moves_what_is_trainable(native: NativeEngine, graph: Graph) -> None:
    options = CompileOptions(
        CAPACITY, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=0.9)
    )
    examples = Examples(images(graph, 24), np.arange(24) % 3)
    states = []
    for engine in (native, EXACT):
        program = compiled(engine, graph, options)
        program.train_steps(
            examples, np.arange(24), batch_size=CAPACITY, learning_rates=[0.05, 0.02], first_step=2
        )
        states.append(program.read_parameters())
    before = drawn(graph)
    for name, expected in states[1].items():
        np.testing.assert_allclose(states[0][name], expected, rtol=1e-5, atol=1e-5, err_msg=name)
        moved = not np.array_equal(states[0][name], before[name])
        assert moved == (graph.parameters[name].role == "trainable"), name


def test_a_constant_has_no_gradient_among_the_trainable() -> None:
    graph = scaled_graph((17, 1, 1))
    net = Model(graph, initial_parameters(graph, SEED), engine="reference")
    assert net.parameter_count == 17 + 3 * (17 * 12 + 1)
    gradients = net.gradients(images(graph, 2), np.array([0, 1]))
    assert "scale.value" in gradients
    assert "shift.value" not in gradients
