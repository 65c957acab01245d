"""AlexNet: Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional neural
networks, and the one-column relative that published weights use: Krizhevsky 2014, One weird trick for
parallelizing convolutional neural networks, in the form of torchvision.

60,965,224 parameters for 1,000 classes of 3 x 227 x 227 images, and 61,100,840 for 3 x 224 x 224 images.
"""

from __future__ import annotations

from pellucid.graph import Graph, sequential_graph
from pellucid.layers import Conv2d, Dropout, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe
from pellucid.zoo.network import Network, Published
from pellucid.zoo.wiring import numbered_names

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=5e-4),
    schedule=StepDecay(0.01, factor=0.1, milestones=(1 / 3, 2 / 3)),
    batch_size=128,
)


def alexnet_graph(classes: int, input_shape: Shape) -> Graph:
    """The form of torchvision, for images of any number of channels, 63 x 63 and larger.

    Deviations from the paper of 2014, as in torchvision: 256 maps in conv4 instead of 384; no local response
    normalisation; dropout stands before fc1 and fc2.
    Deviations from torchvision: no adaptive pooling to 6 x 6 before flatten1, which changes nothing at this
    size, while at others fc1 has as many inputs as there are cells (published weights bring the pooling with
    them); weights start by He's rule.
    """
    layers = (
        # The shapes are those of a 3 x 224 x 224 image and 1,000 classes.
        Conv2d(64, kernel_size=11, stride=4, padding=2),  # conv1      64 x 55 x 55
        ReLU(),
        MaxPool2d(3, stride=2),  # pool1      64 x 27 x 27
        Conv2d(192, kernel_size=5, padding=2),  # conv2     192 x 27 x 27
        ReLU(),
        MaxPool2d(3, stride=2),  # pool2     192 x 13 x 13
        Conv2d(384, kernel_size=3, padding=1),  # conv3     384 x 13 x 13
        ReLU(),
        Conv2d(256, kernel_size=3, padding=1),  # conv4     256 x 13 x 13
        ReLU(),
        Conv2d(256, kernel_size=3, padding=1),  # conv5     256 x 13 x 13
        ReLU(),
        MaxPool2d(3, stride=2),  # pool3     256 x 6 x 6
        Flatten(),  # flatten1 9216
        Dropout(0.5),
        Linear(4096),  # fc1      4096
        ReLU(),
        Dropout(0.5),
        Linear(4096),  # fc2      4096
        ReLU(),
        Linear(classes),  # fc3      1000
    )
    return sequential_graph(layers, input_shape)


def alexnet_2012_graph(classes: int, input_shape: Shape) -> Graph:
    """The paper's network, for images of any number of channels, 67 x 67 and larger.

    Deviations from the paper: the images are 227 x 227, as its 55 x 55 maps need (it prints 224); the two
    groups of conv2, conv4 and conv5 run on one device; alpha is 5e-4 because the sum is divided by the 5
    channels; weights start by He's rule with biases of 0, not from N(0, 0.01) with some biases of 1.
    """
    norm = LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)
    layers = (
        # The shapes are those of a 3 x 227 x 227 image and 1,000 classes.
        Conv2d(96, kernel_size=11, stride=4),  # conv1      96 x 55 x 55
        ReLU(),
        norm,  # lrn1       96 x 55 x 55
        MaxPool2d(3, stride=2),  # pool1      96 x 27 x 27
        Conv2d(256, kernel_size=5, padding=2, groups=2),  # conv2     256 x 27 x 27
        ReLU(),
        norm,  # lrn2      256 x 27 x 27
        MaxPool2d(3, stride=2),  # pool2     256 x 13 x 13
        Conv2d(384, kernel_size=3, padding=1),  # conv3     384 x 13 x 13
        ReLU(),
        Conv2d(384, kernel_size=3, padding=1, groups=2),  # conv4     384 x 13 x 13
        ReLU(),
        Conv2d(256, kernel_size=3, padding=1, groups=2),  # conv5     256 x 13 x 13
        ReLU(),
        MaxPool2d(3, stride=2),  # pool3     256 x 6 x 6
        Flatten(),  # flatten1 9216
        Linear(4096),  # fc1      4096
        ReLU(),
        Dropout(0.5),
        Linear(4096),  # fc2      4096
        ReLU(),
        Dropout(0.5),
        Linear(classes),  # fc3      1000
    )
    return sequential_graph(layers, input_shape)


ALEXNETS = {
    "alexnet": Network(
        alexnet_graph,
        1000,
        (3, 224, 224),
        RECIPE,
        published=Published("alexnet-owt-7be5be79", numbered_names, pool=("pool3", 6)),
    ),
    "alexnet-2012": Network(alexnet_2012_graph, 1000, (3, 227, 227), RECIPE),
}
