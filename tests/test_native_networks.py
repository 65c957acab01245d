"""Blocks that people's networks are made of: the native engine in both layouts against the definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pellucid.engines.engine import CompileOptions, Engine, Examples, Purpose
from pellucid.engines.native import LAYOUTS, NativeEngine
from pellucid.engines.reference import ReferenceEngine
from pellucid.graph import Graph, GraphBuilder
from pellucid.initialization import initial_parameters
from pellucid.layers import (
    GELU,
    Add,
    BatchNorm2d,
    ChannelShuffle,
    Concat,
    Conv2d,
    Dropout2d,
    Flatten,
    GlobalAvgPool,
    Hardsigmoid,
    Hardswish,
    Layer,
    Linear,
    MatMul,
    Mean,
    Multiply,
    Parameter,
    PReLU,
    ReLU,
    ReLU6,
    Reshape,
    SiLU,
    Slice,
    StochasticDepth,
    Subtract,
    Transpose,
    Upsample,
)
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

SEED = 3
COUNT = 10
INPUT = (3, 8, 8)
CHANNELS = 18


def normalized(builder: GraphBuilder, source: str, layer: Layer, *after: Layer) -> str:
    """A convolution, its normalisation and what follows."""
    last = builder.add(BatchNorm2d(), builder.add(layer, source))
    for step in after:
        last = builder.add(step, last)
    return last


def squeezed(builder: GraphBuilder, x: str, channels: int, between: Layer, gate: Layer) -> str:
    """Squeeze and excitation (Hu et al. 2018)."""
    means = builder.add(Mean((1, 2), keep_axes=True), x)
    hidden = builder.add(between, builder.add(Conv2d(4, 1), means))
    return builder.add(Multiply(), x, builder.add(gate, builder.add(Conv2d(channels, 1), hidden)))


def inverted_residual(builder: GraphBuilder, x: str) -> str:
    """MobileNetV3: expand, depthwise, gate, project, add."""
    wide = 2 * CHANNELS
    y = normalized(builder, x, Conv2d(wide, 1, bias=False), Hardswish())
    y = normalized(builder, y, Conv2d(wide, 3, padding=1, groups=wide, bias=False), Hardswish())
    y = squeezed(builder, y, wide, ReLU(), Hardsigmoid())
    y = normalized(builder, y, Conv2d(CHANNELS, 1, bias=False), StochasticDepth(0.3))
    return builder.add(Add(), x, y)


def fused_residual(builder: GraphBuilder, x: str) -> str:
    """EfficientNetV2: SiLU, and a gate by SiLU too."""
    y = normalized(builder, x, Conv2d(CHANNELS, 3, padding=1, bias=False), SiLU())
    return builder.add(Add(), squeezed(builder, y, CHANNELS, SiLU(), Hardsigmoid()), x)


def shuffle_unit(builder: GraphBuilder, x: str) -> str:
    """ShuffleNetV2: half of the channels pass, all are dealt out."""
    half = CHANNELS // 2
    kept, worked = builder.add(Slice(0, 0, half), x), builder.add(Slice(0, half), x)
    worked = normalized(builder, worked, Conv2d(half, 1, bias=False), ReLU6())
    return builder.add(ChannelShuffle(2), builder.add(Concat(), kept, worked))


def transformer_like(builder: GraphBuilder, x: str) -> str:
    """ConvNeXt: channels last, a matrix product with weights of its own, a scale a channel."""
    last = builder.add(Transpose((1, 2, 0)), x)
    weight = builder.add(Parameter((1, CHANNELS, CHANNELS), trainable=True), name="matrix")
    y = builder.add(GELU(), builder.add(MatMul(), last, weight))
    y = builder.add(Transpose((2, 0, 1)), y)
    scale = builder.add(Parameter((CHANNELS, 1, 1), trainable=True), name="scale")
    return builder.add(Add(), x, builder.add(Multiply(), y, scale))


def pyramid(builder: GraphBuilder, x: str) -> str:
    """A feature pyramid's way down and up again, and a skip connection less its mean."""
    down = builder.add(PReLU(), builder.add(Conv2d(CHANNELS, 3, stride=2, padding=1), x))
    up = builder.add(Upsample(2, mode="linear"), builder.add(Dropout2d(0.2), down))
    skip = builder.add(Subtract(), x, builder.add(Mean((0, 1, 2), keep_axes=True), x))
    return builder.add(Add(), up, skip, builder.add(Upsample(2), down))


def grouped_attention(builder: GraphBuilder, x: str) -> str:
    """Positions that look at one another, without a softmax."""
    rows = builder.add(Reshape((CHANNELS, -1)), x)
    scores = builder.add(MatMul(), builder.add(Transpose((1, 0)), rows), rows)
    mixed = builder.add(MatMul(), rows, scores)
    return builder.add(Reshape((CHANNELS, 8, 8)), mixed)


Block = Callable[[GraphBuilder, str], str]
BLOCKS: tuple[Block, ...] = (
    inverted_residual,
    fused_residual,
    shuffle_unit,
    transformer_like,
    pyramid,
    grouped_attention,
)


def network(block: Block) -> Graph:
    builder = GraphBuilder()
    x = normalized(builder, builder.input(INPUT), Conv2d(CHANNELS, 3, padding=1), ReLU())
    pooled = builder.add(GlobalAvgPool(), block(builder, x))
    builder.add(Linear(4), builder.add(Flatten(), pooled), name="scores")
    return builder.graph()


def parameters(graph: Graph) -> dict[str, np.ndarray]:
    """As training begins, but parameter nodes do not begin at 0."""
    generator = np.random.default_rng(SEED)
    drawn = initial_parameters(graph, SEED)
    for name, array in drawn.items():
        if name.endswith(".value"):
            drawn[name] = generator.normal(size=array.shape).astype(np.float32) / 4
    return drawn


def images() -> np.ndarray:
    return np.random.default_rng(SEED).normal(size=(COUNT, *INPUT)).astype(np.float32)


def engines(layout: str) -> tuple[Engine, Engine]:
    return NativeEngine(layout=layout, threads=2, poison=True), ReferenceEngine("float64")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
def test_predictions_equal_the_definition(block: Block, layout: str) -> None:
    graph, found = network(block), []
    for engine in engines(layout):
        program = engine.compile(graph, CompileOptions(COUNT, Purpose.INFERENCE))
        program.write_parameters(parameters(graph))
        found.append(program.forward(images())[0])
    scale = max(1.0, float(np.abs(found[1]).max()))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
def test_training_equals_the_definition(block: Block, layout: str) -> None:
    graph, found = network(block), []
    options = CompileOptions(
        8, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=0.9), seed=SEED
    )
    examples = Examples(images(), np.arange(COUNT) % 4)
    for engine in engines(layout):
        program = engine.compile(graph, options)
        program.write_parameters(parameters(graph))
        report = program.train_steps(
            examples, np.arange(COUNT), batch_size=8, learning_rates=[1e-3, 1e-3], first_step=1
        )
        found.append((report, program.read_parameters()))
    (report, state), (exact, expected) = found
    np.testing.assert_allclose(report.losses, exact.losses, rtol=2e-4, err_msg=f"seed {SEED}")
    for name, array in expected.items():
        scale = max(1.0, float(np.abs(array).max()))
        np.testing.assert_allclose(state[name], array, atol=1e-4 * scale, err_msg=f"{name}, seed {SEED}")
