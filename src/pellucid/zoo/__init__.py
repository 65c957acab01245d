"""Networks by name: each a table of layers with the shape beside each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pellucid.engines.engine import Engine
from pellucid.errors import UnknownNameError
from pellucid.layers import Shape
from pellucid.model import Model
from pellucid.zoo.alexnet import build_alexnet
from pellucid.zoo.lenet import build_lenet5
from pellucid.zoo.lenet_1998 import build_lenet5_1998
from pellucid.zoo.mlp import build_mlp, build_perceptron
from pellucid.zoo.resnet import build_resnet18, build_resnet20, build_resnet50
from pellucid.zoo.tiny_vgg import build_tiny_vgg
from pellucid.zoo.vgg import build_vgg16

__all__ = ["create", "names"]


@dataclass(frozen=True)
class Network:
    """How to build a network, and for what it is built unless asked otherwise."""

    build: Callable[[int, Shape, int, str | Engine], Model]
    classes: int
    input_shape: Shape


NETWORKS = {
    "lenet5": Network(build_lenet5, 10, (1, 28, 28)),
    "lenet5-1998": Network(build_lenet5_1998, 10, (1, 32, 32)),
    "mlp": Network(build_mlp, 10, (1, 28, 28)),
    "perceptron": Network(build_perceptron, 2, (2,)),
    "tiny-vgg": Network(build_tiny_vgg, 10, (3, 64, 64)),
    "alexnet": Network(build_alexnet, 1000, (3, 224, 224)),
    "vgg16": Network(build_vgg16, 1000, (3, 224, 224)),
    "resnet18": Network(build_resnet18, 1000, (3, 224, 224)),
    "resnet50": Network(build_resnet50, 1000, (3, 224, 224)),
    "resnet20": Network(build_resnet20, 10, (3, 32, 32)),
}


def names() -> tuple[str, ...]:
    """Names of all networks."""
    return tuple(NETWORKS)


def create(
    name: str,
    *,
    classes: int | None = None,
    input_shape: Sequence[int] | None = None,
    seed: int = 0,
    engine: str | Engine = "native",
) -> Model:
    """A network with freshly drawn parameters.

    Args:
        name: one of names().
        classes: number of outputs; the network's own when left out.
        input_shape: of one image, (C, H, W) or (features,); the network's own when left out.
        seed: of the initial parameters.
        engine: "native", "reference", or an Engine.

    Raises:
        UnknownNameError: no such network; the message gives the nearest names.
        LayerError: the network cannot have so many classes, or its arithmetic does not fit such images.

    Example:
        >>> import pellucid
        >>> pellucid.zoo.create("lenet5", engine="reference").parameter_count
        61706
    """
    if name not in NETWORKS:
        raise UnknownNameError("network", name, NETWORKS)
    network = NETWORKS[name]
    return network.build(
        network.classes if classes is None else classes,
        network.input_shape if input_shape is None else tuple(input_shape),
        seed,
        engine,
    )
