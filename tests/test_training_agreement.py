"""Training goes the same way on the native engine, by the definitions, and in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from benchmarks.torch_networks import torch_network
from pellucid import zoo
from pellucid.engines.engine import CompileOptions, Engine, Examples, Purpose
from pellucid.engines.native import LAYOUTS, NativeEngine
from pellucid.engines.reference import ReferenceEngine
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

BATCH = 32
LEARNING_RATE = 0.01
MOMENTUM = 0.9


def examples(name: str, steps: int) -> Examples:
    """Images of ten classes that can be told apart: each class has a pattern of its own under the noise."""
    shape = zoo.create(name, engine="reference").graph.shapes["input"]
    random = np.random.default_rng(7)
    classes = random.integers(0, 10, BATCH * steps)
    patterns = random.uniform(0, 0.6, (10, *shape))
    noise = random.uniform(0, 0.4, (len(classes), *shape))
    return Examples((patterns[classes] + noise).astype(np.float32), classes)


def losses_of(
    name: str, engine: Engine, data: Examples, steps: int, momentum: float = MOMENTUM
) -> list[float]:
    net = zoo.create(name, seed=1, engine=engine)
    options = CompileOptions(
        BATCH, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=momentum)
    )
    program = engine.compile(net.graph, options)
    program.write_parameters(net.parameters)
    report = program.train_steps(
        data, np.arange(BATCH * steps), batch_size=BATCH, learning_rates=[LEARNING_RATE] * steps
    )
    return [float(loss) for loss in report.losses]


def torch_losses(name: str, data: Examples, steps: int, momentum: float = MOMENTUM) -> list[float]:
    model = torch_network(name, zoo.create(name, seed=1, engine="reference").parameters).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=momentum)
    losses = []
    for step in range(steps):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        outputs = model(torch.from_numpy(data.images[rows]))
        loss = torch.nn.functional.cross_entropy(outputs, torch.from_numpy(data.targets[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def assert_agree(ours: Sequence[float], theirs: Sequence[float], what: str, tolerance: float = 1e-4) -> None:
    np.testing.assert_allclose(ours[:10], theirs[:10], rtol=tolerance, err_msg=what)
    np.testing.assert_allclose(ours, theirs, rtol=1e-2, err_msg=what)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_lenet5_trains_as_by_the_definitions_and_in_pytorch(layout: str) -> None:
    data = examples("lenet5", 50)
    ours = losses_of("lenet5", NativeEngine(layout=layout), data, 50)
    assert_agree(ours, losses_of("lenet5", ReferenceEngine(), data, 50), "reference")
    assert_agree(ours, torch_losses("lenet5", data, 50), "PyTorch")
    assert ours[-1] < ours[0] / 2  # or there was nothing to disagree about


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_resnet20_trains_as_by_the_definitions_and_in_pytorch(layout: str) -> None:
    # Rounding grows fast here: PyTorch with and without oneDNN differs from itself by 2.6e-4 in ten steps.
    data = examples("resnet20", 50)
    ours = losses_of("resnet20", NativeEngine(layout=layout), data, 50, momentum=0.0)
    assert_agree(ours, torch_losses("resnet20", data, 50, momentum=0.0), "PyTorch", tolerance=1e-3)
    by_definition = losses_of("resnet20", ReferenceEngine(), data, 10, momentum=0.0)
    assert_agree(ours[:10], by_definition, "reference", tolerance=1e-3)
    assert ours[-1] < 0.8 * ours[0]
