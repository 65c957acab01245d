"""Residual networks: He, Zhang, Ren & Sun 2016, Deep residual learning for image recognition.

ResNet-18 and ResNet-50 of table 1 for 3 x 224 x 224 images, 11,689,512 and 25,557,032 parameters for 1,000
classes; ResNet-20 of section 4.2 for 3 x 32 x 32 images (CIFAR), 272,474 parameters for 10 classes.

Nodes are called by stage and residual unit: unit2_1_conv1 is torchvision's layer2.0.conv1, unit2_1_norm1 its
layer2.0.bn1, unit2_1_skip its layer2.0.downsample.0 and unit2_1_norm its layer2.0.downsample.1.

Deviations from the paper:
- A shortcut that changes shape is a 1 x 1 convolution (the paper's option B), in ResNet-20 too, where the
  paper's has no parameters (option A: every other cell, and channels of zeros; 269,722 parameters in all).
- In ResNet-50 a block's stride is that of its 3 x 3 convolution, as in torchvision, not of its first 1 x 1.
- Weight decay leaves normalisation and biases alone.
"""

from __future__ import annotations

from collections.abc import Callable

from pellucid.engines.engine import Engine
from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import Add, BatchNorm2d, Conv2d, GlobalAvgPool, Linear, MaxPool2d, ReLU, Shape
from pellucid.model import Model
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe

Block = Callable[[GraphBuilder, str, str, int, int, int], tuple[str, int]]
"""(builder, node that feeds it, name, channels of that node, width, stride) to last node and its channels."""

Stages = tuple[tuple[int, int, int], ...]
"""Of each stage the width, the number of blocks and the stride of the first one."""

RESNET18: Stages = (
    # The shapes are those of a 3 x 224 x 224 image, here and below.
    (64, 2, 1),  # stage1    64 x 56 x 56
    (128, 2, 2),  # stage2   128 x 28 x 28
    (256, 2, 2),  # stage3   256 x 14 x 14
    (512, 2, 2),  # stage4   512 x 7 x 7
)
RESNET50: Stages = (
    (64, 3, 1),  # stage1   256 x 56 x 56
    (128, 4, 2),  # stage2   512 x 28 x 28
    (256, 6, 2),  # stage3  1024 x 14 x 14
    (512, 3, 2),  # stage4  2048 x 7 x 7
)
RESNET20: Stages = (
    # The shapes are those of a 3 x 32 x 32 image.
    (16, 3, 1),  # stage1    16 x 32 x 32
    (32, 3, 2),  # stage2    32 x 16 x 16
    (64, 3, 2),  # stage3    64 x 8 x 8
)
EXPANSION = 4
"""Channels that leave a bottleneck, over its width."""

IMAGENET_RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=1e-4),
    schedule=StepDecay(0.1, factor=0.1, milestones=(1 / 3, 2 / 3)),
    batch_size=256,
)
CIFAR_RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=1e-4),
    schedule=StepDecay(0.1, factor=0.1, milestones=(0.5, 0.75)),
    batch_size=128,
)


def _normalized(builder: GraphBuilder, x: str, layer: Conv2d, name: str, norm: str) -> str:
    """A convolution and the batch normalisation of its maps, which makes a bias needless."""
    return builder.add(BatchNorm2d(), builder.add(layer, x, name=name), name=norm)


def _join(
    builder: GraphBuilder, x: str, residual: str, name: str, inputs: int, outputs: int, stride: int
) -> str:
    """Add the shortcut, projected where the shapes differ (equations 1 and 2), and rectify."""
    if inputs != outputs or stride != 1:
        projection = Conv2d(outputs, kernel_size=1, stride=stride, bias=False)
        x = _normalized(builder, x, projection, f"{name}_skip", f"{name}_norm")
    return builder.add(ReLU(), builder.add(Add(), residual, x, name=f"{name}_add"), name=f"{name}_relu")


