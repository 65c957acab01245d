"""Losses on the native engine against their definitions: classes and arrays, vectors and maps."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.engines.engine import CompileOptions, Purpose
from pellucid.engines.native import NativeEngine, instruction_sets
from pellucid.engines.reference.objectives import loss
from pellucid.graph import sequential_graph
from pellucid.layers import Flatten, Reshape, Shape
from pellucid.objectives import (
    AbsoluteError,
    CrossEntropy,
    Hinge,
    MaximumAPosteriori,
    Objective,
    SquaredError,
)

SEED = 5
COUNT = 11
OBJECTIVES: tuple[Objective, ...] = (
    AbsoluteError(),
    CrossEntropy(),
    CrossEntropy(0.2),
    Hinge(),
    Hinge(0.0),
    MaximumAPosteriori(0.5),
    SquaredError(),
)
SHAPES: tuple[Shape, ...] = ((1,), (5,), (3, 2, 4))


@pytest.fixture(scope="module", params=instruction_sets())
def engine(request: pytest.FixtureRequest) -> NativeEngine:
    return NativeEngine(instruction_set=request.param, poison=True)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("rule", OBJECTIVES, ids=str)
@pytest.mark.parametrize("kind", ["classes", "arrays", "shares"])
def test_loss_and_delta_equal_the_definition(
    engine: NativeEngine, rule: Objective, shape: Shape, kind: str
) -> None:
    generator = np.random.default_rng(SEED)
    z = generator.normal(size=(COUNT, *shape)).astype(np.float32)
    targets = generator.normal(size=z.shape).astype(np.float32)
    if kind == "classes":
        targets = generator.integers(0, shape[0], COUNT)
    elif kind == "shares":
        targets = np.abs(targets) / np.abs(targets).sum(axis=1, keepdims=True)
    graph = sequential_graph([Flatten(), Reshape(shape)], shape)
    program = engine.compile(graph, CompileOptions(COUNT, Purpose.TRACE, objective=rule))
    value, seeds = program.loss(program.trace(z), targets)
    expected, delta = loss(rule, z.astype(np.float64), targets)
    assert value == pytest.approx(expected, rel=2e-6, abs=1e-6), f"seed {SEED}"
    np.testing.assert_allclose(seeds["reshape1"], delta, rtol=2e-6, atol=1e-7, err_msg=f"seed {SEED}")
