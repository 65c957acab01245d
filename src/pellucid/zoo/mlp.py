"""Nets of fully connected layers: the multi-layer perceptron, and the single neuron it grew from."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.engine import Engine
from pellucid.graph import sequential_graph
from pellucid.layers import Activation, Flatten, Layer, Linear, ReLU, Shape
from pellucid.layers.layer import require
from pellucid.model import Model, Sequential
from pellucid.objectives import CrossEntropy, SquaredError
from pellucid.optimizers import SGD, OneCycle
from pellucid.recipe import Recipe

RECIPE = Recipe(objective=CrossEntropy(), optimizer=SGD(momentum=0.9), schedule=OneCycle(0.05), batch_size=64)
RELU = ReLU()


def build_mlp(
    classes: int,
    input_shape: Shape,
    seed: int,
    engine: str | Engine,
    widths: Sequence[int] = (128, 64),
    activation: Activation = RELU,
) -> Model:
    """A multi-layer perceptron.

    Args:
        classes: number of outputs, which are logits.
        input_shape: of one image; its cells are laid in one row.
        seed: of the initial parameters.
        engine: see Model.
        widths: units of each hidden layer; none makes it a linear classifier.
        activation: after each hidden layer.
    """
    hidden: list[Layer] = []
    for width in widths:
        hidden += [Linear(width), activation]
    return Sequential(
        # The shapes are those of a 1 x 28 x 28 image, the default widths and 10 classes.
        Flatten(),  # flatten1 784
        *hidden,  # fc1 128, fc2 64
        Linear(classes),  # fc3 10
        input_shape=input_shape,
        seed=seed,
        engine=engine,
        name="mlp",
        recipe=RECIPE,
    )


def build_perceptron(classes: int, input_shape: Shape, seed: int, engine: str | Engine) -> Model:
    """Rosenblatt's perceptron (1957): one neuron whose score w.x + b is positive for class +1.

    Its rule of learning is in training/perceptron.py; the recipe is Widrow and Hoff's squared error (1960).

    Raises:
        LayerError: one neuron separates two classes, and more were asked for.
    """
    require(classes == 2, "perceptron", "separates two classes", classes)
    graph = sequential_graph((Flatten(), Linear(1, initializer="zeros")), input_shape)
    recipe = Recipe(objective=SquaredError(), optimizer=SGD(), schedule=OneCycle(0.01), batch_size=1)
    return Model(graph, seed=seed, engine=engine, output_kind="scores", name="perceptron", recipe=recipe)
