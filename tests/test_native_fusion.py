"""Fused chains against the definition and against the same nodes computed apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from pellucid.engines.engine import Array, CompileOptions, Examples, Purpose, Rule, Wanted
from pellucid.engines.native import NativeEngine, instruction_sets
from pellucid.engines.native.fusion import fused_convolutions
from pellucid.engines.reference import ReferenceEngine
from pellucid.graph import Graph, sequential_graph
from pellucid.initialization import initial_parameters
from pellucid.layers import BatchNorm2d, Conv1d, Conv2d, Flatten, Layer, Linear, MaxPool2d, ReLU, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

SEED = 12
IMAGES = 21
EXACT = ReferenceEngine("float64")


@dataclass(frozen=True)
class ChainCase:
    """A convolution, named conv1, and what follows it."""

    name: str
    convolution: Layer
    followers: tuple[Layer, ...]
    shape: Shape

    def graph(self) -> Graph:
        """The chain between two layers with parameters, so that its input's gradient is wanted too."""
        layers: list[tuple[str, Layer]] = [("before", self._before()), ("conv1", self.convolution)]
        layers += [(f"after{i}", layer) for i, layer in enumerate(self.followers)]
        return sequential_graph([*layers, ("flat", Flatten()), ("readout", Linear(3))], self.shape)

    def first_graph(self) -> Graph:
        """The chain on the input, whose gradient training does not want."""
        layers: list[tuple[str, Layer]] = [("conv1", self.convolution)]
        layers += [(f"after{i}", layer) for i, layer in enumerate(self.followers)]
        return sequential_graph([*layers, ("flat", Flatten()), ("readout", Linear(3))], self.shape)

    def _before(self) -> Layer:
        return Conv1d(self.shape[0], 1) if len(self.shape) == 2 else Conv2d(self.shape[0], 1)

    def __str__(self) -> str:
        return self.name


POOLED = (ReLU(), MaxPool2d(2))
CASES = [
    ChainCase("lenet-1", Conv2d(6, 5, padding=2), POOLED, (1, 12, 12)),
    ChainCase("lenet-2", Conv2d(16, 5), POOLED, (6, 14, 14)),
    ChainCase("ten-of-3x3", Conv2d(10, 3), POOLED, (10, 9, 20)),
    ChainCase("odd-rows-and-columns", Conv2d(7, 3), POOLED, (2, 9, 11)),
    ChainCase("two-maps", Conv2d(2, 3), POOLED, (3, 8, 8)),
    ChainCase("strided", Conv2d(5, 3, stride=2, padding=1), POOLED, (2, 13, 17)),
    ChainCase("dilated", Conv2d(4, 3, dilation=2), POOLED, (2, 11, 12)),
    ChainCase("grouped", Conv2d(6, 3, groups=2), POOLED, (4, 8, 10)),
    ChainCase("depthwise", Conv2d(4, 3, groups=4, padding=1), POOLED, (4, 8, 18)),
    ChainCase("wide-kernel", Conv2d(3, (2, 9), padding=(0, 4)), POOLED, (2, 7, 16)),
    ChainCase("no-bias", Conv2d(4, 3, bias=False), POOLED, (2, 8, 8)),
    ChainCase("pointwise", Conv2d(5, 1), POOLED, (3, 6, 6)),
    ChainCase("no-rectifier", Conv2d(5, 3), (MaxPool2d(2),), (2, 9, 10)),
    ChainCase("no-pooling", Conv2d(5, 3, padding=1), (ReLU(),), (2, 7, 13)),
    ChainCase("one-dimension", Conv1d(5, 3), (ReLU(),), (2, 19)),
]


@pytest.fixture(scope="module", params=instruction_sets())
def native(request: pytest.FixtureRequest) -> NativeEngine:
    return NativeEngine(instruction_set=request.param, poison=True)


def assert_close(ours: Array, exact: Array, what: str, tolerance: float = 3e-6) -> None:
    scale = max(1.0, float(np.abs(exact).max(initial=0)))
    np.testing.assert_allclose(
        ours, exact, rtol=tolerance, atol=tolerance * scale, err_msg=f"{what}, seed {SEED}"
    )


