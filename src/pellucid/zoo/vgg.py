"""VGG: Simonyan & Zisserman 2015, Very deep convolutional networks for large-scale image recognition,
configurations A, B, D and E of table 1, plain and with batch normalisation.

Parameters for 1,000 classes of 3 x 224 x 224 images, plain and normalised:
VGG-11 132,863,336 and 132,868,840; VGG-13 133,047,848 and 133,053,736;
VGG-16 138,357,544 and 138,365,992; VGG-19 143,667,240 and 143,678,248.

Deviations from the paper: weights start by He's rule, so that no shallower network has to be trained first;
the batch normalisation of the variants came later (torchvision).
Deviation from torchvision: no adaptive pooling to 7 x 7 before flatten1, which changes nothing at this size,
while at others fc1 has as many inputs as there are cells. Published weights bring the pooling with them.
"""

from __future__ import annotations

from functools import partial

from pellucid.graph import Graph, sequential_graph
from pellucid.layers import BatchNorm2d, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe
from pellucid.zoo.network import Network, Published
from pellucid.zoo.wiring import numbered_names

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=5e-4),
    schedule=StepDecay(0.01, factor=0.1, milestones=(0.4, 0.6, 0.8)),
    batch_size=256,
)

CHANNELS = (64, 128, 256, 512, 512)
"""Of the five stages, whose maps are 224, 112, 56, 28 and 14 wide and leave their pooling half as wide."""

CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),  # A
    13: (2, 2, 2, 2, 2),  # B
    16: (2, 2, 3, 3, 3),  # D
    19: (2, 2, 4, 4, 4),  # E
}
"""Of each stage, by the number of layers with weights."""

FILES = {
    "vgg11": "vgg11-8a719046",
    "vgg11-bn": "vgg11_bn-6002323d",
    "vgg13": "vgg13-19584684",
    "vgg13-bn": "vgg13_bn-abd245e5",
    "vgg16": "vgg16-397923af",
    "vgg16-bn": "vgg16_bn-6c64b313",
    "vgg19": "vgg19-dcbb9e9d",
    "vgg19-bn": "vgg19_bn-c79401a0",
}


def _stage(channels: int, convolutions: int, normalized: bool) -> list[Layer]:
    """So many 3 x 3 convolutions, each with its ReLU, then pooling that halves the map."""
    norm: list[Layer] = [BatchNorm2d()] if normalized else []
    convolution: list[Layer] = [Conv2d(channels, kernel_size=3, padding=1), *norm, ReLU()]
    return [*convolution * convolutions, MaxPool2d(2)]


def vgg_graph(depth: int, normalized: bool, classes: int, input_shape: Shape) -> Graph:
    """VGG for images of any number of channels, 32 x 32 and larger."""
    one, two, three, four, five = (
        _stage(channels, convolutions, normalized)
        for channels, convolutions in zip(CHANNELS, CONVOLUTIONS[depth], strict=True)
    )
    layers = (
        # The shapes are those of a 3 x 224 x 224 image and 1,000 classes.
        *one,  # pool1      64 x 112 x 112
        *two,  # pool2     128 x 56 x 56
        *three,  # pool3     256 x 28 x 28
        *four,  # pool4     512 x 14 x 14
        *five,  # pool5     512 x 7 x 7
        Flatten(),  # flatten1 25088
        Linear(4096),  # fc1      4096
        ReLU(),
        Dropout(0.5),
        Linear(4096),  # fc2      4096
        ReLU(),
        Dropout(0.5),
        Linear(classes),  # fc3      1000
    )
    return sequential_graph(layers, input_shape)


def _network(depth: int, normalized: bool) -> Network:
    file = FILES[f"vgg{depth}-bn" if normalized else f"vgg{depth}"]
    published = Published(file, numbered_names, pool=("pool5", 7))
    graph = partial(vgg_graph, depth, normalized)
    return Network(graph, 1000, (3, 224, 224), RECIPE, published=published)


VGGS = {
    "vgg11": _network(11, False),
    "vgg13": _network(13, False),
    "vgg16": _network(16, False),
    "vgg19": _network(19, False),
    "vgg11-bn": _network(11, True),
    "vgg13-bn": _network(13, True),
    "vgg16-bn": _network(16, True),
    "vgg19-bn": _network(19, True),
}
