"""Residual networks: He, Zhang, Ren & Sun 2016, Deep residual learning for image recognition, table 1.

Parameters for 1,000 classes of 3 x 224 x 224 images: ResNet-18 11,689,512, ResNet-34 21,797,672, ResNet-50
25,557,032, ResNet-101 44,549,160, ResNet-152 60,192,808. resnet_cifar.py holds those for small images.

Nodes are called by stage and residual unit: unit2_1_conv1 is torchvision's layer2.0.conv1, unit2_1_norm1 its
layer2.0.bn1, unit2_1_skip its layer2.0.downsample.0 and unit2_1_norm its layer2.0.downsample.1.

Deviations from the paper:
- A shortcut that changes shape is a 1 x 1 convolution (the paper's option B).
- In a bottleneck the stride is that of its 3 x 3 convolution, as in torchvision, not of its first 1 x 1.
- Weight decay leaves normalisation and biases alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import Add, BatchNorm2d, Conv2d, GlobalAvgPool, Linear, MaxPool2d, ReLU, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe
from pellucid.zoo.network import Names, Network, Published

Block = Callable[[GraphBuilder, str, str, int, int, int], tuple[str, int]]
"""(builder, node that feeds it, name, channels of that node, width, stride) to last node and its channels."""

Stages = tuple[tuple[int, int, int], ...]
"""Of each stage the width, the number of blocks and the stride of the first one."""

EXPANSION = 4
"""Channels that leave a bottleneck, over its width."""

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=1e-4),
    schedule=StepDecay(0.1, factor=0.1, milestones=(1 / 3, 2 / 3)),
    batch_size=256,
)


def normalized(builder: GraphBuilder, x: str, layer: Conv2d, name: str, norm: str) -> str:
    """A convolution and the batch normalisation of its maps, which makes a bias needless."""
    return builder.add(BatchNorm2d(), builder.add(layer, x, name=name), name=norm)


def projected(builder: GraphBuilder, x: str, name: str, inputs: int, outputs: int, stride: int) -> str:
    """The shortcut: itself, or a 1 x 1 convolution where the shapes differ (equations 1 and 2)."""
    if inputs == outputs and stride == 1:
        return x
    projection = Conv2d(outputs, kernel_size=1, stride=stride, bias=False)
    return normalized(builder, x, projection, f"{name}_skip", f"{name}_norm")


def joined(builder: GraphBuilder, residual: str, shortcut: str, name: str) -> str:
    """The rectified sum of both ways."""
    return builder.add(
        ReLU(), builder.add(Add(), residual, shortcut, name=f"{name}_add"), name=f"{name}_relu"
    )


def basic_residual(builder: GraphBuilder, x: str, name: str, width: int, stride: int) -> str:
    """Two 3 x 3 convolutions."""
    first = Conv2d(width, kernel_size=3, stride=stride, padding=1, bias=False)
    second = Conv2d(width, kernel_size=3, padding=1, bias=False)
    y = normalized(builder, x, first, f"{name}_conv1", f"{name}_norm1")
    y = builder.add(ReLU(), y, name=f"{name}_relu1")
    return normalized(builder, y, second, f"{name}_conv2", f"{name}_norm2")


def basic_block(
    builder: GraphBuilder, x: str, name: str, inputs: int, width: int, stride: int
) -> tuple[str, int]:
    """Two 3 x 3 convolutions beside the shortcut (figure 5, left)."""
    y = basic_residual(builder, x, name, width, stride)
    return joined(builder, y, projected(builder, x, name, inputs, width, stride), name), width


def bottleneck_block(
    builder: GraphBuilder, x: str, name: str, inputs: int, width: int, stride: int
) -> tuple[str, int]:
    """A 3 x 3 convolution between two of 1 x 1 that narrow and widen, and the shortcut (figure 5, right)."""
    outputs = EXPANSION * width
    narrow = Conv2d(width, kernel_size=1, bias=False)
    middle = Conv2d(width, kernel_size=3, stride=stride, padding=1, bias=False)
    widen = Conv2d(outputs, kernel_size=1, bias=False)
    y = normalized(builder, x, narrow, f"{name}_conv1", f"{name}_norm1")
    y = builder.add(ReLU(), y, name=f"{name}_relu1")
    y = normalized(builder, y, middle, f"{name}_conv2", f"{name}_norm2")
    y = builder.add(ReLU(), y, name=f"{name}_relu2")
    y = normalized(builder, y, widen, f"{name}_conv3", f"{name}_norm3")
    return joined(builder, y, projected(builder, x, name, inputs, outputs, stride), name), outputs


RESNETS: dict[str, tuple[Block, Stages, str]] = {
    # The shapes that leave a stage are those of a 3 x 224 x 224 image: 64 x 56 x 56, 128 x 28 x 28,
    # 256 x 14 x 14, 512 x 7 x 7 with basic blocks, four times the channels with bottlenecks.
    "resnet18": (
        basic_block,
        ((64, 2, 1), (128, 2, 2), (256, 2, 2), (512, 2, 2)),
        "resnet18-f37072fd",
    ),
    "resnet34": (
        basic_block,
        ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)),
        "resnet34-b627a593",
    ),
    "resnet50": (
        bottleneck_block,
        ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)),
        "resnet50-0676ba61",
    ),
    "resnet101": (
        bottleneck_block,
        ((64, 3, 1), (128, 4, 2), (256, 23, 2), (512, 3, 2)),
        "resnet101-63fe2227",
    ),
    "resnet152": (
        bottleneck_block,
        ((64, 3, 1), (128, 8, 2), (256, 36, 2), (512, 3, 2)),
        "resnet152-394f9c45",
    ),
}
"""Of each network its block, its stages and torchvision's file (the first version of its weights)."""


