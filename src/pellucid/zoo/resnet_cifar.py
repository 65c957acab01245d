"""Residual networks for small images: He, Zhang, Ren & Sun 2016, Deep residual learning for image
recognition, section 4.2.

Parameters for 10 classes of 3 x 32 x 32 images: ResNet-20 269,722, ResNet-32 464,154, ResNet-44 658,586,
ResNet-56 853,018, ResNet-110 1,727,962.

A shortcut that changes shape has no parameters (the paper's option A): every other cell, and channels of
zeros behind its own. Deviation from the paper: weight decay leaves normalisation and biases alone.
"""

from __future__ import annotations

from functools import partial

from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import AvgPool2d, Conv2d, Pad, ReLU, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe
from pellucid.zoo.network import Network
from pellucid.zoo.resnet import basic_residual, joined, normalized, residual_graph

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=1e-4),
    schedule=StepDecay(0.1, factor=0.1, milestones=(0.5, 0.75)),
    batch_size=128,
)


def padded_block(
    builder: GraphBuilder, x: str, name: str, inputs: int, width: int, stride: int
) -> tuple[str, int]:
    """Two 3 x 3 convolutions beside the shortcut without parameters."""
    y = basic_residual(builder, x, name, width, stride)
    if stride != 1:
        x = builder.add(AvgPool2d(1, stride=stride), x, name=f"{name}_skip")
    if width != inputs:
        x = builder.add(Pad(((0, width - inputs), (0, 0), (0, 0))), x, name=f"{name}_pad")
    return joined(builder, y, x, name), width


def resnet_cifar_graph(blocks: int, classes: int, input_shape: Shape) -> Graph:
    """The network of 6 `blocks` + 2 layers, for images of any number of channels and any size."""
    stages = (
        # The shapes are those of a 3 x 32 x 32 image.
        (16, blocks, 1),  # stage1    16 x 32 x 32
        (32, blocks, 2),  # stage2    32 x 16 x 16
        (64, blocks, 2),  # stage3    64 x 8 x 8
    )
    builder = GraphBuilder()
    x = builder.input(input_shape)
    stem = Conv2d(16, kernel_size=3, padding=1, bias=False)
    x = normalized(builder, x, stem, "conv1", "norm1")  # 16 x 32 x 32
    x = builder.add(ReLU(), x, name="relu1")
    return residual_graph(builder, x, 16, stages, padded_block, classes)


def _network(depth: int) -> Network:
    return Network(partial(resnet_cifar_graph, (depth - 2) // 6), 10, (3, 32, 32), RECIPE)


SMALL_RESIDUAL_NETWORKS = {
    "resnet20": _network(20),
    "resnet32": _network(32),
    "resnet44": _network(44),
    "resnet56": _network(56),
    "resnet110": _network(110),
}
