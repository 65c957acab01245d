"""Nodes computed in one pass give the numbers that they give apart, and are left apart when looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

import pellucid
from pellucid.engines.engine import Array, CompileOptions, Gradients, Program, Purpose, Rule, Wanted
from pellucid.engines.native import NativeEngine, instruction_sets
from pellucid.engines.native.chains import Chain, Chains
from pellucid.engines.native.compiler import BackwardWishes, Compiler
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Layout, Plan, Scope
from pellucid.engines.native.walk import Choices
from pellucid.engines.reference import ReferenceEngine
from pellucid.graph import Graph, GraphBuilder
from pellucid.model import Model


def residual_block() -> Graph:
    """Two branches that meet, as where a ResNet changes its shape, and a block with the input itself."""
    builder = GraphBuilder()
    x = builder.input((16, 9, 9))
    a = builder.add(pellucid.Conv2d(16, 3, padding=1, stride=2, bias=False), x, name="a")
    b = builder.add(pellucid.BatchNorm2d(), a, name="b")
    c = builder.add(pellucid.ReLU(), b, name="c")
    d = builder.add(pellucid.Conv2d(16, 3, padding=1), c, name="d")
    e = builder.add(pellucid.BatchNorm2d(), d, name="e")
    short = builder.add(pellucid.Conv2d(16, 1, stride=2), x, name="short")
    f = builder.add(pellucid.BatchNorm2d(), short, name="f")
    g = builder.add(pellucid.Add(), e, f, name="g")
    h = builder.add(pellucid.ReLU(), g, name="h")
    i = builder.add(pellucid.Conv2d(16, 3, padding=1), h, name="i")
    j = builder.add(pellucid.Add(), i, h, name="j")
    k = builder.add(pellucid.ReLU(), j, name="k")
    m = builder.add(pellucid.Flatten(), k, name="m")
    n = builder.add(pellucid.Linear(7), m, name="n")
    builder.add(pellucid.ReLU(), n, name="o")
    return builder.graph()


FIRST = ("a", "d", "short", "i", "n")


def test_chains_end_where_another_node_reads_or_somebody_looks() -> None:
    chains = Chains(residual_block(), FIRST, visible={"o"})
    assert chains.ending_at("c") == Chain("a", "c", normalization="b", rectified=True)
    # Of the branches the later one, which is the shortcut here, adds the other.
    assert chains.ending_at("h") == Chain("short", "h", normalization="f", addend="e", rectified=True)
    assert chains.ending_at("e") == Chain("d", "e", normalization="e")
    assert chains.ending_at("k") == Chain("i", "k", addend="h", rectified=True)
    assert chains.ending_at("o") == Chain("n", "o", rectified=True)
    assert [node.name for node in residual_block().nodes if chains.hides(node.name)] == [
        "a", "b", "d", "short", "f", "g", "i", "j", "n",
    ]  # fmt: skip
    looked_at = Chains(residual_block(), FIRST, visible={"b", "i", "o"})
    assert looked_at.ending_at("b") == Chain("a", "b", normalization="b")
    assert looked_at.ending_at("i") == Chain("i", "i")
    assert looked_at.ending_at("k") is None


@pytest.mark.parametrize("instruction_set", instruction_sets())
@pytest.mark.parametrize("layout", ["lanes", "blocks"])
def test_a_rectifier_keeps_what_is_no_number(instruction_set: str, layout: str) -> None:
    """By itself, and behind a convolution by either algorithm."""
    builder = GraphBuilder()
    x = builder.input((16, 8, 8))
    builder.add(pellucid.ReLU(), x, name="alone")
    for algorithm in ("direct", "winograd"):
        z = builder.add(pellucid.Conv2d(16, 3, padding=1), x, name=algorithm)
        builder.add(pellucid.ReLU(), z, name=f"rectified {algorithm}")
    graph = builder.graph(outputs=("alone", "rectified direct", "rectified winograd"))
    options = CompileOptions(
        2, Purpose.INFERENCE, algorithms=(("direct", "direct"), ("winograd", "winograd"))
    )
    images = np.tile(np.array([-2, -1, 0, 1], np.float32), (2, 16, 8, 2))
    images[0, :, 0, 0] = np.nan
    images[1, :, 0, :4] = np.nan, np.inf, -np.inf, -0.0
    engine = NativeEngine(instruction_set=instruction_set, layout=layout, poison=True)
    alone, *convolved = Model(graph, seed=3, engine=engine).program(options).forward(images)
    np.testing.assert_array_equal(alone, np.where(images < 0, np.float32(0), images))
    for values in convolved:
        assert np.isnan(values[0, :, :2, :2]).all()
        assert (values[0, :, 4:] >= 0).all()
        assert (values[0, :, 4:] > 0).any()


@pytest.mark.parametrize("count", [1, 5])
def test_a_fused_pass_gives_the_numbers_of_its_nodes_apart(count: int) -> None:
    net = Model(residual_block(), seed=3, engine=NativeEngine(layout="blocks", poison=True))
    random = np.random.default_rng(4)
    drawn = {
        name: array + random.uniform(0.1, 0.5, array.shape).astype(np.float32)
        for name, array in net.parameters.items()
    }
    net.set_parameters(drawn)
    images = random.standard_normal((count, 16, 9, 9), np.float32)
    apart = net.trace(images)
    np.testing.assert_allclose(net.predict(images), apart["o"], rtol=2e-5, atol=2e-5)
    program = net.program(CompileOptions(8, Purpose.TRACE, keep=("h",)))
    np.testing.assert_allclose(program.trace(images)["h"], apart["h"], rtol=2e-5, atol=2e-5)


def all_kinds() -> Graph:
    """Convolutions of every kind before a normalisation, and a sum of a convolution with what it reads."""
    builder = GraphBuilder()
    x = builder.input((16, 11, 10))
    convolutions = {
        "grouped": pellucid.Conv2d(24, 3, padding=1, groups=2),
        "depthwise": pellucid.Conv2d(24, 3, padding=1, groups=24),
        "strided": pellucid.Conv2d(19, 3, stride=2),
        "reflected": pellucid.Conv2d(19, 3, padding=1, padding_mode="reflect"),
        "pointwise": pellucid.Conv2d(16, 1),
    }
    for name, layer in convolutions.items():
        y = builder.add(layer, x, name=name)
        y = builder.add(pellucid.BatchNorm2d(), y, name=f"{name}_norm")
        x = builder.add(pellucid.ReLU(), y, name=f"{name}_relu")
    y = builder.add(pellucid.Conv2d(16, 3, padding=1), x, name="beside")
    x = builder.add(pellucid.Add(), y, x, name="sum")
    x = builder.add(pellucid.ReLU(), x, name="sum_relu")
    x = builder.add(pellucid.Conv2d(18, 3, padding=1), x, name="last")
    x = builder.add(pellucid.ReLU(), x, name="last_relu")
    x = builder.add(pellucid.MaxPool2d(3, stride=2, padding=1), x, name="pool")
    x = builder.add(pellucid.Flatten(), x, name="flat")
    builder.add(pellucid.Linear(5), x, name="o")
    return builder.graph()


def programs(graph: Graph, engine: NativeEngine, seed: int = 3) -> tuple[Program, Program]:
    """The engine's and the definition's, with statistics and scales that are far from 0 and 1."""
    random = np.random.default_rng(seed)
    options = CompileOptions(8, Purpose.TRACE)
    native, definition = engine.compile(graph, options), ReferenceEngine().compile(graph, options)
    drawn = {
        name: random.uniform(0.3, 1.2, spec.shape).astype(np.float32)
        * (1 if spec.role == "buffer" or ".bias" in name else random.choice([-0.2, 0.2], spec.shape))
        for name, spec in graph.parameters.items()
    }
    for program in (native, definition):
        program.write_parameters({name: array.astype(np.float32) for name, array in drawn.items()})
    return native, definition


def assert_same(ours: Gradients, definition: Gradients) -> None:
    assert set(ours) == set(definition)
    for name in definition:
        expected = definition[name]
        np.testing.assert_allclose(
            ours[name], expected, rtol=2e-4, atol=2e-5 * max(1e-3, np.abs(expected).max()), err_msg=name
        )


INPUT_ALONE = Wanted(nodes=("input",), parameters=())


@pytest.mark.parametrize("instruction_set", instruction_sets())
@pytest.mark.parametrize("make", [residual_block, all_kinds])
@pytest.mark.parametrize(
    "wanted",
    [
        INPUT_ALONE,
        Wanted(nodes=("input",), parameters=(), activations=("o",)),
        Wanted(nodes=("input",), parameters=None),
    ],
    ids=["input", "and-activation", "and-parameters"],
)
def test_gradients_pass_chains_as_they_pass_their_nodes(
    make: Callable[[], Graph], wanted: Wanted, instruction_set: str
) -> None:
    graph = make()
    engine = NativeEngine(layout="blocks", instruction_set=instruction_set, poison=True)
    native, definition = programs(graph, engine)
    random = np.random.default_rng(5)
    images = random.standard_normal((5, *graph.shapes["input"]), np.float32)
    seeds = {"o": random.standard_normal((5, *graph.shapes["o"]), np.float32)}
    assert_same(
        native.differentiate([images], seeds, wanted=wanted),
        definition.differentiate([images], seeds, wanted=wanted),
    )


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ({"c": Rule.GUIDED, "k": Rule.DECONVNET}, INPUT_ALONE),
        ({"h": Rule.GUIDED}, INPUT_ALONE),
        ({}, Wanted(nodes=("input", "c", "e", "h"), parameters=())),
        ({}, Wanted(nodes=("input", "j"), parameters=(), activations=("d", "h"))),
        ({}, Wanted(nodes=("input",), parameters=("d.weight", "f.bias"))),
        ({}, Wanted(nodes=("h",), parameters=())),
        ({"h": Rule.DECONVNET}, Wanted(nodes=("h", "input"), parameters=())),
    ],
)
def test_what_is_asked_for_inside_a_chain_is_given(rules: Mapping[str, Rule], wanted: Wanted) -> None:
    graph = residual_block()
    native, definition = programs(graph, NativeEngine(layout="blocks", poison=True))
    random = np.random.default_rng(6)
    images = random.standard_normal((3, *graph.shapes["input"]), np.float32)
    seeds: dict[str, Array] = {
        name: random.standard_normal((3, *graph.shapes[name]), np.float32) for name in ("o", "h", "b")
    }
    assert_same(
        native.differentiate([images], seeds, rules, wanted),
        definition.differentiate([images], seeds, rules, wanted),
    )


def straight(depth: int, channels: int = 16) -> Graph:
    """Convolutions with a ReLU each, all of one size."""
    builder = GraphBuilder()
    x = builder.input((channels, 16, 16))
    for number in range(depth):
        x = builder.add(pellucid.Conv2d(16, 3, padding=1), x, name=f"conv{number}")
        x = builder.add(pellucid.ReLU(), x, name=f"relu{number}")
    builder.add(pellucid.Linear(5), builder.add(pellucid.Flatten(), x), name="o")
    return builder.graph()


def way_back(graph: Graph, choices: Choices) -> Plan:
    """From o to the input, four images at a time."""
    compiler = Compiler(graph, ParameterStore(graph, None), 8, 4, 1, choices)
    return compiler.backward(BackwardWishes(("o",), None, (), ("input",), (), ()))


def test_the_way_back_keeps_signs_of_what_it_does_not_read() -> None:
    """Twelve more layers take the memory of less than one more array."""
    in_blocks = Choices(layout=Layout.BLOCKS)
    kept = [way_back(straight(depth), in_blocks).sizes[Scope.BATCH] for depth in (4, 16)]
    array = 4 * 4 * 16 * 16 * 16
    assert kept[1] - kept[0] < array


@pytest.mark.parametrize(
    ("choices", "operation"),
    [
        (Choices(Layout.BLOCKS), "winograd_convolution"),
        (Choices(Layout.BLOCKS, algorithms={"conv0": "direct"}), "blocks_correlate"),
        (Choices(Layout.BLOCKS, precision="direct"), "blocks_correlate"),
    ],
    ids=["chosen", "forced", "precise"],
)
def test_the_gradient_of_few_channels_is_filtered_where_that_is_left_open(
    choices: Choices, operation: str
) -> None:
    """Forwards three channels are too few; backwards direct multiplications would leave lanes idle."""
    plan = way_back(straight(2, channels=3), choices)
    steps = [s.operation for phase in plan.phases for s in phase.steps if s.node == "conv0"]
    assert steps == ["blocks_correlate", operation]


@pytest.mark.parametrize("instruction_set", instruction_sets())
def test_nothing_passes_a_rectifier_at_exactly_zero(instruction_set: str) -> None:
    graph = straight(3)
    engine = NativeEngine(layout="blocks", instruction_set=instruction_set)
    native, definition = programs(graph, engine)
    parameters = definition.read_parameters()
    unbiased = {name: np.zeros_like(array) for name, array in parameters.items() if ".bias" in name}
    for program in (native, definition):
        program.write_parameters(unbiased)
    images = np.zeros((2, *graph.shapes["input"]), np.float32)
    seeds = {"o": np.ones((2, 5), np.float32)}
    for program in (native, definition):
        assert not program.differentiate([images], seeds, wanted=INPUT_ALONE).input.any()


def test_what_is_derived_from_parameters_follows_them() -> None:
    graph = all_kinds()
    native, definition = programs(graph, NativeEngine(layout="blocks"))
    random = np.random.default_rng(7)
    images = random.standard_normal((2, *graph.shapes["input"]), np.float32)
    seeds = {"o": random.standard_normal((2, 5), np.float32)}
    before = native.differentiate([images], seeds, wanted=INPUT_ALONE)
    changed = {name: array * np.float32(0.8) for name, array in definition.read_parameters().items()}
    for program in (native, definition):
        program.write_parameters(changed)
    after = native.differentiate([images], seeds, wanted=INPUT_ALONE)
    assert not np.allclose(before.input, after.input, rtol=1e-2)
    assert_same(after, definition.differentiate([images], seeds, wanted=INPUT_ALONE))
