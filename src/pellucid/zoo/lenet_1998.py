"""LeNet-5 as published: LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document
recognition, section II.B and appendix A.

Trainable parameters: C1 156 + S2 12 + C3 1,516 + S4 32 + C5 48,120 + F6 10,164 = 60,000. The 840 cells of the
output's prototypes are fixed.

Deviations from the paper:
- The prototypes are our own drawings (glyphs.py).
- The output is minus the distance, so that larger is better.
- A C3 weight starts within 2.4 / 93, 93 being the mean fan-in of C3's units (75 to 150).
- Training is by mini-batches under RECIPE, not image by image by the stochastic diagonal
  Levenberg-Marquardt method with its falling global rates (0.0005 down to 0.00001 in 20 passes).
- The rubbish class's distance j of equation 9, which the paper leaves open, is 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.graph import Graph, sequential_graph
from pellucid.layers import (
    Conv2d,
    Flatten,
    Layer,
    Linear,
    Normalize,
    RBFOutput,
    ScaledTanh,
    Shape,
    Subsample2d,
)
from pellucid.layers.layer import require
from pellucid.objectives import MaximumAPosteriori
from pellucid.optimizers import SGD, OneCycle
from pellucid.recipe import Recipe
from pellucid.zoo.glyphs import prototypes
from pellucid.zoo.network import Network

PAPER = -0.1
INK = 1.175
"""What the paper feeds the net for background and foreground, so that pixels average 0 with variance 1."""

C3_CONNECTIONS = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)
"""Table I: the S2 maps that each C3 map sees."""

RECIPE = Recipe(
    objective=MaximumAPosteriori(), optimizer=SGD(momentum=0.9), schedule=OneCycle(0.002), batch_size=64
)


def lenet_1998_layers(classes: int) -> tuple[tuple[str, Layer], ...]:
    """The layers by their names in the paper; shapes are those of a 1 x 32 x 32 image."""
    start = "lecun-1998"
    return (
        ("normalize", Normalize((-PAPER / (INK - PAPER),), (1 / (INK - PAPER),))),  # 1 x 32 x 32
        ("c1", Conv2d(6, kernel_size=5, initializer=start)),  # 6 x 28 x 28
        ("c1_tanh", ScaledTanh()),
        ("s2", Subsample2d(2)),  # 6 x 14 x 14
        ("s2_tanh", ScaledTanh()),
        ("c3", Conv2d(16, kernel_size=5, connections=C3_CONNECTIONS, initializer=start)),  # 16 x 10 x 10
        ("c3_tanh", ScaledTanh()),
        ("s4", Subsample2d(2)),  # 16 x 5 x 5
        ("s4_tanh", ScaledTanh()),
        ("c5", Conv2d(120, kernel_size=5, initializer=start)),  # 120 x 1 x 1
        ("c5_tanh", ScaledTanh()),
        ("flatten", Flatten()),  # 120
        ("f6", Linear(84, initializer=start)),  # 84 = 7 x 12
        ("f6_tanh", ScaledTanh()),
        ("output", RBFOutput(classes)),  # 10
    )


def lenet_1998_graph(classes: int, input_shape: Shape) -> Graph:
    """The paper's LeNet-5 for the digits, or for the first `classes` of them.

    Raises:
        LayerError: more classes than there are prototypes.
    """
    count = len(prototypes())
    require(1 <= classes <= count, "lenet5-1998", f"has prototypes for {count} classes", classes)
    return sequential_graph(lenet_1998_layers(classes), input_shape)


def fixed_prototypes(classes: int) -> dict[str, NDArray[np.float32]]:
    """The drawings that the output compares with."""
    return {"output.prototypes": prototypes()[:classes]}


LENETS_1998 = {
    "lenet5-1998": Network(
        lenet_1998_graph,
        10,
        (1, 32, 32),
        RECIPE,
        class_names=tuple(str(digit) for digit in range(10)),
        fixed=fixed_prototypes,
    )
}
