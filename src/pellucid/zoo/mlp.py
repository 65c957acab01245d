"""Nets of fully connected layers: the multi-layer perceptron, and the single neuron it grew from."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.graph import Graph, sequential_graph
from pellucid.layers import Activation, Flatten, Layer, Linear, ReLU, Shape
from pellucid.layers.layer import require
from pellucid.objectives import CrossEntropy, SquaredError
from pellucid.optimizers import SGD, OneCycle
from pellucid.recipe import Recipe
from pellucid.zoo.network import Network

RECIPE = Recipe(objective=CrossEntropy(), optimizer=SGD(momentum=0.9), schedule=OneCycle(0.05), batch_size=64)
PERCEPTRON_RECIPE = Recipe(objective=SquaredError(), optimizer=SGD(), schedule=OneCycle(0.01), batch_size=1)
"""Widrow and Hoff's squared error (1960); Rosenblatt's own rule is in training/perceptron.py."""

RELU = ReLU()


def mlp_graph(
    classes: int,
    input_shape: Shape,
    widths: Sequence[int] = (128, 64),
    activation: Activation = RELU,
) -> Graph:
    """A multi-layer perceptron.

    Args:
        classes: number of outputs, which are logits.
        input_shape: of one image; its cells are laid in one row.
        widths: units of each hidden layer; none makes it a linear classifier.
        activation: after each hidden layer.
    """
    hidden: list[Layer] = []
    for width in widths:
        hidden += [Linear(width), activation]
    layers = (
        # The shapes are those of a 1 x 28 x 28 image, the default widths and 10 classes.
        Flatten(),  # flatten1 784
        *hidden,  # fc1 128, fc2 64
        Linear(classes),  # fc3 10
    )
    return sequential_graph(layers, input_shape)


def perceptron_graph(classes: int, input_shape: Shape) -> Graph:
    """Rosenblatt's perceptron (1957): one neuron whose score w.x + b is positive for class +1.

    Raises:
        LayerError: one neuron separates two classes, and more were asked for.
    """
    require(classes == 2, "perceptron", "separates two classes", classes)
    return sequential_graph((Flatten(), Linear(1, initializer="zeros")), input_shape)


MLPS = {
    "mlp": Network(mlp_graph, 10, (1, 28, 28), RECIPE),
    "perceptron": Network(perceptron_graph, 2, (2,), PERCEPTRON_RECIPE, output_kind="scores"),
}
