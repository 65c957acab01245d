"""What the compiler promises of every plan, checked on the plans themselves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import pellucid
from pellucid.engines.engine import CompileOptions, Purpose, Wanted
from pellucid.engines.native import NativeEngine
from pellucid.engines.native.compiler import Compiler
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Buffer, Iteration, Layout, Plan, Scope
from pellucid.engines.native.walk import Choices
from pellucid.graph import Graph, GraphBuilder
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

IN_LANES = Choices(layout=Layout.LANES)


def residual_graph() -> Graph:
    builder = GraphBuilder()
    x = builder.input((3, 8, 8))
    a = builder.add(pellucid.Conv2d(4, 3, padding=1), x)
    b = builder.add(pellucid.BatchNorm2d(), a)
    c = builder.add(pellucid.ReLU(), b)
    d = builder.add(pellucid.Conv2d(4, 3, padding=1), c)
    e = builder.add(pellucid.Add(), a, d)
    f = builder.add(pellucid.Concat(), e, c)
    g = builder.add(pellucid.MaxPool2d(2), f)
    h = builder.add(pellucid.Flatten(), g)
    builder.add(pellucid.Linear(5), h)
    return builder.graph()


def training_plan(graph: Graph, lanes: int = 8) -> Plan:
    optimizer = SGD(momentum=0.9)
    compiler = Compiler(graph, ParameterStore(graph, optimizer), lanes, choices=IN_LANES)
    return compiler.training(CrossEntropy(), optimizer, bytes_in=True, classes=True)


def moments_of_use(plan: Plan) -> dict[Buffer, list[tuple[int, int]]]:
    """(phase, step) of every use of a buffer, in order."""
    uses: dict[Buffer, list[tuple[int, int]]] = {}
    for number, phase in enumerate(plan.phases):
        for moment, step in enumerate((*phase.prologue, *phase.steps)):
            for operand in step.operands:
                if operand is not None:
                    uses.setdefault(operand, []).append((number, moment))
    return uses


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_no_two_living_buffers_share_memory(lanes: int) -> None:
    plan = training_plan(residual_graph(), lanes)
    uses = moments_of_use(plan)
    shard = [b for b in uses if plan.places[b][0] is Scope.SHARD]
    overlapping = 0
    for one, other in itertools.combinations(shard, 2):
        start, start_other = plan.places[one][1], plan.places[other][1]
        if start + one.nbytes <= start_other or start_other + other.nbytes <= start:
            continue
        overlapping += 1
        assert one.scope is None
        assert other.scope is None  # sums are never shared
        assert uses[one][-1] < uses[other][0] or uses[other][-1] < uses[one][0]
    assert overlapping > 0  # scratch is reused at all


def test_what_a_later_phase_reads_has_an_instance_a_tile() -> None:
    plan = training_plan(residual_graph())
    for buffer, moments in moments_of_use(plan).items():
        if buffer.scope is None and moments[0][0] != moments[-1][0]:
            assert plan.places[buffer][0] is Scope.TILE, buffer.name


def test_batch_normalisation_splits_the_walk_and_nothing_else_does() -> None:
    chain = pellucid.Sequential(
        pellucid.Conv2d(4, 3), pellucid.ReLU(), pellucid.Flatten(), pellucid.Linear(3), input_shape=(1, 6, 6)
    )
    walks = [p for p in training_plan(chain.graph).phases if p.iteration is Iteration.TILES]
    assert len(walks) == 1
    walks = [p for p in training_plan(residual_graph()).phases if p.iteration is Iteration.TILES]
    assert len(walks) == 3  # up to the statistics, forward and back to their gradient, the rest


def test_gradient_check_and_update_are_phases_of_their_own() -> None:
    phases = training_plan(residual_graph()).phases
    gradients, check, update = phases[-3:]
    assert {s.operation for s in gradients.steps} >= {"reduce_lanes", "report_loss"}
    assert [s.operation for s in check.steps] == ["check_finite"]
    assert {s.operation for s in update.steps} == {"descend_with_momentum", "update_running_statistics"}


def test_every_step_names_its_node() -> None:
    graph = residual_graph()
    known = {node.name for node in graph.nodes} | {"gradient", "update"}
    for phase in training_plan(graph).phases:
        for step in phase.steps:
            assert step.node in known


def test_a_rectifier_before_max_pooling_costs_no_step_unless_it_is_looked_at() -> None:
    net = pellucid.zoo.create("lenet5")
    steps = [step for phase in training_plan(net.graph).phases for step in phase.steps]
    rectified = {step.node for step in steps if step.operation.startswith("activation")}
    assert rectified == {"relu3", "relu4"}  # relu1 and relu2 are pool1's and pool2's
    compiler = Compiler(net.graph, ParameterStore(net.graph, None), 8, choices=IN_LANES)
    traced = compiler.forward([node.name for node in net.graph.nodes])
    seen = {s.node for phase in traced.phases for s in phase.steps if s.operation == "activation_output"}
    assert seen == {"relu1", "relu2", "relu3", "relu4"}


def test_fusion_changes_no_number() -> None:
    """Ties, zeros and NaNs included: images of few values, and one of NaN. Only biases are summed anew."""
    net = pellucid.zoo.create("lenet5", engine=NativeEngine(layout="lanes"))
    images = np.random.default_rng(2).integers(0, 2, (21, 1, 28, 28)).astype(np.float32)
    images[3] = 0
    images[5, 0, 4, 4] = np.nan
    np.testing.assert_array_equal(net.predict(images), net.trace(images)["fc3"])
    program = net.program(CompileOptions(32, Purpose.TRACE))
    trace = program.trace(images)
    seeds = {"fc3": np.ones((21, 10), np.float32)}
    fused = program.backward(trace, seeds, wanted=Wanted(("input",)))
    apart = program.backward(trace, seeds, wanted=Wanted(("input", "relu1", "relu2")))
    for name in fused:
        tolerance = 1e-5 if name.endswith("bias") else 0
        np.testing.assert_allclose(fused[name], apart[name], rtol=tolerance, err_msg=name)
