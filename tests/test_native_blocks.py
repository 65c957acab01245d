"""Networks in channel blocks: what is described instead of computed must change no number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import pellucid
from pellucid.engines.engine import Array, CompileOptions, Engine, Examples, Purpose, Rule, Wanted
from pellucid.engines.native import NativeEngine, instruction_sets
from pellucid.engines.native.compiler import Compiler
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Layout, Plan
from pellucid.engines.native.walk import Choices
from pellucid.engines.reference import ReferenceEngine
from pellucid.graph import Graph, GraphBuilder
from pellucid.initialization import initial_parameters
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

SEED = 7
BATCH = 9
EXACT = ReferenceEngine("float64")


@pytest.fixture(scope="module", params=instruction_sets())
def native(request: pytest.FixtureRequest) -> NativeEngine:
    return NativeEngine(instruction_set=request.param, layout="blocks", threads=3, poison=True)


def residual_graph() -> Graph:
    """A stem, a block whose shortcut is the identity, one whose shortcut is projected, and a classifier."""
    builder = GraphBuilder()
    x = builder.input((3, 9, 8))
    x = builder.add(pellucid.Normalize((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)), x)
    x = builder.add(pellucid.Conv2d(6, 3, padding=1, bias=False), x)
    x = builder.add(pellucid.ReLU(), builder.add(pellucid.BatchNorm2d(), x))
    x = builder.add(pellucid.MaxPool2d(3, stride=2, padding=1), x)
    for channels, projected in ((6, False), (17, True)):
        y = builder.add(pellucid.Conv2d(channels, 3, padding=1, bias=False), x)
        y = builder.add(pellucid.ReLU(), builder.add(pellucid.BatchNorm2d(), y))
        y = builder.add(pellucid.Conv2d(channels, 3, padding=1, bias=False), y)
        y = builder.add(pellucid.BatchNorm2d(), y)
        if projected:
            x = builder.add(pellucid.Conv2d(channels, 1, bias=False), x)
            x = builder.add(pellucid.BatchNorm2d(), x)
        x = builder.add(pellucid.ReLU(), builder.add(pellucid.Add(), y, x))
    x = builder.add(pellucid.Flatten(), builder.add(pellucid.GlobalAvgPool(), x))
    builder.add(pellucid.Linear(4), x)
    return builder.graph()


def parameters(graph: Graph) -> Mapping[str, Array]:
    """Seeded, and scales, shifts and running statistics other than 1 and 0."""
    generator = np.random.default_rng(SEED)
    return {
        name: (value + 0.2 * generator.random(value.shape)).astype(np.float32)
        for name, value in initial_parameters(graph, SEED).items()
    }


def images(count: int) -> Array:
    return np.random.default_rng(SEED + count).random((count, 3, 9, 8), dtype=np.float32)


def assert_close(ours: Array, exact: Array, what: str, tolerance: float) -> None:
    scale = float(np.abs(exact).max())
    np.testing.assert_allclose(ours, exact, rtol=0, atol=tolerance * scale, err_msg=f"{what}, seed {SEED}")


def test_five_training_steps_of_a_residual_network_equal_the_definition(native: NativeEngine) -> None:
    graph = residual_graph()
    options = CompileOptions(
        BATCH, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=0.9), seed=SEED
    )
    generator = np.random.default_rng(SEED)
    examples = Examples(images(40), generator.integers(0, 4, 40))
    order = generator.permutation(40)

    def trained(engine: Engine) -> tuple[Array, Mapping[str, Array]]:
        program = engine.compile(graph, options)
        program.write_parameters(parameters(graph))
        report = program.train_steps(
            examples, order, batch_size=BATCH, learning_rates=[0.02] * 5, first_step=0
        )
        return report.losses, program.read_parameters()

    (losses, state), (expected_losses, expected) = trained(native), trained(EXACT)
    np.testing.assert_allclose(losses, expected_losses, rtol=2e-5, err_msg=f"seed {SEED}")
    for name, array in expected.items():
        assert_close(state[name], array, name, 1e-4)


@pytest.mark.parametrize("rule", Rule)
def test_gradients_through_a_residual_network_equal_the_definition(native: NativeEngine, rule: Rule) -> None:
    """By the running statistics; "relu1" is looked at, so the pooling behind it may not absorb it."""
    graph = residual_graph()
    rules = {node.name: rule for node in graph.nodes if isinstance(node.layer, pellucid.ReLU)}
    seeds = {"fc1": np.random.default_rng(SEED).normal(size=(BATCH, 4)).astype(np.float32)}
    results = []
    for engine in (native, EXACT):
        program = engine.compile(graph, CompileOptions(BATCH, Purpose.TRACE))
        program.write_parameters(parameters(graph))
        trace = program.trace(images(BATCH))
        every = Wanted(("input", "relu1", "norm3"))
        results.append({**program.backward(trace, seeds, rules, every), "value": trace["fc1"]})
    assert results[0].keys() == results[1].keys()
    for name, expected in results[1].items():
        assert_close(results[0][name], expected, name, 1e-5)


def test_threads_and_batches_do_not_change_what_is_predicted(native: NativeEngine) -> None:
    graph = residual_graph()
    outputs = []
    for threads in (1, 2):
        engine = NativeEngine(
            instruction_set=native.instruction_set, layout="blocks", threads=threads, poison=True
        )
        program = engine.compile(graph, CompileOptions(BATCH, Purpose.INFERENCE))
        program.write_parameters(parameters(graph))
        outputs.append(program.forward(images(BATCH))[0])
        outputs.append(np.concatenate([program.forward(image[None])[0] for image in images(BATCH)]))
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])


# ---- what a plan in blocks does not do


def normalized_graph() -> Graph:
    builder = GraphBuilder()
    x = builder.add(pellucid.AvgPool2d(2), builder.input((5, 12, 12)))
    x = builder.add(pellucid.BatchNorm2d(), x)
    x = builder.add(pellucid.MaxPool2d(2), builder.add(pellucid.ReLU(), x))
    builder.add(pellucid.Flatten(), builder.add(pellucid.GlobalAvgPool(), x))
    return builder.graph()


def operations(plan: Plan, *nodes: str) -> list[str]:
    return [step.operation for phase in plan.phases for step in phase.steps if step.node in nodes]


def compiler(graph: Graph) -> Compiler:
    return Compiler(graph, ParameterStore(graph, SGD()), 8, BATCH, 2, Choices(layout=Layout.BLOCKS))


def test_a_normalisation_and_a_rectifier_are_not_written_down_for_a_pooling() -> None:
    plan = compiler(normalized_graph()).forward(["flatten1"])
    assert operations(plan, "norm1", "relu1") == []
    assert [s.operation for phase in plan.preparation for s in phase.steps] == ["blocks_running_coefficients"]
    looked_at = compiler(normalized_graph()).forward(["relu1", "flatten1"])
    assert operations(looked_at, "relu1") == ["blocks_combine", "blocks_scatter"]


def test_backwards_one_pass_serves_the_rectifier_and_the_sums() -> None:
    graph = residual_graph()
    plan = compiler(graph).training(CrossEntropy(), SGD(), bytes_in=False, classes=True)
    passes = [
        step
        for phase in plan.phases
        for step in phase.steps
        if step.operation == "blocks_batch_gradient_sums"
    ]
    written = {step.node: step.operands[8] is not None for step in passes}
    assert written == {
        "norm6": True,  # of the projected shortcut, and what it wrote
        "norm5": False,  # is there for the block's own
        "norm4": True,
        "norm3": True,
        "norm2": True,
        "norm1": False,  # its rectifier is the pooling's
    }
