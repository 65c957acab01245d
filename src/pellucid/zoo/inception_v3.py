"""Inception v3: Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016, Rethinking the Inception architecture for
computer vision, table 1, in the form of torchvision.

Parameters for 1,000 classes of 3 x 299 x 299 images: 23,834,568, and 27,161,264 with the auxiliary head.

A node's last part tells its branch and its place there: mixed5b_double_2 is the second convolution of the
branch with two 3 x 3 convolutions in the first module, torchvision's Mixed_5b.branch3x3dbl_2.

Deviations from the paper, as in torchvision: the module of figure 10 stacks a max-pooling beside its strided
convolutions; a convolution of the auxiliary head covers what is left of the map. Weights start by He's rule;
training by SGD under RECIPE, not RMSprop.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import (
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Shape,
)
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, Cosine
from pellucid.recipe import Recipe
from pellucid.zoo.network import Names, Network, Published
from pellucid.zoo.wiring import convolve

RECIPE = Recipe(
    objective=CrossEntropy(label_smoothing=0.1),
    optimizer=SGD(momentum=0.9, weight_decay=4e-5),
    schedule=Cosine(0.045),
    batch_size=32,
)
AUXILIARY_RECIPE = replace(RECIPE, loss_weights=(1.0, 0.3))

Size = int | tuple[int, int]
Step = tuple[str, int, Size, int]
"""Of a convolution its name in the module, its maps, kernel size and stride."""

NORM = BatchNorm2d(epsilon=1e-3)
NARROW = AvgPool2d(3, stride=1, padding=1)
HALVING = MaxPool2d(3, stride=2)


def _convolution(
    builder: GraphBuilder, x: str, name: str, maps: int, size: Size, stride: int = 1, pad: bool = True
) -> str:
    """A normalised convolution; its map keeps its size if it is padded and its stride is 1."""
    height, width = (size, size) if isinstance(size, int) else size
    padding = (height // 2, width // 2) if pad and stride == 1 else 0
    layer = Conv2d(maps, kernel_size=(height, width), stride=stride, padding=padding, bias=False)
    return convolve(builder, x, layer, name, norm=NORM)


def _branch(builder: GraphBuilder, x: str, name: str, *steps: Step) -> str:
    """Convolutions one after another."""
    for step, maps, size, stride in steps:
        x = _convolution(builder, x, f"{name}_{step}", maps, size, stride)
    return x


def _pooled(builder: GraphBuilder, x: str, name: str, maps: int) -> str:
    """A mean of neighbours and a 1 x 1 convolution."""
    x = builder.add(NARROW, x, name=f"{name}_average")
    return _convolution(builder, x, f"{name}_pool", maps, 1)


def _five(builder: GraphBuilder, x: str, name: str, pooled: int) -> str:
    """Figure 5: beside a 5 x 5 convolution two of 3 x 3."""
    a = _convolution(builder, x, f"{name}_1x1", 64, 1)
    b = _branch(builder, x, name, ("5x5_1", 48, 1, 1), ("5x5_2", 64, 5, 1))
    steps = (("double_1", 64, 1, 1), ("double_2", 96, 3, 1), ("double_3", 96, 3, 1))
    c = _branch(builder, x, name, *steps)
    return builder.add(Concat(), a, b, c, _pooled(builder, x, name, pooled), name=name)


def _first_reduction(builder: GraphBuilder, x: str, name: str) -> str:
    """Figure 10: half as wide by strided convolutions and a pooling."""
    a = _convolution(builder, x, f"{name}_3x3", 384, 3, 2)
    steps = (("double_1", 64, 1, 1), ("double_2", 96, 3, 1), ("double_3", 96, 3, 2))
    b = _branch(builder, x, name, *steps)
    return builder.add(Concat(), a, b, builder.add(HALVING, x, name=f"{name}_pool"), name=name)


def _seven(builder: GraphBuilder, x: str, name: str, maps: int) -> str:
    """Figure 6: 7 x 7 convolutions in two steps, of 1 x 7 and 7 x 1."""
    row, column = (1, 7), (7, 1)
    a = _convolution(builder, x, f"{name}_1x1", 192, 1)
    b = _branch(builder, x, name, ("7x7_1", maps, 1, 1), ("7x7_2", maps, row, 1), ("7x7_3", 192, column, 1))
    c = _branch(
        builder,
        x,
        name,
        ("double_1", maps, 1, 1),
        ("double_2", maps, column, 1),
        ("double_3", maps, row, 1),
        ("double_4", maps, column, 1),
        ("double_5", 192, row, 1),
    )
    return builder.add(Concat(), a, b, c, _pooled(builder, x, name, 192), name=name)


def _second_reduction(builder: GraphBuilder, x: str, name: str) -> str:
    """Half as wide again."""
    a = _branch(builder, x, name, ("3x3_1", 192, 1, 1), ("3x3_2", 320, 3, 2))
    b = _branch(
        builder,
        x,
        name,
        ("7x7_1", 192, 1, 1),
        ("7x7_2", 192, (1, 7), 1),
        ("7x7_3", 192, (7, 1), 1),
        ("7x7_4", 192, 3, 2),
    )
    return builder.add(Concat(), a, b, builder.add(HALVING, x, name=f"{name}_pool"), name=name)


def _wide(builder: GraphBuilder, x: str, name: str) -> str:
    """Figure 7: 1 x 3 and 3 x 1 convolutions side by side, for the coarsest maps."""
    a = _convolution(builder, x, f"{name}_1x1", 320, 1)
    b = _convolution(builder, x, f"{name}_3x3_1", 384, 1)
    c = _branch(builder, x, name, ("double_1", 448, 1, 1), ("double_2", 384, 3, 1))
    sides = [
        _convolution(builder, source, f"{name}_{step}", 384, size)
        for source, step, size in (
            (b, "3x3_2a", (1, 3)),
            (b, "3x3_2b", (3, 1)),
            (c, "double_3a", (1, 3)),
            (c, "double_3b", (3, 1)),
        )
    ]
    return builder.add(Concat(), a, *sides, _pooled(builder, x, name, 192), name=name)


def _auxiliary(builder: GraphBuilder, x: str, classes: int) -> str:
    """A classifier of the maps before the second reduction (section 4)."""
    x = builder.add(AvgPool2d(5, stride=3), x, name="aux_average")  # 768 x 5 x 5
    x = _convolution(builder, x, "aux_conv0", 128, 1)
    x = _convolution(builder, x, "aux_conv1", 768, 5, pad=False)  # 768 x 1 x 1
    x = builder.add(GlobalAvgPool(), x, name="aux_pool")
    return builder.add(Linear(classes), x, name="aux_fc")


def inception_v3_graph(auxiliary: bool, classes: int, input_shape: Shape) -> Graph:
    """Inception v3 for images of any number of channels, 75 x 75 and larger.

    With the auxiliary head images are 299 x 299 and larger, and outputs fc and aux_fc.
    """
    builder = GraphBuilder()
    # The shapes are those of a 3 x 299 x 299 image.
    x = builder.input(input_shape)
    x = _convolution(builder, x, "conv1a", 32, 3, 2)  # 32 x 149 x 149
    x = _convolution(builder, x, "conv2a", 32, 3, pad=False)  # 32 x 147 x 147
    x = _convolution(builder, x, "conv2b", 64, 3)  # 64 x 147 x 147
    x = builder.add(HALVING, x, name="pool1")  # 64 x 73 x 73
    x = _convolution(builder, x, "conv3b", 80, 1)  # 80 x 73 x 73
    x = _convolution(builder, x, "conv4a", 192, 3, pad=False)  # 192 x 71 x 71
    x = builder.add(HALVING, x, name="pool2")  # 192 x 35 x 35
    for name, pooled in (("mixed5b", 32), ("mixed5c", 64), ("mixed5d", 64)):
        x = _five(builder, x, name, pooled)  # 256, 288, 288 x 35 x 35
    x = _first_reduction(builder, x, "mixed6a")  # 768 x 17 x 17
    for name, maps in (("mixed6b", 128), ("mixed6c", 160), ("mixed6d", 160), ("mixed6e", 192)):
        x = _seven(builder, x, name, maps)  # 768 x 17 x 17
    outputs = ["fc", _auxiliary(builder, x, classes)] if auxiliary else ["fc"]
    x = _second_reduction(builder, x, "mixed7a")  # 1280 x 8 x 8
    for name in ("mixed7b", "mixed7c"):
        x = _wide(builder, x, name)  # 2048 x 8 x 8
    x = builder.add(GlobalAvgPool(), x, name="pool")  # 2048
    x = builder.add(Dropout(0.5), x, name="dropout")
    builder.add(Linear(classes), x, name="fc")  # 1000
    return builder.graph(outputs)


STEM = {
    "conv1a": "Conv2d_1a_3x3",
    "conv2a": "Conv2d_2a_3x3",
    "conv2b": "Conv2d_2b_3x3",
    "conv3b": "Conv2d_3b_1x1",
    "conv4a": "Conv2d_4a_3x3",
    "aux_conv0": "AuxLogits.conv0",
    "aux_conv1": "AuxLogits.conv1",
}


def _module(name: str) -> str:
    """torchvision's module of a convolution."""
    if name in STEM:
        return STEM[name]
    mixed, _, step = name.removeprefix("mixed").partition("_")
    # What is double there are 7 x 7 convolutions in the middle modules and 3 x 3 ones in all others.
    step = step.replace("double", "7x7dbl" if mixed in ("6b", "6c", "6d", "6e") else "3x3dbl")
    if mixed == "7a":
        step = step.replace("7x7", "7x7x3")
    return f"Mixed_{mixed}.branch{'_pool' if step == 'pool' else step}"


def torchvision_names(graph: Graph) -> Names:
    """A convolution and its normalisation are `conv` and `bn` of one module."""
    names = {"fc": "fc", "aux_fc": "AuxLogits.fc"}
    for node in graph.nodes:
        if isinstance(node.layer, Conv2d):
            names[node.name] = f"{_module(node.name)}.conv"
        elif isinstance(node.layer, BatchNorm2d):
            names[node.name] = f"{_module(re.sub('_norm$', '', node.name))}.bn"
    return names


FILE, PIXELS = "inception_v3_google-0cc3c7bd", (0.5, 0.5, 0.5)
"""The published weights, and mean and deviation of the pixels they were trained for."""

INCEPTIONS_V3 = {
    "inception-v3": Network(
        partial(inception_v3_graph, False),
        1000,
        (3, 299, 299),
        RECIPE,
        published=Published(FILE, torchvision_names, PIXELS, PIXELS, unused=("AuxLogits",)),
    ),
    "inception-v3-aux": Network(
        partial(inception_v3_graph, True),
        1000,
        (3, 299, 299),
        AUXILIARY_RECIPE,
        published=Published(FILE, torchvision_names, PIXELS, PIXELS),
    ),
}
