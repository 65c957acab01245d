"""The typical structure of a convolutional network: N blocks of M convolutions, each with its ReLU, and b
poolings; then K dense layers, each with its ReLU, and the linear output.

"conv-blocks" has N = 3, M = 2, b = 1 and K = 1; "conv-blocks-N-M-b-K" names any other. Usual are M from 2 to
5, b 0 or 1, and K from 0 to 2.
"""

from __future__ import annotations

import re
from functools import partial

from pellucid.graph import Graph, sequential_graph
from pellucid.layers import Conv2d, Flatten, Layer, Linear, MaxPool2d, ReLU, Shape
from pellucid.layers.layer import require
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, OneCycle
from pellucid.recipe import Recipe
from pellucid.zoo.network import Network

RECIPE = Recipe(objective=CrossEntropy(), optimizer=SGD(momentum=0.9), schedule=OneCycle(0.02), batch_size=64)

MAPS = 16
"""Of the first block; every further block has twice as many, up to MOST_MAPS."""

MOST_MAPS = 256
UNITS = 128
"""Of a dense layer."""

MOST_LAYERS = 1000
"""Of everything, so that a mistyped name is refused at once."""


def conv_blocks_graph(
    blocks: int, convolutions: int, poolings: int, dense: int, classes: int, input_shape: Shape
) -> Graph:
    """The structure for images of any number of channels, and any size that its poolings can halve."""
    require(
        blocks >= 1 and convolutions >= 1, "conv-blocks", "N and M are at least 1", (blocks, convolutions)
    )
    layers = blocks * (convolutions + poolings) + dense
    require(layers <= MOST_LAYERS, "conv-blocks", f"N (M + b) + K is at most {MOST_LAYERS}", layers)
    features: list[Layer] = []
    for block in range(blocks):
        # The shapes are those of a 3 x 32 x 32 image and 10 classes for N = 3, M = 2, b = 1, K = 1.
        maps = min(MAPS << min(block, 16), MOST_MAPS)
        features += [Conv2d(maps, kernel_size=3, padding=1), ReLU()] * convolutions  # conv2 16 x 32 x 32
        features += [MaxPool2d(2)] * poolings  # pool1 16 x 16 x 16, pool2 32 x 8 x 8, pool3 64 x 4 x 4
    hidden: list[Layer] = [Linear(UNITS), ReLU()] * dense  # fc1 128
    return sequential_graph((*features, Flatten(), *hidden, Linear(classes)), input_shape)


def chosen_structure(name: str) -> Network | None:
    """The network that "conv-blocks-N-M-b-K" names, or None."""
    match = re.fullmatch(r"conv-blocks-(\d{1,4})-(\d{1,4})-(\d{1,4})-(\d{1,4})", name)
    return _network(*(int(number) for number in match.groups())) if match else None


def _network(blocks: int, convolutions: int, poolings: int, dense: int) -> Network:
    graph = partial(conv_blocks_graph, blocks, convolutions, poolings, dense)
    return Network(graph, 10, (3, 32, 32), RECIPE)


CONV_BLOCKS = {"conv-blocks": _network(3, 2, 1, 1)}
