"""Minimal filtering along rows, with the batch in the lanes, against the definitions in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.engines.engine import CompileOptions, Engine, Purpose, Wanted
from pellucid.engines.native import NativeEngine, instruction_sets
from pellucid.engines.reference import ReferenceEngine
from pellucid.graph import Graph, sequential_graph
from pellucid.layers import Conv2d, Layer, MaxPool2d, ReLU
from pellucid.layers.geometry import Padding, PaddingMode

TOLERANCE = 2e-6
"""Relative L2, as of the direct algorithm: six points round little."""


@dataclass(frozen=True)
class Case:
    """A convolution, what follows it, and the images it is given."""

    in_channels: int
    out_channels: int
    kernel: int
    size: tuple[int, int]
    padding: Padding = 0
    mode: PaddingMode = "zeros"
    rectified: bool = True
    pooled: bool = False
    images: int = 5

    @property
    def graph(self) -> Graph:
        """The convolution is followed, so that its own output is fused away."""
        conv = Conv2d(self.out_channels, self.kernel, padding=self.padding, padding_mode=self.mode)
        layers: list[tuple[str, Layer]] = [("conv", conv)]
        if self.rectified:
            layers.append(("relu", ReLU()))
        if self.pooled:
            layers.append(("pool", MaxPool2d(2)))
        return sequential_graph((*layers, ("last", Conv2d(2, 1))), (self.in_channels, *self.size))


CASES = {
    "whole patches of four": Case(10, 10, 3, (10, 14)),
    "a last patch that is cut": Case(3, 7, 3, (9, 9)),
    "padded, pooled": Case(4, 9, 3, (12, 12), padding=1, pooled=True),
    "pooled, odd": Case(2, 5, 3, (13, 15), pooled=True, images=17),
    "pooled without a ReLU": Case(3, 4, 3, (8, 10), rectified=False, pooled=True),
    "neither": Case(3, 4, 3, (7, 8), rectified=False),
    "reflected": Case(3, 4, 3, (6, 7), padding="same", mode="reflect"),
    "five taps": Case(6, 16, 5, (14, 14), pooled=True, images=9),
    "five taps, odd": Case(2, 3, 5, (8, 11), padding=2),
    "five taps, pooled, odd": Case(1, 6, 5, (11, 12), padding=2, pooled=True),
    "many strips": Case(24, 30, 3, (40, 30), images=3),
    "a map of one patch": Case(2, 2, 3, (3, 3)),
    "one map": Case(1, 1, 3, (5, 6), images=1),
}


@dataclass(frozen=True)
class Computed:
    """What one engine makes of a case."""

    output: NDArray[np.floating]
    input_gradient: NDArray[np.floating]
    parameter_gradients: dict[str, NDArray[np.floating]]


def computed(engine: Engine, case: Case, algorithm: str | None = None, capacity: int = 0) -> Computed:
    graph = case.graph
    forced = () if algorithm is None else (("conv", algorithm),)
    options = CompileOptions(capacity or case.images, Purpose.TRACE, algorithms=forced)
    program = engine.compile(graph, options)
    random = np.random.default_rng(3)
    program.write_parameters(
        {
            name: random.normal(0, 0.3, spec.shape).astype(np.float32)
            for name, spec in graph.parameters.items()
        }
    )
    images = random.normal(size=(case.images, case.in_channels, *case.size)).astype(np.float32)
    seed = random.normal(size=(case.images, *graph.shapes["last"])).astype(np.float32)
    trace = program.trace(images)
    gradients = program.backward(trace, {"last": seed}, wanted=Wanted(nodes=("input",)))
    (output,) = program.forward(images)
    return Computed(np.asarray(output), gradients.nodes["input"], dict(gradients.parameters))


def assert_close(found: NDArray[np.floating], exact: NDArray[np.floating]) -> None:
    distance = np.linalg.norm(found.astype(np.float64) - exact)
    assert distance <= TOLERANCE * np.linalg.norm(exact)


def assert_agree(found: Computed, exact: Computed) -> None:
    assert_close(found.output, exact.output)
    assert_close(found.input_gradient, exact.input_gradient)
    assert found.parameter_gradients.keys() == exact.parameter_gradients.keys()
    for name, gradient in exact.parameter_gradients.items():
        assert_close(found.parameter_gradients[name], gradient)


def engine(instruction_set: str, threads: int) -> NativeEngine:
    return NativeEngine(threads=threads, instruction_set=instruction_set, layout="lanes", poison=True)


@pytest.mark.parametrize("instruction_set", instruction_sets())
@pytest.mark.parametrize("name", CASES)
def test_every_pass_equals_the_definition(instruction_set: str, name: str) -> None:
    case = CASES[name]
    exact = computed(ReferenceEngine(dtype="float64"), case)
    assert_agree(computed(engine(instruction_set, 2), case, "winograd"), exact)


@pytest.mark.parametrize("instruction_set", instruction_sets())
def test_a_batch_may_be_smaller_than_the_capacity_and_workers_more_than_tiles(instruction_set: str) -> None:
    case = CASES["pooled, odd"]
    exact = computed(ReferenceEngine(dtype="float64"), case)
    assert_agree(computed(engine(instruction_set, 5), case, "winograd", capacity=40), exact)


def test_the_steps_are_those_that_were_asked_for() -> None:
    def operations(algorithm: str) -> set[str]:
        options = CompileOptions(16, Purpose.INFERENCE, algorithms=(("conv", algorithm),))
        schema = engine("generic", 1).describe(CASES["five taps"].graph, options)
        return {step.operation for step in schema.steps if step.node == "conv"}

    assert "filtered_output" in operations("winograd")
    assert "convolution_pooled_output" in operations("direct")


@pytest.mark.parametrize(
    ("case", "choice"),
    [
        (Case(10, 10, 3, (62, 62)), "winograd"),
        (Case(6, 16, 5, (14, 14)), "winograd"),
        (Case(1, 6, 5, (28, 28), padding=2), "direct"),
        (Case(3, 10, 3, (64, 64)), "direct"),
    ],
    ids=["tiny-vgg conv2", "lenet5 conv2", "lenet5 conv1", "tiny-vgg conv1"],
)
def test_it_is_chosen_where_transforms_are_made_up_for(case: Case, choice: str) -> None:
    decisions = engine("generic", 1).describe(case.graph, CompileOptions(16, Purpose.INFERENCE)).decisions
    assert {made.node: made.choice for made in decisions}["conv"] == choice


def test_the_precision_direct_forbids_it() -> None:
    options = CompileOptions(16, Purpose.INFERENCE, precision="direct")
    decisions = engine("generic", 1).describe(CASES["whole patches of four"].graph, options).decisions
    assert {made.choice for made in decisions[1:]} == {"direct"}
