"""Densely connected networks: Huang, Liu, van der Maaten & Weinberger 2017, Densely connected convolutional
networks, table 1 (DenseNet-BC, compression 1/2).

Parameters for 1,000 classes of 3 x 224 x 224 images: DenseNet-121 7,978,856, DenseNet-161 28,681,000,
DenseNet-169 14,149,480, DenseNet-201 20,013,928.

Node block2_layer3 stacks the maps of everything before it in its block; block2_layer3_conv1 is torchvision's
features.denseblock2.denselayer3.conv1, transition2_conv its features.transition2.conv.

Deviation from the paper: weights start by He's rule throughout.
"""

from __future__ import annotations

import re
from functools import partial

from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import (
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    ReLU,
    Shape,
)
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe
from pellucid.zoo.network import Names, Network, Published

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, nesterov=True, weight_decay=1e-4),
    schedule=StepDecay(0.1, factor=0.1, milestones=(1 / 3, 2 / 3)),
    batch_size=256,
)

BOTTLENECK = 4
"""Maps between a layer's two convolutions, over the maps it adds."""

DENSENETS: dict[str, tuple[int, int, tuple[int, ...], str]] = {
    # The maps of the four blocks are 56, 28, 14 and 7 wide for 3 x 224 x 224 images.
    "densenet121": (64, 32, (6, 12, 24, 16), "densenet121-a639ec97"),
    "densenet161": (96, 48, (6, 12, 36, 24), "densenet161-8d451a50"),
    "densenet169": (64, 32, (6, 12, 32, 32), "densenet169-b2777c0a"),
    "densenet201": (64, 32, (6, 12, 48, 32), "densenet201-c1103571"),
}
"""Of each network the maps of its first convolution, the maps a layer adds, the layers of each block and
torchvision's file."""


def _activated(builder: GraphBuilder, x: str, name: str, number: str = "") -> str:
    """Normalisation and ReLU, which stand before the convolutions (He et al. 2016)."""
    x = builder.add(BatchNorm2d(), x, name=f"{name}norm{number}")
    return builder.add(ReLU(), x, name=f"{name}relu{number}")


def _layer(builder: GraphBuilder, x: str, name: str, growth: int) -> str:
    """So many new maps made of all before them, and stacked below them (equation 2)."""
    y = _activated(builder, x, f"{name}_", "1")
    y = builder.add(Conv2d(BOTTLENECK * growth, kernel_size=1, bias=False), y, name=f"{name}_conv1")
    y = _activated(builder, y, f"{name}_", "2")
    y = builder.add(Conv2d(growth, kernel_size=3, padding=1, bias=False), y, name=f"{name}_conv2")
    return builder.add(Concat(), x, y, name=name)


def densenet_graph(
    stem: int, growth: int, blocks: tuple[int, ...], classes: int, input_shape: Shape
) -> Graph:
    """DenseNet for images of any number of channels, 29 x 29 and larger."""
    builder = GraphBuilder()
    x = builder.input(input_shape)
    first = Conv2d(stem, kernel_size=7, stride=2, padding=3, bias=False)
    x = builder.add(first, x, name="conv0")  # stem x 112 x 112
    x = _activated(builder, x, "", "0")
    x = builder.add(MaxPool2d(3, stride=2, padding=1), x, name="pool0")  # stem x 56 x 56
    channels = stem
    for block, layers in enumerate(blocks, start=1):
        for number in range(1, layers + 1):
            x = _layer(builder, x, f"block{block}_layer{number}", growth)
        channels += layers * growth
        if block < len(blocks):
            channels //= 2
            name = f"transition{block}"
            x = _activated(builder, x, f"{name}_")
            x = builder.add(Conv2d(channels, kernel_size=1, bias=False), x, name=f"{name}_conv")
            x = builder.add(AvgPool2d(2), x, name=f"{name}_pool")
    x = _activated(builder, x, "", "5")
    builder.add(Linear(classes), builder.add(GlobalAvgPool(), x, name="pool5"), name="fc")
    return builder.graph()


def torchvision_names(graph: Graph) -> Names:
    """By the rule at the top of this file."""
    names = {"fc": "classifier"}
    for node in graph.nodes:
        if re.fullmatch(r"conv0|norm0|norm5", node.name):
            names[node.name] = f"features.{node.name}"
        layer = re.fullmatch(r"block(\d+)_layer(\d+)_((?:norm|conv)\d)", node.name)
        if layer:
            names[node.name] = f"features.denseblock{layer[1]}.denselayer{layer[2]}.{layer[3]}"
        transition = re.fullmatch(r"(transition\d)_(norm|conv)", node.name)
        if transition:
            names[node.name] = f"features.{transition[1]}.{transition[2]}"
    return names


DENSE_NETWORKS = {
    name: Network(
        partial(densenet_graph, stem, growth, blocks),
        1000,
        (3, 224, 224),
        RECIPE,
        published=Published(file, torchvision_names),
    )
    for name, (stem, growth, blocks, file) in DENSENETS.items()
}
