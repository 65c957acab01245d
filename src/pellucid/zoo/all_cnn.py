"""All convolutional nets: Springenberg, Dosovitskiy, Brox & Riedmiller 2015, Striving for simplicity: The
all convolutional net: All-CNN-C of table 1, and the network for ImageNet of the appendix, whose conv6 and
conv9 the paper's figures show by guided backpropagation.

Parameters: All-CNN-C 1,369,738 for 10 classes of 3 x 32 x 32 images; All-CNN for ImageNet 9,372,840 for 1,000
classes of 3 x 224 x 224 images.

Where the paper leaves padding open: All-CNN-C pads all 3 x 3 convolutions but conv7, so that 6 x 6 positions
are averaged, as the paper says; in the network for ImageNet conv1 is padded by 2 and those of stride 2,
which stand for AlexNet's poolings, are not, which leaves 6 x 6 positions too.
Deviations from the paper: weights start by He's rule.
"""

from __future__ import annotations

from pellucid.graph import Graph, sequential_graph
from pellucid.layers import Conv2d, Dropout, GlobalAvgPool, ReLU, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe
from pellucid.zoo.network import Network

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=1e-3),
    schedule=StepDecay(0.05, factor=0.1, milestones=(200 / 350, 250 / 350, 300 / 350)),
    batch_size=128,
)
IMAGENET_RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=5e-4),
    schedule=StepDecay(0.01, factor=0.1, milestones=(200 / 450, 400 / 450)),
    batch_size=64,
)


def all_cnn_c_graph(classes: int, input_shape: Shape) -> Graph:
    """All-CNN-C for images of any number of channels, 9 x 9 and larger."""
    layers = (
        # The shapes are those of a 3 x 32 x 32 image and 10 classes.
        Dropout(0.2),
        Conv2d(96, kernel_size=3, padding=1),  # conv1  96 x 32 x 32
        ReLU(),
        Conv2d(96, kernel_size=3, padding=1),  # conv2  96 x 32 x 32
        ReLU(),
        Conv2d(96, kernel_size=3, stride=2, padding=1),  # conv3  96 x 16 x 16
        ReLU(),
        Dropout(0.5),
        Conv2d(192, kernel_size=3, padding=1),  # conv4 192 x 16 x 16
        ReLU(),
        Conv2d(192, kernel_size=3, padding=1),  # conv5 192 x 16 x 16
        ReLU(),
        Conv2d(192, kernel_size=3, stride=2, padding=1),  # conv6 192 x 8 x 8
        ReLU(),
        Dropout(0.5),
        Conv2d(192, kernel_size=3),  # conv7 192 x 6 x 6
        ReLU(),
        Conv2d(192, kernel_size=1),  # conv8 192 x 6 x 6
        ReLU(),
        Conv2d(classes, kernel_size=1),  # conv9  10 x 6 x 6
        ReLU(),
        GlobalAvgPool(),  # pool1  10
    )
    return sequential_graph(layers, input_shape)


def all_cnn_graph(classes: int, input_shape: Shape) -> Graph:
    """All-CNN for ImageNet, for images of any number of channels, 63 x 63 and larger."""
    layers = (
        # The shapes are those of a 3 x 224 x 224 image and 1,000 classes.
        Conv2d(96, kernel_size=11, stride=4, padding=2),  # conv1    96 x 55 x 55
        ReLU(),
        Conv2d(96, kernel_size=1),  # conv2    96 x 55 x 55
        ReLU(),
        Conv2d(96, kernel_size=3, stride=2),  # conv3    96 x 27 x 27
        ReLU(),
        Conv2d(256, kernel_size=5, padding=2),  # conv4   256 x 27 x 27
        ReLU(),
        Conv2d(256, kernel_size=1),  # conv5   256 x 27 x 27
        ReLU(),
        Conv2d(256, kernel_size=3, stride=2),  # conv6   256 x 13 x 13
        ReLU(),
        Conv2d(384, kernel_size=3, padding=1),  # conv7   384 x 13 x 13
        ReLU(),
        Conv2d(384, kernel_size=1),  # conv8   384 x 13 x 13
        ReLU(),
        Conv2d(384, kernel_size=3, stride=2),  # conv9   384 x 6 x 6
        ReLU(),
        Dropout(0.5),
        Conv2d(1024, kernel_size=3, padding=1),  # conv10 1024 x 6 x 6
        ReLU(),
        Conv2d(1024, kernel_size=1),  # conv11 1024 x 6 x 6
        ReLU(),
        Conv2d(classes, kernel_size=1),  # conv12 1000 x 6 x 6
        ReLU(),
        GlobalAvgPool(),  # pool1  1000
    )
    return sequential_graph(layers, input_shape)


ALL_CNNS = {
    "all-cnn-c": Network(all_cnn_c_graph, 10, (3, 32, 32), RECIPE),
    "all-cnn": Network(all_cnn_graph, 1000, (3, 224, 224), IMAGENET_RECIPE),
}
