"""VGG-16: Simonyan & Zisserman 2015, Very deep convolutional networks for large-scale image recognition,
configuration D of table 1.

138,357,544 parameters for 1,000 classes of 3 x 224 x 224 images.
"""

from __future__ import annotations

from pellucid.engines.engine import Engine
from pellucid.layers import Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU, Shape
from pellucid.model import Model, Sequential
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=5e-4),
    schedule=StepDecay(0.01, factor=0.1, milestones=(0.4, 0.6, 0.8)),
    batch_size=256,
)


def _stage(channels: int, convolutions: int) -> list[Layer]:
    """So many 3 x 3 convolutions, each with its ReLU, then pooling that halves the map."""
    convolution: list[Layer] = [Conv2d(channels, kernel_size=3, padding=1), ReLU()]
    return [*convolution * convolutions, MaxPool2d(2)]


def build_vgg16(classes: int, input_shape: Shape, seed: int, engine: str | Engine) -> Model:
    """VGG-16 for images of any number of channels, 32 x 32 and larger.

    Deviations from the paper: weights start by He's rule, so that no shallower network has to be trained
    first. Deviation from torchvision: no adaptive pooling to 7 x 7 before flatten1, which changes nothing at
    this size, while at others fc1 has as many inputs as there are cells. torchvision's weights load in the
    order of the layers.
    """
    return Sequential(
        # The shapes are those of a 3 x 224 x 224 image and 1,000 classes.
        *_stage(64, 2),  # conv1 to conv2     64 x 224 x 224, pool1  64 x 112 x 112
        *_stage(128, 2),  # conv3 to conv4    128 x 112 x 112, pool2 128 x 56 x 56
        *_stage(256, 3),  # conv5 to conv7    256 x 56 x 56,   pool3 256 x 28 x 28
        *_stage(512, 3),  # conv8 to conv10   512 x 28 x 28,   pool4 512 x 14 x 14
        *_stage(512, 3),  # conv11 to conv13  512 x 14 x 14,   pool5 512 x 7 x 7
        Flatten(),  # flatten1        25088
        Linear(4096),  # fc1              4096
        ReLU(),
        Dropout(0.5),
        Linear(4096),  # fc2              4096
        ReLU(),
        Dropout(0.5),
        Linear(classes),  # fc3              1000
        input_shape=input_shape,
        seed=seed,
        engine=engine,
        name="vgg16",
        recipe=RECIPE,
    )
