"""AlexNet in the form of torchvision: Krizhevsky 2014, One weird trick for parallelizing convolutional neural
networks, the one-column relative of Krizhevsky, Sutskever & Hinton 2012.

61,100,840 parameters for 1,000 classes of 3 x 224 x 224 images.
"""

from __future__ import annotations

from pellucid.engines.engine import Engine
from pellucid.layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Shape
from pellucid.model import Model, Sequential
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=5e-4),
    schedule=StepDecay(0.01, factor=0.1, milestones=(1 / 3, 2 / 3)),
    batch_size=128,
)


def build_alexnet(classes: int, input_shape: Shape, seed: int, engine: str | Engine) -> Model:
    """AlexNet for images of any number of channels, 63 x 63 and larger.

    Deviations from the paper, as in torchvision: 256 maps in conv4 instead of 384; no local response
    normalisation; dropout stands before fc1 and fc2.
    Deviations from torchvision: no adaptive pooling to 6 x 6 before flatten1, which changes nothing at this
    size, while at others fc1 has as many inputs as there are cells; weights start by He's rule. Its weights
    load in the order of the layers.
    """
    return Sequential(
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
        input_shape=input_shape,
        seed=seed,
        engine=engine,
        name="alexnet",
        recipe=RECIPE,
    )
