"""GoogLeNet: Szegedy et al. 2015, Going deeper with convolutions, table 1: Inception v1.

Parameters for 1,000 classes of 3 x 224 x 224 images: 6,998,552, and 13,378,280 with both auxiliary heads. The
variant of torchvision, "googlenet-bn", has 6,624,904 and 13,004,888: batch normalisation instead of local
response normalisation and biases, 3 x 3 kernels where the paper has 5 x 5, pool4 over 2 x 2 cells.

Nodes are called as in the table: inception4a_3x3_reduce is the 1 x 1 convolution before inception4a_3x3, and
inception4a stacks the four branches.

Deviations from the paper: local response normalisation, of which figure 3 gives no numbers, is over 5
channels with alpha 1e-4 and beta 0.75; weights start by He's rule; the pooling before aux1_conv and
aux2_conv of googlenet-bn is adaptive, as in torchvision, and dropout before fc 0.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial

from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Shape,
)
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, StepDecay
from pellucid.recipe import Recipe
from pellucid.zoo.network import Names, Network, Published
from pellucid.zoo.wiring import convolve

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=1e-4),
    schedule=StepDecay(0.01, factor=0.1, milestones=(1 / 3, 2 / 3)),
    batch_size=256,
)

AUXILIARY_RECIPE = replace(RECIPE, loss_weights=(1.0, 0.3, 0.3))
"""The heads count 0.3 each (section 5)."""

INCEPTIONS = {
    # Channels of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5 and pool proj; the output for a 3 x 224 x 224 image.
    "3a": (64, 96, 128, 16, 32, 32),  #  256 x 28 x 28
    "3b": (128, 128, 192, 32, 96, 64),  #  480 x 28 x 28
    "4a": (192, 96, 208, 16, 48, 64),  #  512 x 14 x 14
    "4b": (160, 112, 224, 24, 64, 64),  #  512 x 14 x 14
    "4c": (128, 128, 256, 24, 64, 64),  #  512 x 14 x 14
    "4d": (112, 144, 288, 32, 64, 64),  #  528 x 14 x 14
    "4e": (256, 160, 320, 32, 128, 128),  #  832 x 14 x 14
    "5a": (256, 160, 320, 32, 128, 128),  #  832 x 7 x 7
    "5b": (384, 192, 384, 48, 128, 128),  # 1024 x 7 x 7
}

NORM = BatchNorm2d(epsilon=1e-3)
LRN = LocalResponseNorm(size=5, alpha=1e-4, beta=0.75)


@dataclass(frozen=True)
class Form:
    """Which GoogLeNet: torchvision's or the paper's, and with or without auxiliary heads."""

    normalized: bool
    auxiliary: bool


def _convolution(
    builder: GraphBuilder, form: Form, x: str, name: str, channels: int, size: int, stride: int = 1
) -> str:
    layer = Conv2d(channels, kernel_size=size, stride=stride, padding=size // 2, bias=not form.normalized)
    return convolve(builder, x, layer, name, norm=NORM if form.normalized else None)


def _inception(builder: GraphBuilder, form: Form, x: str, stage: str) -> str:
    """Four branches over the same maps, stacked (figure 2b)."""
    name = f"inception{stage}"
    one, reduce3, three, reduce5, five, pooled = INCEPTIONS[stage]
    size = 3 if form.normalized else 5
    a = _convolution(builder, form, x, f"{name}_1x1", one, 1)
    b = _convolution(builder, form, x, f"{name}_3x3_reduce", reduce3, 1)
    b = _convolution(builder, form, b, f"{name}_3x3", three, 3)
    c = _convolution(builder, form, x, f"{name}_5x5_reduce", reduce5, 1)
    c = _convolution(builder, form, c, f"{name}_5x5", five, size)
    d = builder.add(MaxPool2d(3, stride=1, padding=1), x, name=f"{name}_pool")
    d = _convolution(builder, form, d, f"{name}_pool_proj", pooled, 1)
    return builder.add(Concat(), a, b, c, d, name=name)


def _auxiliary(builder: GraphBuilder, form: Form, x: str, name: str, classes: int) -> str:
    """A classifier half way up, which brings the lower layers a gradient of their own (section 5)."""
    pool = AdaptiveAvgPool2d(4) if form.normalized else AvgPool2d(5, stride=3)
    x = builder.add(pool, x, name=f"{name}_pool")  # 512 or 528 x 4 x 4
    x = _convolution(builder, form, x, f"{name}_conv", 128, 1)  # 128 x 4 x 4
    x = builder.add(Flatten(), x, name=f"{name}_flatten")  # 2048
    x = builder.add(Linear(1024), x, name=f"{name}_fc1")
    x = builder.add(ReLU(), x, name=f"{name}_fc1_relu")
    x = builder.add(Dropout(0.7), x, name=f"{name}_dropout")
    return builder.add(Linear(classes), x, name=f"{name}_fc2")


def googlenet_graph(form: Form, classes: int, input_shape: Shape) -> Graph:
    """GoogLeNet for images of any number of channels, 31 x 31 and larger (torchvision's form: 15 x 15).

    With the paper's auxiliary heads images are 79 x 79 and larger. Outputs: fc, aux1_fc2, aux2_fc2.
    """
    builder = GraphBuilder()
    outputs = ["fc"]
    halving = MaxPool2d(3, stride=2, ceil_mode=True)
    x = builder.input(input_shape)
    x = _convolution(builder, form, x, "conv1", 64, 7, stride=2)  # 64 x 112 x 112
    x = builder.add(halving, x, name="pool1")  # 64 x 56 x 56
    if not form.normalized:
        x = builder.add(LRN, x, name="lrn1")
    x = _convolution(builder, form, x, "conv2_reduce", 64, 1)  # 64 x 56 x 56
    x = _convolution(builder, form, x, "conv2", 192, 3)  # 192 x 56 x 56
    if not form.normalized:
        x = builder.add(LRN, x, name="lrn2")
    x = builder.add(halving, x, name="pool2")  # 192 x 28 x 28
    for stage in INCEPTIONS:
        x = _inception(builder, form, x, stage)
        if form.auxiliary and stage in ("4a", "4d"):
            outputs.append(_auxiliary(builder, form, x, f"aux{len(outputs)}", classes))
        if stage == "3b":
            x = builder.add(halving, x, name="pool3")  # 480 x 14 x 14
        if stage == "4e":
            last = MaxPool2d(2, ceil_mode=True) if form.normalized else halving
            x = builder.add(last, x, name="pool4")  # 832 x 7 x 7
    x = builder.add(GlobalAvgPool(), x, name="pool5")  # 1024
    x = builder.add(Dropout(0.2 if form.normalized else 0.4), x, name="dropout")
    builder.add(Linear(classes), x, name="fc")  # 1000
    return builder.graph(outputs)


BRANCHES = {
    "1x1": "branch1",
    "3x3_reduce": "branch2.0",
    "3x3": "branch2.1",
    "5x5_reduce": "branch3.0",
    "5x5": "branch3.1",
    "pool_proj": "branch4.1",
}


def torchvision_names(graph: Graph) -> Names:
    """A convolution and its normalisation are `conv` and `bn` of one module."""
    names = {"fc": "fc"}
    modules = {"conv1": "conv1", "conv2_reduce": "conv2", "conv2": "conv3"}
    modules |= {f"aux{head}_conv": f"aux{head}.conv" for head in (1, 2)}
    for stage in INCEPTIONS:
        for branch, module in BRANCHES.items():
            modules[f"inception{stage}_{branch}"] = f"inception{stage}.{module}"
    for node in graph.nodes:
        name = re.sub("_norm$", "", node.name)
        if name in modules:
            names[node.name] = f"{modules[name]}.{'bn' if isinstance(node.layer, BatchNorm2d) else 'conv'}"
        elif re.fullmatch(r"aux\d_fc\d", name):
            names[node.name] = name.replace("_", ".")
    return names


PIXELS = (0.5, 0.5, 0.5)
"""Mean and deviation for which the published weights were trained."""

GOOGLENETS = {
    "googlenet": Network(partial(googlenet_graph, Form(False, False)), 1000, (3, 224, 224), RECIPE),
    "googlenet-aux": Network(
        partial(googlenet_graph, Form(False, True)), 1000, (3, 224, 224), AUXILIARY_RECIPE
    ),
    "googlenet-bn": Network(
        partial(googlenet_graph, Form(True, False)),
        1000,
        (3, 224, 224),
        RECIPE,
        published=Published("googlenet-1378be20", torchvision_names, PIXELS, PIXELS, unused=("aux",)),
    ),
    "googlenet-bn-aux": Network(
        partial(googlenet_graph, Form(True, True)),
        1000,
        (3, 224, 224),
        AUXILIARY_RECIPE,
        published=Published("googlenet-1378be20", torchvision_names, PIXELS, PIXELS),
    ),
}
