"""EfficientNet-B0: Tan & Le 2019, EfficientNet: Rethinking model scaling for convolutional neural networks,
table 1.

5,288,548 parameters for 1,000 classes of 3 x 224 x 224 images.

Nodes are called by stage and block: unit2_1_expand, unit2_1_depthwise, unit2_1_reduce, unit2_1_restore and
unit2_1_project are the convolutions of torchvision's features.2.0, _reduce and _restore those of its squeeze
and excitation.

Deviations from the paper: training by SGD under RECIPE, not RMSprop with AutoAugment; weights start by He's
rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import (
    AdaptiveAvgPool2d,
    Add,
    Conv2d,
    Dropout,
    GlobalAvgPool,
    Linear,
    Multiply,
    Shape,
    Sigmoid,
    SiLU,
    StochasticDepth,
)
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, Cosine
from pellucid.recipe import Recipe
from pellucid.zoo.network import Names, Network, Published
from pellucid.zoo.wiring import convolve

RECIPE = Recipe(
    objective=CrossEntropy(label_smoothing=0.1),
    optimizer=SGD(momentum=0.9, weight_decay=1e-5),
    schedule=Cosine(0.05),
    batch_size=256,
)


@dataclass(frozen=True)
class Stage:
    """A row of table 1: blocks that are alike but for the stride of the first."""

    expansion: int
    kernel_size: int
    stride: int
    channels: int
    blocks: int


STAGES = (
    # The output for a 3 x 224 x 224 image.
    Stage(1, 3, 1, 16, 1),  #  16 x 112 x 112
    Stage(6, 3, 2, 24, 2),  #  24 x 56 x 56
    Stage(6, 5, 2, 40, 2),  #  40 x 28 x 28
    Stage(6, 3, 2, 80, 3),  #  80 x 14 x 14
    Stage(6, 5, 1, 112, 3),  # 112 x 14 x 14
    Stage(6, 5, 2, 192, 4),  # 192 x 7 x 7
    Stage(6, 3, 1, 320, 1),  # 320 x 7 x 7
)

SILU = SiLU()
SQUEEZE = 4
"""Channels that enter a block, over those between the two convolutions of its gate."""

DROP = 0.2
"""Share of images that would lose the branch of a block after the last; it grows from 0 block by block."""


def _gated(builder: GraphBuilder, x: str, name: str, width: int, squeezed: int) -> str:
    """Squeeze and excitation: every map times a factor that is made of all maps' means (Hu et al. 2018)."""
    gate = builder.add(AdaptiveAvgPool2d(1), x, name=f"{name}_squeeze")
    reduce = Conv2d(squeezed, kernel_size=1)
    gate = convolve(builder, gate, reduce, f"{name}_reduce", norm=None, activation=SILU)
    restore = Conv2d(width, kernel_size=1)
    gate = convolve(builder, gate, restore, f"{name}_restore", norm=None, activation=Sigmoid())
    return builder.add(Multiply(), x, gate, name=f"{name}_gated")


def _block(
    builder: GraphBuilder, x: str, name: str, inputs: int, stage: Stage, stride: int, drop: float
) -> str:
    """An inverted residual with a gate; an image may lose its branch in training."""
    y, width = x, inputs * stage.expansion
    if stage.expansion != 1:
        expand = Conv2d(width, kernel_size=1, bias=False)
        y = convolve(builder, y, expand, f"{name}_expand", activation=SILU)
    size = stage.kernel_size
    depthwise = Conv2d(width, kernel_size=size, stride=stride, padding=size // 2, groups=width, bias=False)
    y = convolve(builder, y, depthwise, f"{name}_depthwise", activation=SILU)
    y = _gated(builder, y, name, width, max(1, inputs // SQUEEZE))
    project = Conv2d(stage.channels, kernel_size=1, bias=False)
    y = convolve(builder, y, project, f"{name}_project", activation=None)
    if stride != 1 or inputs != stage.channels:
        return y
    y = builder.add(StochasticDepth(drop), y, name=f"{name}_drop")
    return builder.add(Add(), x, y, name=f"{name}_add")


def efficientnet_b0_graph(classes: int, input_shape: Shape) -> Graph:
    """EfficientNet-B0 for images of any number of channels and any size."""
    builder = GraphBuilder()
    x = builder.input(input_shape)
    stem = Conv2d(32, kernel_size=3, stride=2, padding=1, bias=False)
    x = convolve(builder, x, stem, "conv1", activation=SILU)  # 32 x 112 x 112
    channels, done, total = 32, 0, sum(stage.blocks for stage in STAGES)
    for row, stage in enumerate(STAGES, start=1):
        for number in range(1, stage.blocks + 1):
            stride = stage.stride if number == 1 else 1
            drop = DROP * done / total
            x = _block(builder, x, f"unit{row}_{number}", channels, stage, stride, drop)
            channels, done = stage.channels, done + 1
    last = Conv2d(1280, kernel_size=1, bias=False)
    x = convolve(builder, x, last, "conv2", activation=SILU)  # 1280 x 7 x 7
    x = builder.add(GlobalAvgPool(), x, name="pool")  # 1280
    x = builder.add(Dropout(0.2), x, name="dropout")
    builder.add(Linear(classes), x, name="fc")  # 1000
    return builder.graph()


def torchvision_names(graph: Graph) -> Names:
    """A block's steps are counted: expansion, if there is one, depthwise, gate, projection."""
    last = len(STAGES) + 1
    names = {"conv1": "features.0.0", "conv1_norm": "features.0.1", "fc": "classifier.1"}
    names |= {"conv2": f"features.{last}.0", "conv2_norm": f"features.{last}.1"}
    for row, stage in enumerate(STAGES, start=1):
        for number in range(1, stage.blocks + 1):
            block, module = f"unit{row}_{number}", f"features.{row}.{number - 1}.block"
            steps = ["depthwise", "gate", "project"]
            if f"{block}_expand" in graph.by_name:
                steps.insert(0, "expand")
            for place, step in enumerate(steps):
                if step == "gate":
                    names[f"{block}_reduce"] = f"{module}.{place}.fc1"
                    names[f"{block}_restore"] = f"{module}.{place}.fc2"
                else:
                    names[f"{block}_{step}"] = f"{module}.{place}.0"
                    names[f"{block}_{step}_norm"] = f"{module}.{place}.1"
    return names


EFFICIENTNETS = {
    "efficientnet-b0": Network(
        efficientnet_b0_graph,
        1000,
        (3, 224, 224),
        RECIPE,
        published=Published("efficientnet_b0_rwightman-7f5810bc", torchvision_names),
    )
}
