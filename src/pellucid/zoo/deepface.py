"""DeepFace: Taigman, Yang, Ranzato & Wolf 2014, DeepFace: Closing the gap to human-level performance in face
verification, figure 2; the network without the alignment of faces.

118,923,774 parameters for 4,030 people in 3 x 152 x 152 images:
C1 11,648 + C3 41,488 + L4 62,774,800 + L5 7,850,000 + L6 2,829,456 + F7 28,905,472 + F8 16,510,910.
The locally connected layers have a kernel and a bias for every cell; the paper says "more than 120 million".

Deviations from the paper: weights start by He's rule with biases of 0, not from N(0, 0.01) and 0.5; the
learning rate falls in two steps.
"""

from __future__ import annotations

from pellucid.graph import Graph, sequential_graph
from pellucid.layers import (
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    LocallyConnected2d,
    MaxPool2d,
    ReLU,
    Shape,
)
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe
from pellucid.zoo.network import Network

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9),
    schedule=StepDecay(0.01, factor=0.1, milestones=(1 / 3, 2 / 3)),
    batch_size=128,
)


def deepface_graph(classes: int, input_shape: Shape) -> Graph:
    """DeepFace for images of any number of channels, 72 x 72 and larger."""
    layers: tuple[tuple[str, Layer], ...] = (
        # The shapes are those of a 3 x 152 x 152 image and 4,030 people.
        ("c1", Conv2d(32, kernel_size=11)),  # 32 x 142 x 142
        ("c1_relu", ReLU()),
        ("m2", MaxPool2d(3, stride=2, ceil_mode=True)),  # 32 x 71 x 71
        ("c3", Conv2d(16, kernel_size=9)),  # 16 x 63 x 63
        ("c3_relu", ReLU()),
        ("l4", LocallyConnected2d(16, kernel_size=9)),  # 16 x 55 x 55
        ("l4_relu", ReLU()),
        ("l5", LocallyConnected2d(16, kernel_size=7, stride=2)),  # 16 x 25 x 25
        ("l5_relu", ReLU()),
        ("l6", LocallyConnected2d(16, kernel_size=5)),  # 16 x 21 x 21
        ("l6_relu", ReLU()),
        ("flatten", Flatten()),  # 7056
        ("f7", Linear(4096)),  # 4096
        ("f7_relu", ReLU()),
        ("dropout", Dropout(0.5)),
        ("f8", Linear(classes)),  # 4030
    )
    return sequential_graph(layers, input_shape)


DEEPFACES = {"deepface": Network(deepface_graph, 4030, (3, 152, 152), RECIPE)}
