"""LeNet-5 as it is taught today: LeCun et al. 1998 with ReLU, max-pooling and a plain linear output.

61,706 parameters for 10 classes. lenet_1998.py holds the network of the paper.
"""

from __future__ import annotations

from pellucid.graph import Graph, sequential_graph
from pellucid.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, OneCycle
from pellucid.recipe import Recipe
from pellucid.zoo.network import Network

RECIPE = Recipe(objective=CrossEntropy(), optimizer=SGD(momentum=0.9), schedule=OneCycle(0.05), batch_size=64)
"""One rate for a short run on MNIST and a longer one on the digits."""


def lenet5_graph(classes: int, input_shape: Shape) -> Graph:
    """LeNet-5 for images of any number of channels, 12 x 12 and larger.

    Deviations from the paper: 28 x 28 images padded by 2, not 32 x 32; ReLU instead of 1.7159 tanh(2x/3);
    max-pooling instead of trainable subsampling; conv2 sees every map; fc1 is a Linear (at this size the
    same as C5's convolution); a linear output trained by cross-entropy instead of distances to prototypes.
    """
    layers = (
        # The shapes are those of a 1 x 28 x 28 image and 10 classes.
        Conv2d(6, kernel_size=5, padding=2),  # conv1     6 x 28 x 28
        ReLU(),
        MaxPool2d(2),  # pool1     6 x 14 x 14
        Conv2d(16, kernel_size=5),  # conv2    16 x 10 x 10
        ReLU(),
        MaxPool2d(2),  # pool2    16 x 5 x 5
        Flatten(),  # flatten1 400
        Linear(120),  # fc1      120
        ReLU(),
        Linear(84),  # fc2       84
        ReLU(),
        Linear(classes),  # fc3       10
    )
    return sequential_graph(layers, input_shape)


LENETS = {"lenet5": Network(lenet5_graph, 10, (1, 28, 28), RECIPE)}