def _basic_block(
    builder: GraphBuilder, x: str, name: str, inputs: int, width: int, stride: int
) -> tuple[str, int]:
    """Two 3 x 3 convolutions beside the shortcut (figure 5, left)."""
    first = Conv2d(width, kernel_size=3, stride=stride, padding=1, bias=False)
    second = Conv2d(width, kernel_size=3, padding=1, bias=False)
    y = _normalized(builder, x, first, f"{name}_conv1", f"{name}_norm1")
    y = builder.add(ReLU(), y, name=f"{name}_relu1")
    y = _normalized(builder, y, second, f"{name}_conv2", f"{name}_norm2")
    return _join(builder, x, y, name, inputs, width, stride), width


def _bottleneck_block(
    builder: GraphBuilder, x: str, name: str, inputs: int, width: int, stride: int
) -> tuple[str, int]:
    """A 3 x 3 convolution between two of 1 x 1 that narrow and widen, and the shortcut (figure 5, right)."""
    outputs = EXPANSION * width
    narrow = Conv2d(width, kernel_size=1, bias=False)
    middle = Conv2d(width, kernel_size=3, stride=stride, padding=1, bias=False)
    widen = Conv2d(outputs, kernel_size=1, bias=False)
    y = _normalized(builder, x, narrow, f"{name}_conv1", f"{name}_norm1")
    y = builder.add(ReLU(), y, name=f"{name}_relu1")
    y = _normalized(builder, y, middle, f"{name}_conv2", f"{name}_norm2")
    y = builder.add(ReLU(), y, name=f"{name}_relu2")
    y = _normalized(builder, y, widen, f"{name}_conv3", f"{name}_norm3")
    return _join(builder, x, y, name, inputs, outputs, stride), outputs


def _body(builder: GraphBuilder, x: str, inputs: int, stages: Stages, block: Block, classes: int) -> Graph:
    """All stages, then the mean of each map and a linear classifier."""
    for stage, (width, blocks, first_stride) in enumerate(stages, start=1):
        for number in range(1, blocks + 1):
            stride = first_stride if number == 1 else 1
            x, inputs = block(builder, x, f"unit{stage}_{number}", inputs, width, stride)
    builder.add(Linear(classes), builder.add(GlobalAvgPool(), x))
    return builder.graph()


def _imagenet_graph(classes: int, input_shape: Shape, stages: Stages, block: Block) -> Graph:
    builder = GraphBuilder()
    x = builder.input(input_shape)
    stem = Conv2d(64, kernel_size=7, stride=2, padding=3, bias=False)
    x = _normalized(builder, x, stem, "conv1", "norm1")  # 64 x 112 x 112
    x = builder.add(ReLU(), x, name="relu1")
    x = builder.add(MaxPool2d(3, stride=2, padding=1), x, name="pool1")  # 64 x 56 x 56
    return _body(builder, x, 64, stages, block, classes)


def build_resnet18(classes: int, input_shape: Shape, seed: int, engine: str | Engine) -> Model:
    """ResNet-18 for images of any number of channels and any size."""
    graph = _imagenet_graph(classes, input_shape, RESNET18, _basic_block)
    return Model(graph, seed=seed, engine=engine, name="resnet18", recipe=IMAGENET_RECIPE)


def build_resnet50(classes: int, input_shape: Shape, seed: int, engine: str | Engine) -> Model:
    """ResNet-50 for images of any number of channels and any size."""
    graph = _imagenet_graph(classes, input_shape, RESNET50, _bottleneck_block)
    return Model(graph, seed=seed, engine=engine, name="resnet50", recipe=IMAGENET_RECIPE)


def build_resnet20(classes: int, input_shape: Shape, seed: int, engine: str | Engine) -> Model:
    """ResNet-20 for small images of any number of channels."""
    builder = GraphBuilder()
    x = builder.input(input_shape)
    stem = Conv2d(16, kernel_size=3, padding=1, bias=False)
    x = _normalized(builder, x, stem, "conv1", "norm1")  # 16 x 32 x 32
    x = builder.add(ReLU(), x, name="relu1")
    graph = _body(builder, x, 16, RESNET20, _basic_block, classes)
    return Model(graph, seed=seed, engine=engine, name="resnet20", recipe=CIFAR_RECIPE)
