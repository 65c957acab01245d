"""Networks by name: each a table of layers with the shape beside each step."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pellucid.download import Progress
from pellucid.engines.engine import Engine
from pellucid.errors import LayerError, UnknownNameError
from pellucid.graph import Graph
from pellucid.layers import Shape
from pellucid.model import Model
from pellucid.zoo.alexnet import ALEXNETS
from pellucid.zoo.all_cnn import ALL_CNNS
from pellucid.zoo.conv_blocks import CONV_BLOCKS, chosen_structure
from pellucid.zoo.deepface import DEEPFACES
from pellucid.zoo.densenet import DENSE_NETWORKS
from pellucid.zoo.efficientnet import EFFICIENTNETS
from pellucid.zoo.googlenet import GOOGLENETS
from pellucid.zoo.inception_v3 import INCEPTIONS_V3
from pellucid.zoo.lenet import LENETS
from pellucid.zoo.lenet_1998 import LENETS_1998
from pellucid.zoo.mlp import MLPS
from pellucid.zoo.mobilenet import MOBILENETS
from pellucid.zoo.network import Network
from pellucid.zoo.resnet import RESIDUAL_NETWORKS
from pellucid.zoo.resnet_cifar import SMALL_RESIDUAL_NETWORKS
from pellucid.zoo.squeezenet import SQUEEZENETS
from pellucid.zoo.tiny_vgg import TINY_VGGS
from pellucid.zoo.vgg import VGGS

__all__ = ["create", "find", "is_known", "names"]

NETWORKS: dict[str, Network] = {
    **LENETS,
    **LENETS_1998,
    **MLPS,
    **TINY_VGGS,
    **CONV_BLOCKS,
    **ALEXNETS,
    **ALL_CNNS,
    **VGGS,
    **GOOGLENETS,
    **INCEPTIONS_V3,
    **RESIDUAL_NETWORKS,
    **SMALL_RESIDUAL_NETWORKS,
    **DENSE_NETWORKS,
    **SQUEEZENETS,
    **MOBILENETS,
    **EFFICIENTNETS,
    **DEEPFACES,
}


def names() -> tuple[str, ...]:
    """Names of all networks."""
    return tuple(NETWORKS)


def is_known(name: str) -> bool:
    """Whether there is a network of this name, "conv-blocks-N-M-b-K" included."""
    return name in NETWORKS or chosen_structure(name) is not None


def find(name: str) -> Network:
    """The network of this name, "conv-blocks-N-M-b-K" included.

    Raises:
        UnknownNameError: no such network; the message gives the nearest names.
    """
    network = NETWORKS.get(name) or chosen_structure(name)
    if network is None:
        raise UnknownNameError("network", name, NETWORKS)
    return network


def create(
    name: str,
    *,
    classes: int | None = None,
    input_shape: Sequence[int] | None = None,
    seed: int = 0,
    engine: str | Engine = "native",
    weights: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Model:
    """A network with freshly drawn parameters, or with trained ones.

    Args:
        name: one of names(), or "conv-blocks-N-M-b-K" (see conv_blocks.py).
        classes: number of outputs; the network's own when left out.
        input_shape: of one image, (C, H, W) or (features,); the network's own when left out.
        seed: of the initial parameters.
        engine: "native", "reference", or an Engine.
        weights: a file of arrays (.safetensors, .pth) under torchvision's names or this network's own, or
            "imagenet": torchvision's, downloaded once, with the preprocessing and the class names they go
            with; layers that count classes keep their drawn weights where `classes` is not 1,000.
        progress: told of what is downloaded.

    Raises:
        UnknownNameError: no such network; the message gives the nearest names.
        LayerError: the network cannot have so many classes, or its arithmetic does not fit such images.
        DataError, DownloadError, FormatError: there are no such weights, or they are not this network's.

    Example:
        >>> import pellucid
        >>> pellucid.zoo.create("lenet5", engine="reference").parameter_count
        61706
    """
    network = find(name)
    classes = network.classes if classes is None else classes
    shape = network.input_shape if input_shape is None else tuple(input_shape)
    graph = _graph(name, network, classes, shape)
    parameters = network.fixed(classes) if network.fixed else None
    class_names = network.class_names[:classes]
    if weights is not None:
        from pellucid.zoo.pretrained import with_weights

        trained = with_weights(name, network, graph, classes, weights, progress)
        graph, parameters, class_names = trained.graph, trained.parameters, trained.class_names or class_names
    return Model(
        graph,
        parameters,
        seed=seed,
        engine=engine,
        output_kind=network.output_kind,
        class_names=class_names,
        name=name,
        recipe=network.recipe,
    )


def _graph(name: str, network: Network, classes: int, shape: Shape) -> Graph:
    try:
        return network.graph(classes, shape)
    except LayerError as error:
        smallest = _smallest(network, classes, shape)
        if smallest is None:
            raise
        raise LayerError(f"{error}; {name} takes images of {smallest} x {smallest} and larger") from None


def _smallest(network: Network, classes: int, shape: Shape) -> int | None:
    """The side of the smallest square image that fits, if larger images are what a shape lacks."""

    def fits(side: int) -> bool:
        try:
            network.graph(classes, (shape[0], side, side))
        except LayerError:
            return False
        return True

    lower, upper = 0, max(network.input_shape)
    if len(shape) != 3 or min(shape) < 1 or not fits(upper):
        return None
    while upper - lower > 1:
        middle = (lower + upper) // 2
        lower, upper = (lower, middle) if fits(middle) else (middle, upper)
    return upper if upper > min(shape[1:]) else None
