"""Networks that mix the less usual layers with convolutions and rectifiers.

What is fused, described, folded or moved from one layout to the other between them must change no number.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pytest

import pellucid
from pellucid.engines.engine import Array, CompileOptions, Engine, Examples, Purpose
from pellucid.engines.native import LAYOUTS, NativeEngine, instruction_sets
from pellucid.engines.reference import ReferenceEngine
from pellucid.graph import Graph, sequential_graph
from pellucid.initialization import initial_parameters
from pellucid.layers import Layer, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

SEED = 9
BATCH = 9
EXACT = ReferenceEngine("float64")

NETWORKS: Mapping[str, tuple[Shape, tuple[Layer, ...]]] = {
    "response-and-ceil": (
        (3, 17, 18),
        (
            pellucid.Conv2d(19, 5, stride=2, padding=2),
            pellucid.ReLU(),
            pellucid.LocalResponseNorm(5, 0.1, 0.75, 2.0),
            pellucid.MaxPool2d(3, stride=2, ceil_mode=True),
            pellucid.Conv2d(8, 3, padding=1),
            pellucid.ReLU(),
            pellucid.MaxPool2d(3, stride=1, padding=1, dilation=1),
            pellucid.AdaptiveAvgPool2d(3),
            pellucid.Flatten(),
        ),
    ),
    "encoder-decoder": (
        (3, 8, 9),
        (
            pellucid.Conv2d(17, 3, stride=2, padding=1, bias=False),
            pellucid.BatchNorm2d(),
            pellucid.ReLU(),
            pellucid.ConvTranspose2d(9, 4, stride=2, padding=1, bias=False),
            pellucid.BatchNorm2d(),
            pellucid.ReLU(),
            pellucid.ConvTranspose2d(5, 3, stride=2, padding=1, output_padding=1),
            pellucid.ReLU(),
            pellucid.GlobalMaxPool(),
        ),
    ),
    "image-norms": (
        (3, 9, 8),
        (
            pellucid.Conv2d(18, 3, padding=1),
            pellucid.GroupNorm(groups=3),
            pellucid.ReLU(),
            pellucid.AvgPool2d(3, stride=2, padding=1, ceil_mode=True),
            pellucid.InstanceNorm(),
            pellucid.LocallyConnected2d(6, 3),
            pellucid.ReLU(),
            pellucid.LpPool2d(2, stride=1),
            pellucid.LayerNorm(),
            pellucid.Flatten(),
        ),
    ),
    "one-dimensional": (
        (2, 40),
        (
            pellucid.Conv1d(17, 5, padding=2, bias=False),
            pellucid.BatchNorm1d(),
            pellucid.ReLU(),
            pellucid.MaxPool1d(2),
            pellucid.Conv1d(18, 3, padding=1),
            pellucid.ReLU(),
            pellucid.MaxPool1d(3, stride=2, padding=1),
            pellucid.ConvTranspose1d(6, 2, stride=2),
            pellucid.AvgPool1d(3, stride=2),
            pellucid.AdaptiveMaxPool1d(4),
            pellucid.Flatten(),
            pellucid.Linear(20, bias=False),
            pellucid.BatchNorm1d(),
            pellucid.ReLU(),
        ),
    ),
}


@pytest.fixture(scope="module", params=itertools.product(instruction_sets(), LAYOUTS), ids="-".join)
def native(request: pytest.FixtureRequest) -> NativeEngine:
    instruction_set, layout = request.param
    return NativeEngine(instruction_set=instruction_set, layout=layout, threads=3, poison=True)


def network(name: str) -> Graph:
    shape, layers = NETWORKS[name]
    return sequential_graph([*layers, pellucid.Linear(4)], shape)


def parameters(graph: Graph) -> Mapping[str, Array]:
    """Seeded, and scales, shifts and running statistics other than 1 and 0."""
    generator = np.random.default_rng(SEED)
    return {
        name: (value + 0.2 * generator.random(value.shape)).astype(np.float32)
        for name, value in initial_parameters(graph, SEED).items()
    }


def images(graph: Graph, count: int) -> Array:
    shape = graph.shapes[graph.inputs[0]]
    return np.random.default_rng(SEED + count).random((count, *shape), dtype=np.float32)


def assert_close(ours: Array, exact: Array, what: str, tolerance: float) -> None:
    scale = float(np.abs(exact).max())
    np.testing.assert_allclose(ours, exact, rtol=0, atol=tolerance * scale, err_msg=f"{what}, seed {SEED}")


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_equal_the_definition(native: NativeEngine, name: str) -> None:
    graph = network(name)
    outputs = []
    for engine in (native, EXACT):
        program = engine.compile(graph, CompileOptions(BATCH, Purpose.INFERENCE))
        program.write_parameters(parameters(graph))
        outputs.append(program.forward(images(graph, BATCH))[0])
    assert_close(*outputs, name, 1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_four_training_steps_equal_the_definition(native: NativeEngine, name: str) -> None:
    graph = network(name)
    options = CompileOptions(
        BATCH, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=0.9), seed=SEED
    )
    generator = np.random.default_rng(SEED)
    examples = Examples(images(graph, 32), generator.integers(0, 4, 32))
    order = generator.permutation(32)

    def trained(engine: Engine) -> tuple[Array, Mapping[str, Array]]:
        program = engine.compile(graph, options)
        program.write_parameters(parameters(graph))
        report = program.train_steps(
            examples, order, batch_size=BATCH, learning_rates=[0.02] * 4, first_step=0
        )
        return report.losses, program.read_parameters()

    (losses, state), (expected_losses, expected) = trained(native), trained(EXACT)
    np.testing.assert_allclose(losses, expected_losses, rtol=5e-5, err_msg=f"seed {SEED}")
    for parameter, array in expected.items():
        assert_close(state[parameter], array, parameter, 2e-4)