def images_for(shape: Shape, count: int = IMAGES) -> Array:
    return np.random.default_rng(SEED).normal(size=(count, *shape)).astype(np.float32)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_case_is_one_chain(case: ChainCase) -> None:
    (chain,) = fused_convolutions(case.graph(), ()).values()
    assert chain.convolution == "conv1"
    assert chain.last == f"after{len(case.followers) - 1}"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fused_chains_equal_the_definition(native: NativeEngine, case: ChainCase) -> None:
    graph = case.graph()
    parameters = initial_parameters(graph, SEED)
    generator = np.random.default_rng(SEED)
    for count in (1, 5, IMAGES):
        images = images_for(case.shape, count)
        seeds = {"readout": generator.normal(size=(count, 3)).astype(np.float32)}
        outputs, gradients = [], []
        for engine in (native, EXACT):
            program = engine.compile(graph, CompileOptions(IMAGES, Purpose.TRACE, keep=("readout",)))
            program.write_parameters(parameters)
            outputs.append(program.forward(images)[0])
            gradients.append(program.backward(program.trace(images), seeds))
        assert_close(*outputs, f"{count} images")
        for name, expected in gradients[1].items():
            assert_close(gradients[0][name], expected, f"gradient of {name}, {count} images")


@pytest.mark.parametrize("first", [False, True], ids=["inside", "first"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_training_through_fused_chains_equals_the_definition(
    native: NativeEngine, case: ChainCase, first: bool
) -> None:
    graph = case.first_graph() if first else case.graph()
    options = CompileOptions(16, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=0.9))
    examples = Examples(images_for(case.shape), np.random.default_rng(SEED).integers(0, 3, IMAGES))
    states = []
    for engine in (native, EXACT):
        program = engine.compile(graph, options)
        program.write_parameters(initial_parameters(graph, SEED))
        program.train_steps(examples, np.arange(IMAGES), batch_size=16, learning_rates=[0.02, 0.01])
        states.append({**program.read_parameters(), **program.read_slots()})
    for name, expected in states[1].items():
        assert_close(states[0][name], expected, name, tolerance=1e-5)


@pytest.mark.parametrize("wanted", ["weight", "bias"])
def test_one_parameter_alone_may_be_wanted(native: NativeEngine, wanted: str) -> None:
    graph = CASES[0].first_graph()
    images = images_for(CASES[0].shape)
    seeds = {"readout": np.ones((IMAGES, 3), np.float32)}
    gradients = []
    for engine in (native, EXACT):
        program = engine.compile(graph, CompileOptions(IMAGES, Purpose.TRACE))
        program.write_parameters(initial_parameters(graph, SEED))
        trace = program.trace(images)
        gradients.append(program.backward(trace, seeds, wanted=Wanted(parameters=(f"conv1.{wanted}",))))
    assert_close(gradients[0][f"conv1.{wanted}"], gradients[1][f"conv1.{wanted}"], wanted)


def quarters(shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """Few values, so that windows tie and sums are exact."""
    return generator.integers(-2, 3, shape).astype(np.float32) / 4


@pytest.mark.parametrize("followers", [POOLED, (MaxPool2d(2),)], ids=["rectified", "plain"])
def test_ties_go_to_the_first_cell_and_nan_beats_all(
    native: NativeEngine, followers: tuple[Layer, ...]
) -> None:
    """Every fused number is the one that the nodes computed apart give, to the bit."""
    graph = ChainCase("ties", Conv2d(5, 3, padding=1), followers, (2, 8, 9)).graph()
    generator = np.random.default_rng(SEED)
    program = native.compile(graph, CompileOptions(IMAGES, Purpose.TRACE))
    program.write_parameters(
        {name: quarters(spec.shape, generator) for name, spec in graph.parameters.items()}
    )
    images = quarters((IMAGES, 2, 8, 9), generator)
    images[2, 0, 3, 3] = np.nan
    images[4, 1, 5, 5] = -np.nan
    images[5, 0, 1, 1] = np.inf
    images[6, 0, 1, 1] = -np.inf
    trace = program.trace(images)
    (fused,) = program.forward(images)
    np.testing.assert_array_equal(fused, trace["readout"])
    assert not np.array_equal(np.isnan(fused), np.ones_like(fused))
    seeds = {"readout": quarters((IMAGES, 3), generator)}
    together = program.backward(trace, seeds, wanted=Wanted(("input",)))
    apart = program.backward(trace, seeds, wanted=Wanted(("input", "conv1", "after0")))
    for name in together:
        np.testing.assert_array_equal(together[name], apart[name], err_msg=f"{name}, seed {SEED}")


def test_what_is_looked_at_ends_a_chain() -> None:
    graph = CASES[0].graph()
    (pooled,) = fused_convolutions(graph, {"after1"}).values()
    assert pooled.last == "after1"
    (rectified,) = fused_convolutions(graph, {"after0"}).values()
    assert (rectified.last, rectified.pooling) == ("after0", None)
    assert not fused_convolutions(graph, {"conv1"})


def test_other_windows_and_other_sources_are_left_apart() -> None:
    for pooling in (MaxPool2d(3), MaxPool2d(2, 1), MaxPool2d(2, padding=1), MaxPool2d((2, 3))):
        graph = sequential_graph([Conv2d(2, 3), ReLU(), pooling], (1, 9, 9))
        assert not fused_convolutions(graph, ())
    assert not fused_convolutions(sequential_graph([Conv2d(2, 3), BatchNorm2d(), ReLU()], (1, 9, 9)), ())


@pytest.mark.parametrize("rule", [Rule.GUIDED, Rule.DECONVNET])
def test_a_rectifier_with_another_rule_is_computed_apart(native: NativeEngine, rule: Rule) -> None:
    graph = CASES[0].graph()
    images = images_for(CASES[0].shape)
    seeds = {"readout": np.random.default_rng(SEED).normal(size=(IMAGES, 3)).astype(np.float32)}
    gradients = []
    for engine in (native, EXACT):
        program = engine.compile(graph, CompileOptions(IMAGES, Purpose.TRACE))
        program.write_parameters(initial_parameters(graph, SEED))
        gradients.append(program.backward(program.trace(images), seeds, {"after0": rule}))
    for name, expected in gradients[1].items():
        assert_close(gradients[0][name], expected, name)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_seed_and_threads_give_the_same_bits(threads: int) -> None:
    graph = CASES[1].first_graph()
    options = CompileOptions(64, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=0.9))
    images = images_for(CASES[1].shape, 150)
    examples = Examples(images, np.random.default_rng(SEED).integers(0, 3, 150))
    states = []
    for _ in range(2):
        program = NativeEngine(threads=threads).compile(graph, options)
        program.write_parameters(initial_parameters(graph, SEED))
        program.train_steps(examples, np.arange(150), batch_size=64, learning_rates=[0.02] * 3)
        states.append(program.read_parameters())
    for name in states[0]:
        np.testing.assert_array_equal(states[0][name], states[1][name])


@pytest.mark.parametrize("number_type", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 3, 2), (2, 9, 17), (1, 5, 8)], ids=str)
def test_images_are_gathered_with_their_padding(
    native: NativeEngine, shape: Shape, number_type: type[np.generic]
) -> None:
    """Rows narrower than a vector, of whole vectors, and of a rest; lanes without an image; any order."""
    layers = [("conv1", Conv2d(2, 3, padding=((2, 1), (1, 3)))), ("flat", Flatten()), ("readout", Linear(3))]
    graph = sequential_graph(layers, shape)
    options = CompileOptions(16, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD())
    generator = np.random.default_rng(SEED)
    images = generator.integers(0, 256, (40, *shape)).astype(number_type)
    if number_type is np.float32:
        images = (images / 256).astype(np.float32)
    examples = Examples(images, generator.integers(0, 3, 40))
    indices = generator.permutation(40)[:IMAGES]
    states = []
    for engine in (native, EXACT):
        program = engine.compile(graph, options)
        program.write_parameters(initial_parameters(graph, SEED))
        program.train_steps(examples, indices, batch_size=16, learning_rates=[0.02, 0.01])
        states.append(program.read_parameters())
    for name, expected in states[1].items():
        assert_close(states[0][name], expected, name, tolerance=1e-5)
