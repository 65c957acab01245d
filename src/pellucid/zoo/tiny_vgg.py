"""Tiny VGG: the network of CNN Explainer (Wang et al. 2021, CNN Explainer: Learning convolutional neural
networks with interactive visualization; tiny-vgg.py), after Stanford's CS231n.

19,920 parameters for 10 classes of 3 x 64 x 64 images.
"""

from __future__ import annotations

from pellucid.graph import Graph, sequential_graph
from pellucid.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, OneCycle
from pellucid.recipe import Recipe
from pellucid.zoo.network import Network

RECIPE = Recipe(objective=CrossEntropy(), optimizer=SGD(momentum=0.9), schedule=OneCycle(0.02), batch_size=64)


def tiny_vgg_graph(classes: int, input_shape: Shape) -> Graph:
    """Tiny VGG for images of any number of channels, 16 x 16 and larger.

    Deviations: the softmax is left to the loss; weights start by He's rule, not Glorot's; training by RECIPE,
    not by plain gradient descent at 0.001.
    """
    layers = (
        # The shapes are those of a 3 x 64 x 64 image and 10 classes.
        Conv2d(10, kernel_size=3),  # conv1      10 x 62 x 62
        ReLU(),
        Conv2d(10, kernel_size=3),  # conv2      10 x 60 x 60
        ReLU(),
        MaxPool2d(2),  # pool1      10 x 30 x 30
        Conv2d(10, kernel_size=3),  # conv3      10 x 28 x 28
        ReLU(),
        Conv2d(10, kernel_size=3),  # conv4      10 x 26 x 26
        ReLU(),
        MaxPool2d(2),  # pool2      10 x 13 x 13
        Flatten(),  # flatten1 1690
        Linear(classes),  # fc1        10
    )
    return sequential_graph(layers, input_shape)


TINY_VGGS = {"tiny-vgg": Network(tiny_vgg_graph, 10, (3, 64, 64), RECIPE)}
