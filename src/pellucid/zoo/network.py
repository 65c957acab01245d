"""What the zoo knows of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.graph import Graph
from pellucid.layers import Shape
from pellucid.objectives import OutputKind
from pellucid.recipe import Recipe

Names = Mapping[str, str]
"""For every node that has parameters the module of torchvision that holds them."""


@dataclass(frozen=True)
class Published:
    """Weights for ImageNet that torchvision publishes.

    Args:
        file: its name without ".pth"; it ends in the first digits of its sha256.
        names: of the modules that hold the arrays, from the graph.
        mean, deviation: of the pixels, what the network was trained on.
        pool: a node and the length of its maps' sides that the layers behind it were trained for; torchvision
            has an adaptive pooling there.
        unused: beginnings of names of arrays that the file has besides.
    """

    file: str
    names: Callable[[Graph], Names]
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    deviation: tuple[float, ...] = (0.229, 0.224, 0.225)
    pool: tuple[str, int] | None = None
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """How a network is built and trained, and for what it is built unless asked otherwise.

    Args:
        graph: makes the graph for so many classes and images of this shape.
        classes: of the paper.
        input_shape: of the paper's images.
        recipe: how it is trained.
        output_kind: see Model.
        class_names: of the first classes, where there are any.
        fixed: first values of parameters that are not drawn, for so many classes.
        published: weights that can be had.
    """

    graph: Callable[[int, Shape], Graph]
    classes: int
    input_shape: Shape
    recipe: Recipe
    output_kind: OutputKind | None = None
    class_names: tuple[str, ...] = ()
    fixed: Callable[[int], Mapping[str, NDArray[np.float32]]] | None = None
    published: Published | None = None
