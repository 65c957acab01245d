"""Small networks drawn by hypothesis: in both layouts, any batch and any channels, as by the definitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.engines.engine import Array, CompileOptions, Engine, Examples, Purpose
from pellucid.engines.native import LAYOUTS, NativeEngine
from pellucid.engines.reference import ReferenceEngine
from pellucid.graph import Graph, GraphBuilder
from pellucid.initialization import initial_parameters
from pellucid.layers import (
    Add,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    ReLU,
    Tanh,
)
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

CLASSES = 5
PARTS = ("convolution", "strided", "depthwise", "residual", "branches", "max", "average", "tanh")


@dataclass(frozen=True)
class Drawn:
    """A network, its images and how they are trained on."""

    graph: Graph
    images: int
    capacity: int
    threads: int
    seed: int


def add_part(draw: st.DrawFn, builder: GraphBuilder, x: str, part: str) -> str:
    """One or several layers behind `x`."""
    channels = builder.graph().shapes[x][0]
    if part in ("convolution", "strided"):
        kernel = draw(st.sampled_from([1, 3, 5]))
        stride = 2 if part == "strided" else 1
        width = draw(st.integers(1, 20))
        x = builder.add(Conv2d(width, kernel, stride=stride, padding=kernel // 2), x)
        if draw(st.booleans()):
            x = builder.add(BatchNorm2d(), x)
        return builder.add(ReLU(), x)
    if part == "depthwise":
        return builder.add(Conv2d(channels, 3, padding=1, groups=channels), x)
    if part == "residual":
        y = builder.add(BatchNorm2d(), builder.add(Conv2d(channels, 3, padding=1, bias=False), x))
        return builder.add(ReLU(), builder.add(Add(), y, x))
    if part == "branches":
        y = builder.add(Conv2d(draw(st.integers(1, 9)), 1), x)
        return builder.add(Concat(), x, y)
    pooling = {"max": MaxPool2d(3, stride=2, padding=1), "average": AvgPool2d(2, stride=1, padding="same")}
    return builder.add(Tanh() if part == "tanh" else pooling[part], x)


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """One to four parts, then a classifier."""
    builder = GraphBuilder()
    x = builder.input((draw(st.integers(1, 18)), draw(st.integers(4, 10)), draw(st.integers(4, 10))))
    for part in draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4)):
        x = add_part(draw, builder, x, part)
    if draw(st.booleans()):
        x = builder.add(GlobalAvgPool(), x)
    builder.add(Linear(CLASSES), builder.add(Flatten(), x))
    images = draw(st.integers(2, 19))
    return Drawn(
        builder.graph(),
        images,
        images + draw(st.integers(0, 9)),
        draw(st.integers(1, 3)),
        draw(st.integers(0, 99)),
    )


def results(engine: Engine, drawn: Drawn) -> dict[str, Array]:
    """Of one step: the loss, velocities (the gradients), running statistics; then predictions."""
    graph = drawn.graph
    generator = np.random.default_rng(drawn.seed)
    images = generator.standard_normal((drawn.images, *graph.shapes["input"]), np.float32)
    examples = Examples(images, generator.integers(0, CLASSES, drawn.images))
    training = CompileOptions(
        drawn.capacity, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=0.9)
    )
    program = engine.compile(graph, training)
    program.write_parameters(initial_parameters(graph, drawn.seed))
    report = program.train_steps(
        examples, np.arange(drawn.images), batch_size=drawn.images, learning_rates=[0.001]
    )
    predicting = engine.compile(graph, CompileOptions(drawn.capacity, Purpose.INFERENCE))
    predicting.write_parameters(program.read_parameters())
    return {
        "loss": report.losses,
        "predictions": predicting.forward(images)[0],
        **program.read_parameters(),
        **program.read_slots(),
    }


@settings(
    max_examples=100,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(networks())
def test_a_step_and_what_follows_equal_the_definitions(drawn: Drawn) -> None:
    exact = results(ReferenceEngine("float64"), drawn)
    for layout in LAYOUTS:
        ours = results(NativeEngine(layout=layout, threads=drawn.threads, poison=True), drawn)
        assert ours.keys() == exact.keys()
        for name, expected in exact.items():
            scale = max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(
                ours[name], expected, rtol=0, atol=1e-4 * scale, err_msg=f"{layout}, {name}"
            )
