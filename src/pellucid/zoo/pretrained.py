"""Trained weights for the zoo's networks: from a file, or torchvision's for ImageNet."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.download import Progress, fetch
from pellucid.errors import DataError, FormatError, LayerError
from pellucid.formats.weights import has_torch, read_state_dict, write_state_dict
from pellucid.graph import Graph
from pellucid.layers import AdaptiveAvgPool2d, Normalize, Shape
from pellucid.storage import cache_folder
from pellucid.zoo.network import Network, Published
from pellucid.zoo.wiring import inserted

ADDRESS = "https://download.pytorch.org/models/"
IMAGENET = "imagenet"
IMAGENET_CLASSES = 1000

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Trained:
    """A graph as its weights need it, the weights by the graph's names, and what the classes are called."""

    graph: Graph
    parameters: Arrays
    class_names: tuple[str, ...] = ()


def with_weights(
    name: str,
    network: Network,
    graph: Graph,
    classes: int,
    weights: str | os.PathLike[str],
    progress: Progress | None = None,
) -> Trained:
    """The network with trained weights.

    Args:
        name: of the network.
        network: what the zoo knows of it.
        graph: for so many classes and images of some shape.
        classes: number of outputs.
        weights: "imagenet", or a file of arrays under this network's own names or under torchvision's.
        progress: see pellucid.download.

    Raises:
        DataError: nobody publishes weights for this network.
        DownloadError: they cannot be had.
        FormatError: the file is not a state dict of this network.
        LayerError: the weights are for other images.
    """
    if weights == IMAGENET:
        if network.published is None:
            raise DataError(f"{name}: torchvision publishes no weights for it; give a file instead")
        return _imagenet(name, network.published, graph, classes, progress)
    arrays = read_state_dict(weights)
    own = {full: full for full in graph.parameters}
    if network.published is None or own.keys() <= arrays.keys():
        return Trained(graph, _matched(str(weights), graph, arrays, own))
    names, arrays = _array_names(graph, network.published), _modern(arrays)
    graph = _fitting(graph, network.published, arrays, names)
    return Trained(graph, _matched(str(weights), graph, arrays, names, network.published.unused))


def _imagenet(
    name: str, published: Published, graph: Graph, classes: int, progress: Progress | None
) -> Trained:
    """torchvision's weights behind the preprocessing they were trained with.

    With another number of classes than ImageNet's the layers that count them keep their drawn weights.
    """
    shape = graph.shapes[graph.inputs[0]]
    if len(shape) != 3 or shape[0] != len(published.mean):
        raise LayerError(f"{name}: weights for ImageNet are for images of 3 channels, received {shape}")
    names = _array_names(graph, published)
    arrays = _modern(read_state_dict(fetch_weights(published.file, progress=progress)))
    graph = _fitting(graph, published, arrays, names)
    drawn = {
        full
        for full, spec in graph.parameters.items()
        if classes != IMAGENET_CLASSES and _counts_classes(arrays.get(names[full]), spec.shape, classes)
    }
    parameters = _matched(published.file, graph, arrays, names, published.unused, drawn)
    normalize = Normalize(published.mean, published.deviation)
    graph = inserted(graph, graph.inputs[0], "normalize", normalize)
    return Trained(graph, parameters, imagenet_class_names() if classes == IMAGENET_CLASSES else ())


def _counts_classes(array: NDArray[np.float32] | None, shape: Shape, classes: int) -> bool:
    """Whether an array has a row for each class of ImageNet where the graph has one for each of its own."""
    if array is None or array.ndim == 0:
        return False
    return (array.shape[0], shape[0]) == (IMAGENET_CLASSES, classes) and array.shape[1:] == shape[1:]


def _array_names(graph: Graph, published: Published) -> dict[str, str]:
    """torchvision's name of every array, by its full name in the graph."""
    modules = published.names(graph)
    pairs = ((full, full.rpartition(".")) for full in graph.parameters)
    return {full: f"{modules[node]}.{part}" for full, (node, _, part) in pairs}


def _modern(arrays: Arrays) -> dict[str, NDArray[np.float32]]:
    """The arrays under today's names: DenseNet's files say norm.1 where its modules are called norm1."""
    return {
        re.sub(r"(denselayer\d+)\.(norm|conv)\.(\d)\.", r"\1.\2\3.", name): array
        for name, array in arrays.items()
    }


def _fitting(graph: Graph, published: Published, arrays: Arrays, names: Mapping[str, str]) -> Graph:
    """The graph, with torchvision's adaptive pooling where the arrays are for maps of its size only."""
    fits = all(
        names[full] not in arrays or arrays[names[full]].shape[1:] == spec.shape[1:]
        for full, spec in graph.parameters.items()
    )
    if fits or published.pool is None:
        return graph
    node, side = published.pool
    return inserted(graph, node, f"{node}_adaptive", AdaptiveAvgPool2d(side))


def _matched(
    source: str,
    graph: Graph,
    arrays: Arrays,
    names: Mapping[str, str],
    unused: tuple[str, ...] = (),
    drawn: Set[str] = frozenset(),
) -> dict[str, NDArray[np.float32]]:
    """The array of every full name in `names` but those in `drawn`, checked against the graph."""
    missing = [name for name in names.values() if name not in arrays]
    if missing:
        raise FormatError(f"{source}: {len(missing)} arrays of this network are missing, first {missing[0]}")
    strange = sorted(name for name in arrays.keys() - set(names.values()) if not name.startswith(unused))
    if strange:
        raise FormatError(f"{source}: {len(strange)} arrays are not of this network, first {strange[0]}")
    wanted = [full for full in names if full not in drawn]
    for full in wanted:
        expected, received = graph.parameters[full].shape, arrays[names[full]].shape
        if expected != received:
            raise LayerError(f"{full}: expects an array of shape {expected}, {source} has {received}")
    return {full: arrays[names[full]] for full in wanted}


def fetch_weights(file: str, *, address: str = "", progress: Progress | None = None) -> Path:
    """torchvision's file as safetensors in the user's cache; downloaded and read through torch once.

    Args:
        file: its name without ".pth", which ends in the first digits of its sha256.
        address: where to ask for it; torchvision's server when left out.
        progress: told of the bytes that arrive.

    Raises:
        DownloadError: it cannot be had, or its checksum is wrong.
        FormatError: torch is not installed.
    """
    folder = cache_folder() / "weights"
    kept = folder / f"{file}.safetensors"
    if kept.exists():
        return kept
    if not has_torch():
        raise FormatError(
            f"{file}.pth is read through torch, once: pip install 'pellucid[torch]', "
            f"or put its arrays at {kept}"
        )
    url = f"{address or ADDRESS}{file}.pth"
    downloaded = fetch(url, file.rpartition("-")[2], folder / f"{file}.pth", progress=progress)
    write_state_dict(kept, read_state_dict(downloaded))
    downloaded.unlink()
    return kept


@cache
def imagenet_class_names() -> tuple[str, ...]:
    """Of the 1,000 classes of the ImageNet challenge of 2012, in the order of the outputs."""
    text = resources.files("pellucid.zoo").joinpath("imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))