def residual_graph(
    builder: GraphBuilder, x: str, inputs: int, stages: Stages, block: Block, classes: int
) -> Graph:
    """All stages, then the mean of each map and a linear classifier."""
    for stage, (width, blocks, first_stride) in enumerate(stages, start=1):
        for number in range(1, blocks + 1):
            stride = first_stride if number == 1 else 1
            x, inputs = block(builder, x, f"unit{stage}_{number}", inputs, width, stride)
    builder.add(Linear(classes), builder.add(GlobalAvgPool(), x))
    return builder.graph()


def resnet_graph(block: Block, stages: Stages, classes: int, input_shape: Shape) -> Graph:
    """A residual network for images of any number of channels and any size."""
    builder = GraphBuilder()
    x = builder.input(input_shape)
    stem = Conv2d(64, kernel_size=7, stride=2, padding=3, bias=False)
    x = normalized(builder, x, stem, "conv1", "norm1")  # 64 x 112 x 112
    x = builder.add(ReLU(), x, name="relu1")
    x = builder.add(MaxPool2d(3, stride=2, padding=1), x, name="pool1")  # 64 x 56 x 56
    return residual_graph(builder, x, 64, stages, block, classes)


def torchvision_names(graph: Graph) -> Names:
    """By the rule at the top of this file."""
    names = {"conv1": "conv1", "norm1": "bn1", "fc1": "fc"}
    for node in graph.nodes:
        unit = re.fullmatch(r"unit(\d+)_(\d+)_(conv\d|norm\d|skip|norm)", node.name)
        if unit:
            part = {"skip": "downsample.0", "norm": "downsample.1"}.get(
                unit[3], unit[3].replace("norm", "bn")
            )
            names[node.name] = f"layer{unit[1]}.{int(unit[2]) - 1}.{part}"
    return names


RESIDUAL_NETWORKS = {
    name: Network(
        partial(resnet_graph, block, stages),
        1000,
        (3, 224, 224),
        RECIPE,
        published=Published(file, torchvision_names),
    )
    for name, (block, stages, file) in RESNETS.items()
}
