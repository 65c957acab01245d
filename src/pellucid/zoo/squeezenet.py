"""SqueezeNet: Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters, table 1, and
the authors' version 1.1, which computes 2.4 times less.

Parameters for 1,000 classes of 3 x 224 x 224 images: 1,248,424 (1.0) and 1,235,496 (1.1).

Deviations from the paper: no padding in conv1, so that its maps are 109 x 109 (1.0); weights start by He's
rule; the learning rate falls along a cosine, not a line.
"""

from __future__ import annotations

from functools import partial

from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import Concat, Conv2d, Dropout, GlobalAvgPool, MaxPool2d, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, Cosine
from pellucid.recipe import Recipe
from pellucid.zoo.network import Names, Network, Published
from pellucid.zoo.wiring import convolve

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=2e-4),
    schedule=Cosine(0.04),
    batch_size=512,
)

FIRES = {
    # Maps of the squeeze and of each of the two expansions.
    "fire2": (16, 64),
    "fire3": (16, 64),
    "fire4": (32, 128),
    "fire5": (32, 128),
    "fire6": (48, 192),
    "fire7": (48, 192),
    "fire8": (64, 256),
    "fire9": (64, 256),
}

VERSIONS: dict[str, tuple[int, int, tuple[str, ...], str]] = {
    "squeezenet-1.0": (96, 7, ("conv1", "fire4", "fire8"), "squeezenet1_0-b66bff10"),
    "squeezenet-1.1": (64, 3, ("conv1", "fire3", "fire5"), "squeezenet1_1-b8a52dc0"),
}
"""Of each version conv1's maps and kernel size, what is pooled, and torchvision's file."""


def _fire(builder: GraphBuilder, x: str, name: str) -> str:
    """Few 1 x 1 convolutions, then as many of 1 x 1 as of 3 x 3, stacked (figure 1)."""
    squeeze, expand = FIRES[name]
    x = convolve(builder, x, Conv2d(squeeze, kernel_size=1), f"{name}_squeeze", norm=None)
    one = convolve(builder, x, Conv2d(expand, kernel_size=1), f"{name}_expand1x1", norm=None)
    three = Conv2d(expand, kernel_size=3, padding=1)
    return builder.add(Concat(), one, convolve(builder, x, three, f"{name}_expand3x3", norm=None), name=name)


def squeezenet_graph(
    maps: int, size: int, pooled: tuple[str, ...], classes: int, input_shape: Shape
) -> Graph:
    """SqueezeNet for images of any number of channels, 21 x 21 and larger (version 1.1: 17 x 17)."""
    builder = GraphBuilder()
    pool = MaxPool2d(3, stride=2, ceil_mode=True)
    x = builder.input(input_shape)
    # The shapes are those of version 1.0 and 1.1 for a 3 x 224 x 224 image.
    stem = Conv2d(maps, kernel_size=size, stride=2)
    x = convolve(builder, x, stem, "conv1", norm=None)  # 96 x 109 x 109, 64 x 111 x 111
    x = builder.add(pool, x, name="pool1")  # 96 x 54 x 54, 64 x 55 x 55
    for name in FIRES:
        x = _fire(builder, x, name)  # fire9: 512 x 13 x 13
        if name in pooled:
            x = builder.add(pool, x, name=f"pool{name.removeprefix('fire')}")
    x = builder.add(Dropout(0.5), x, name="dropout")
    x = convolve(builder, x, Conv2d(classes, kernel_size=1), "conv10", norm=None)  # 1000 x 13 x 13
    builder.add(GlobalAvgPool(), x, name="pool10")  # 1000
    return builder.graph()


def torchvision_names(graph: Graph) -> Names:
    """features counts conv1, its ReLU, poolings and fires; a fire's convolutions keep their names."""
    names = {"conv1": "features.0", "conv10": "classifier.1"}
    counted = [name for name in graph.by_name if name in FIRES or name.startswith("pool")]
    for number, name in enumerate(counted, start=2):
        if name in FIRES:
            for step in ("squeeze", "expand1x1", "expand3x3"):
                names[f"{name}_{step}"] = f"features.{number}.{step}"
    return names


SQUEEZENETS = {
    name: Network(
        partial(squeezenet_graph, maps, size, pooled),
        1000,
        (3, 224, 224),
        RECIPE,
        published=Published(file, torchvision_names),
    )
    for name, (maps, size, pooled, file) in VERSIONS.items()
}
