"""One pass forwards and backwards gives what a trace and `backward` give, and activations on the way."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid
from pellucid import zoo
from pellucid.engines import select
from pellucid.engines.engine import CompileOptions, Program, Purpose, Rule, Wanted
from pellucid.engines.native import NativeEngine
from pellucid.errors import EngineError


def compiled(network: str, engine: str) -> Program:
    model = zoo.create(network)
    program = select(engine).compile(model.graph, CompileOptions(4, Purpose.TRACE))
    program.write_parameters(model.parameters)
    return program


def images(program: Program, count: int) -> np.ndarray:
    shape = program.graph.shapes[program.graph.inputs[0]]
    return np.random.default_rng(8).normal(size=(count, *shape)).astype(np.float32)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize(("network", "node"), [("lenet5", "relu2"), ("resnet20", "unit2_2_relu1")])
def test_one_pass_equals_trace_and_backward(network: str, node: str, engine: str) -> None:
    program = compiled(network, engine)
    batch, (output,) = images(program, 3), program.graph.outputs
    seeds = {output: np.eye(10, dtype=np.float32)[[7, 1, 4]]}
    rules = {node: Rule.GUIDED}
    wanted = Wanted((node, "input"), (), activations=("input", node, output))
    trace = program.trace(batch)
    two = program.backward(trace, seeds, rules, Wanted((node, "input"), ()))
    one = program.differentiate([batch], seeds, rules, wanted)
    for name in (node, "input"):
        np.testing.assert_array_equal(one.nodes[name], two.nodes[name])
    for name in ("input", node, output):
        # The trace keeps every node apart; the pass may fold those between, which rounds otherwise.
        scale = np.abs(trace[name]).max()
        np.testing.assert_allclose(one.activations[name], trace[name], rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_batch_above_capacity_is_refused(engine: str) -> None:
    program = compiled("lenet5", engine)
    with pytest.raises(EngineError, match="received 5"):
        program.differentiate([images(program, 5)], {"fc3": np.ones((5, 10), np.float32)})


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize("network", ["lenet5", "resnet20"])
def test_a_loss_is_differentiated_in_the_same_pass(network: str, arrays: bool, engine: str) -> None:
    model = zoo.create(network)
    objective = pellucid.SquaredError() if arrays else pellucid.CrossEntropy()
    options = CompileOptions(4, Purpose.TRACE, objective=objective)
    program = select(engine).compile(model.graph, options)
    program.write_parameters(model.parameters)
    batch = images(program, 3)
    targets = np.eye(10, dtype=np.float32)[[7, 1, 4]] if arrays else np.array([7, 1, 4])
    nodes = tuple(node.name for node in model.graph.nodes)
    trace = program.trace(batch)
    loss, seeds = program.loss(trace, targets)
    two = program.backward(trace, seeds, wanted=Wanted(nodes))
    one = program.differentiate([batch], wanted=Wanted(nodes, activations=nodes), targets=targets)
    assert one.loss == loss
    for name in nodes:
        np.testing.assert_array_equal(one.nodes[name], two.nodes[name])
        np.testing.assert_array_equal(one.activations[name], trace[name])
    for name, array in two.parameters.items():
        np.testing.assert_array_equal(one.parameters[name], array)


def test_a_model_returns_activations_beside_gradients() -> None:
    model = zoo.create("lenet5")
    batch, classes = np.random.default_rng(2).normal(size=(3, 1, 28, 28)).astype(np.float32), [1, 2, 3]
    found = model.gradients(batch, classes, parameters=("fc3.bias",), activations=("conv1", "fc3"))
    assert list(found.parameters) == ["fc3.bias"]
    trace = model.trace(batch)
    for name in ("conv1", "fc3"):
        np.testing.assert_array_equal(found.activations[name], trace[name])
    plain = model.gradients(batch, classes)
    assert found.loss == plain.loss
    np.testing.assert_array_equal(found["fc3.bias"], plain["fc3.bias"])


@pytest.mark.parametrize("layout", ["lanes", "blocks"])
def test_what_lies_below_the_wanted_node_is_computed_as_in_inference(layout: str) -> None:
    model = zoo.create("resnet20")
    options = CompileOptions(2, Purpose.TRACE)
    batch = np.random.default_rng(8).normal(size=(2, 3, 32, 32)).astype(np.float32)
    seeds = {"fc1": np.eye(10, dtype=np.float32)[[7, 1]]}
    node = "unit3_2_relu"
    wanted = Wanted((node,), ("fc1.weight",), activations=(node, "unit1_1_relu"))
    found = []
    for engine in (NativeEngine(layout=layout), select("reference")):
        program = engine.compile(model.graph, options)
        program.write_parameters(model.parameters)
        found.append(program.differentiate([batch], seeds, wanted=wanted))
    ours, expected = found
    pairs = [(ours.activations[name], expected.activations[name]) for name in wanted.activations]
    pairs += [(ours[name], expected[name]) for name in (node, "fc1.weight")]
    for got, right in pairs:
        np.testing.assert_allclose(got, right, rtol=0, atol=1e-4 * np.abs(right).max())
