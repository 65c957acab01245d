"""The reference engine as a whole: graphs, traces, rules, training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from pellucid.engines.engine import (
    CompileOptions,
    Examples,
    Program,
    Purpose,
    Rule,
    Wanted,
)
from pellucid.engines.reference import ReferenceEngine
from pellucid.errors import EngineError, UnknownNameError
from pellucid.graph import Graph, GraphBuilder, sequential_graph
from pellucid.initialization import initial_parameters
from pellucid.layers import (
    Add,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    ReLU,
    Softmax,
)
from pellucid.objectives import CrossEntropy, MaximumAPosteriori, SquaredError
from pellucid.optimizers import SGD, Adam, Optimizer

SEED = 5


def program(
    graph: Graph, purpose: Purpose = Purpose.TRACE, *, dtype: str = "float64", **options: object
) -> Program:
    """A program with seeded parameters."""
    engine = ReferenceEngine("float64" if dtype == "float64" else "float32")
    compiled = engine.compile(graph, CompileOptions(purpose=purpose, **{"capacity": 8, **options}))
    compiled.write_parameters(initial_parameters(graph, SEED))
    return compiled


def residual_graph() -> Graph:
    """Branches that meet in an Add and a Concat; one node feeds three others."""
    builder = GraphBuilder()
    x = builder.input((2, 5, 5))
    stem = builder.add(Conv2d(3, 3, padding=1), x)
    branch = builder.add(Conv2d(3, 3, padding=1), builder.add(ReLU(), stem))
    joined = builder.add(Add(), stem, branch)
    stacked = builder.add(Concat(), joined, builder.add(MaxPool2d(3, stride=1, padding=1), stem))
    pooled = builder.add(GlobalAvgPool(), stacked)
    builder.add(Softmax(), builder.add(Linear(4), pooled))
    return builder.graph()


def residual_in_torch(x: torch.Tensor, w: dict[str, torch.Tensor]) -> torch.Tensor:
    """Logits of the same network."""
    stem = functional.conv2d(x, w["conv1.weight"], w["conv1.bias"], padding=1)
    branch = functional.conv2d(stem.relu(), w["conv2.weight"], w["conv2.bias"], padding=1)
    stacked = torch.cat([stem + branch, functional.max_pool2d(stem, 3, 1, 1)], 1)
    return functional.linear(stacked.mean((2, 3)), w["fc1.weight"], w["fc1.bias"])


def test_gradients_of_a_graph_with_branches_equal_pytorch() -> None:
    graph = residual_graph()
    compiled = program(graph, objective=CrossEntropy())
    images = np.random.default_rng(SEED).normal(size=(4, 2, 5, 5))
    targets = np.array([0, 3, 1, 1])
    trace = compiled.trace(images)
    value, seeds = compiled.loss(trace, targets)
    wanted = Wanted(("input", "conv1", "add1", "pool1"))
    gradients = compiled.backward(trace, seeds, wanted=wanted)

    x = torch.tensor(images, requires_grad=True)
    w = {k: torch.tensor(v, requires_grad=True) for k, v in compiled.read_parameters().items()}
    logits = residual_in_torch(x, w)
    expected = functional.cross_entropy(logits, torch.tensor(targets))
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(trace["softmax1"], logits.softmax(1).detach(), rtol=1e-10)
    np.testing.assert_allclose(gradients.nodes["input"], x.grad, rtol=1e-9, atol=1e-12)
    for name, weight in w.items():
        np.testing.assert_allclose(gradients[name], weight.grad, rtol=1e-9, atol=1e-12, err_msg=name)
    # add1 receives its share through the concatenation and the mean over 25 cells.
    through = seeds["fc1"] @ compiled.read_parameters()["fc1.weight"] / 25
    np.testing.assert_allclose(gradients["add1"][:, :, 2, 2], through[:, :3], rtol=1e-10)


def test_cross_entropy_after_softmax_reads_the_logits() -> None:
    compiled = program(residual_graph(), objective=CrossEntropy(), keep=("conv1",))
    trace = compiled.trace(np.ones((1, 2, 5, 5)))
    _, seeds = compiled.loss(trace, np.array([2]))
    assert list(seeds) == ["fc1"]
    squared = program(residual_graph(), objective=SquaredError())
    assert list(squared.loss(squared.trace(np.ones((1, 2, 5, 5))), np.array([2]))[1]) == ["softmax1"]


# ---- traces


def test_a_trace_keeps_what_was_asked_for_and_says_its_size() -> None:
    compiled = program(residual_graph(), keep=("add1",))
    assert compiled.trace_nbytes(3) == 3 * 8 * (2 * 25 + 3 * 25)
    trace = compiled.trace(np.ones((3, 2, 5, 5)))
    assert trace.nbytes == compiled.trace_nbytes(3)
    assert list(trace) == ["add1"]
    assert trace["add1"].shape == (3, 3, 5, 5)
    with pytest.raises(UnknownNameError, match="unknown kept node 'conv1'"):
        trace["conv1"]


def test_a_trace_of_everything_lists_all_nodes_in_order() -> None:
    graph = residual_graph()
    compiled = program(graph)
    trace = compiled.trace(np.ones((2, 2, 5, 5)))
    assert list(trace) == [node.name for node in graph.nodes]
    assert trace.nbytes == compiled.trace_nbytes(2)
    assert all(trace[name].shape == (2, *graph.shapes[name]) for name in trace)


def test_a_trace_outlives_new_parameters_and_changed_images() -> None:
    compiled = program(residual_graph(), keep=("softmax1",))
    images = np.random.default_rng(SEED).normal(size=(2, 2, 5, 5))
    trace = compiled.trace(images)
    seeds = {"softmax1": np.eye(4)[:2]}
    before, value = compiled.backward(trace, seeds), trace["softmax1"].copy()
    images[:] = 0
    compiled.write_parameters({"conv1.weight": np.zeros((3, 2, 3, 3))})
    after = compiled.backward(trace, seeds)
    assert (trace["softmax1"] == value).all()
    assert all((before[name] == after[name]).all() for name in before)


def test_seeds_may_sit_at_several_nodes() -> None:
    compiled = program(residual_graph())
    trace = compiled.trace(np.random.default_rng(SEED).normal(size=(1, 2, 5, 5)))
    seeds = {"softmax1": np.ones((1, 4)) * [1, 0, 0, 0], "add1": np.ones((1, 3, 5, 5))}
    both = compiled.backward(trace, seeds).input
    apart = [compiled.backward(trace, {name: seed}).input for name, seed in seeds.items()]
    np.testing.assert_allclose(both, apart[0] + apart[1], rtol=1e-12, atol=1e-15)


def test_what_no_seed_reaches_has_gradient_zero() -> None:
    compiled = program(residual_graph())
    trace = compiled.trace(np.ones((2, 2, 5, 5)))
    gradients = compiled.backward(trace, {"conv1": np.ones((2, 3, 5, 5))}, wanted=Wanted(("fc1",)))
    assert not gradients["fc1"].any()
    assert not gradients["fc1.weight"].any()
    assert gradients["conv1.bias"].tolist() == [50, 50, 50]


def test_misplaced_seeds_are_refused() -> None:
    compiled = program(residual_graph())
    trace = compiled.trace(np.ones((2, 2, 5, 5)))
    with pytest.raises(EngineError, match=r"conv1: expects a seed of shape \(2, 3, 5, 5\), received \(3,\)"):
        compiled.backward(trace, {"conv1": np.ones(3)})
    with pytest.raises(UnknownNameError, match="did you mean conv"):
        compiled.backward(trace, {"conv": np.ones(3)})


def test_a_batch_above_capacity_is_refused() -> None:
    compiled = program(residual_graph())
    with pytest.raises(EngineError, match="batches of at most 8, received 9"):
        compiled.forward(np.ones((9, 2, 5, 5)))


# ---- rules


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # z = W x with x = (1, 2): z = (3, -1, 1); dJ/da = (1, 2, -4).
        (Rule.GRADIENT, [1 * 1 + -4 * -1, 1 * 1 + -4 * 1]),
        (Rule.DECONVNET, [1 * 1 + 2 * 1, 1 * 1 + 2 * -1]),
        (Rule.GUIDED, [1 * 1, 1 * 1]),
    ],
)
def test_rules_by_hand(rule: Rule, expected: list[float]) -> None:
    graph = sequential_graph([Linear(3, bias=False), ReLU()], (2,))
    compiled = program(graph)
    compiled.write_parameters({"fc1.weight": np.array([[1, 1], [1, -1], [-1, 1]])})
    trace = compiled.trace(np.array([[1, 2]]))
    assert trace["fc1"].tolist() == [[3, -1, 1]]
    seeds = {"relu1": np.array([[1.0, 2, -4]])}
    assert compiled.backward(trace, seeds, {"relu1": rule}).input.tolist() == [expected]


# ---- training


def digits() -> tuple[Examples, Graph]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images * (255 / 16)).astype(np.uint8)[:, None]
    layers = [
        Conv2d(6, 3, padding=1),
        BatchNorm2d(),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Dropout(0.1),
        Linear(10),
    ]
    return Examples(images, bunch.target.astype(np.int64)), sequential_graph(layers, (1, 8, 8))


MOMENTUM = SGD(momentum=0.9)


def trainer(graph: Graph, rule: Optimizer = MOMENTUM, seed: int = 0) -> Program:
    return program(
        graph,
        Purpose.TRAINING,
        dtype="float32",
        capacity=64,
        objective=CrossEntropy(),
        optimizer=rule,
        seed=seed,
    )


@pytest.mark.parametrize(("rule", "rate"), [(SGD(momentum=0.9), 0.05), (Adam(), 0.02)], ids=["sgd", "adam"])
def test_training_lowers_the_loss_on_digits(rule: Optimizer, rate: float) -> None:
    examples, graph = digits()
    compiled = trainer(graph, rule)
    indices = np.random.default_rng(SEED).permutation(len(examples.images))[: 40 * 32]
    report = compiled.train_steps(examples, indices, batch_size=32, learning_rates=[rate] * 40)
    assert report.non_finite is None
    assert report.losses[:3].mean() > 1.8
    assert report.losses[-5:].mean() < 0.6
    assert report.correct[-5:].sum() > 0.8 * report.images[-5:].sum()


def test_steps_taken_together_or_apart_are_the_same() -> None:
    examples, graph = digits()
    together, apart = trainer(graph), trainer(graph)
    indices, rates = np.arange(80), [0.1, 0.05, 0.02]
    whole = together.train_steps(examples, indices, batch_size=32, learning_rates=rates)
    assert whole.images.tolist() == [32, 32, 16]
    parts = [
        apart.train_steps(
            examples,
            indices[32 * i : 32 * (i + 1)],
            batch_size=32,
            learning_rates=rates[i : i + 1],
            first_step=i,
        )
        for i in range(3)
    ]
    assert whole.losses.tolist() == [part.losses.item() for part in parts]
    first, second = together.read_parameters(), apart.read_parameters()
    assert all((first[name] == second[name]).all() for name in first)


def test_a_run_continues_from_what_was_read() -> None:
    examples, graph = digits()
    first, second = trainer(graph, Adam()), trainer(graph, Adam())
    first.train_steps(examples, np.arange(32), batch_size=32, learning_rates=[0.01])
    second.write_parameters(first.read_parameters())
    second.write_slots(first.read_slots())
    reports = [
        compiled.train_steps(examples, np.arange(32, 64), batch_size=32, learning_rates=[0.01], first_step=1)
        for compiled in (first, second)
    ]
    assert reports[0].losses == reports[1].losses
    one, other = first.read_parameters(), second.read_parameters()
    assert all((one[name] == other[name]).all() for name in one)


def test_dropout_depends_on_seed_and_step_only() -> None:
    graph = sequential_graph([Flatten(), Dropout(0.5), Linear(10)], (1, 8, 8))
    examples, _ = digits()

    def loss(seed: int, step: int) -> float:
        steps = trainer(graph, seed=seed).train_steps(
            examples, np.arange(16), batch_size=16, learning_rates=[0.0], first_step=step
        )
        return float(steps.losses[0])

    assert loss(0, 0) == loss(0, 0)
    assert len({loss(0, 0), loss(1, 0), loss(0, 1), loss(2**40, 0)}) == 4


def test_a_step_that_meets_a_nan_changes_nothing_and_stops() -> None:
    _, graph = digits()
    images = np.random.default_rng(SEED).random((12, 1, 8, 8), np.float32)
    images[9, 0, 3, 3] = np.nan
    examples = Examples(images, np.arange(12) % 10)
    compiled, healthy = trainer(graph), trainer(graph)
    report = compiled.train_steps(examples, np.arange(12), batch_size=4, learning_rates=[0.1] * 3)
    healthy.train_steps(examples, np.arange(8), batch_size=4, learning_rates=[0.1] * 2)
    assert report.non_finite == 2
    assert report.images.tolist() == [4, 4]
    assert np.isfinite(report.losses).all()
    for states in (
        (compiled.read_parameters(), healthy.read_parameters()),
        (compiled.read_slots(), healthy.read_slots()),
    ):
        assert states[0].keys() == states[1].keys()
        assert all((states[0][name] == states[1][name]).all() for name in states[0])


def test_only_trainable_parameters_move_and_running_statistics_follow_the_batch() -> None:
    examples, graph = digits()
    compiled = trainer(graph)
    before = compiled.read_parameters()
    compiled.train_steps(examples, np.arange(32), batch_size=32, learning_rates=[0.0])
    after = compiled.read_parameters()
    changed = {name for name in before if not (before[name] == after[name]).all()}
    assert changed == {"norm1.running_mean", "norm1.running_var"}


def test_bytes_are_read_as_value_over_255() -> None:
    examples, graph = digits()
    scaled = Examples(examples.images.astype(np.float32) * np.float32(1 / 255), examples.targets)
    reports = [
        trainer(graph).train_steps(each, np.arange(8), batch_size=8, learning_rates=[0.1])
        for each in (examples, scaled)
    ]
    assert reports[0].losses == reports[1].losses


def test_the_number_of_learning_rates_is_the_number_of_steps() -> None:
    examples, graph = digits()
    with pytest.raises(EngineError, match="one learning rate for each of 2 steps, received 1"):
        trainer(graph).train_steps(examples, np.arange(8), batch_size=4, learning_rates=[0.1])


def test_training_needs_an_objective_and_an_optimizer() -> None:
    examples, graph = digits()
    without = program(graph, Purpose.TRAINING, optimizer=SGD())
    with pytest.raises(EngineError, match="without an objective"):
        without.train_steps(examples, np.arange(8), batch_size=8, learning_rates=[0.1])
    without = program(graph, Purpose.TRAINING, objective=MaximumAPosteriori())
    with pytest.raises(EngineError, match="without an optimizer"):
        without.train_steps(examples, np.arange(8), batch_size=8, learning_rates=[0.1])


def test_parameters_of_a_wrong_shape_or_name_are_refused() -> None:
    _, graph = digits()
    compiled = program(graph)
    with pytest.raises(EngineError, match=r"fc1\.bias: expects an array of shape \(10,\), received \(9,\)"):
        compiled.write_parameters({"fc1.bias": np.zeros(9)})
    with pytest.raises(UnknownNameError, match=r"unknown parameter 'fc2\.bias'; did you mean"):
        compiled.write_parameters({"fc2.bias": np.zeros(10)})


def test_read_parameters_are_copies() -> None:
    _, graph = digits()
    compiled = program(graph)
    compiled.read_parameters()["fc1.bias"][:] = 7
    assert not compiled.read_parameters()["fc1.bias"].any()
