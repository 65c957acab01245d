"""MobileNetV2: Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: Inverted residuals and linear
bottlenecks, table 2.

3,504,872 parameters for 1,000 classes of 3 x 224 x 224 images.

Nodes are called by row of the table and block: unit2_1_expand, unit2_1_depthwise and unit2_1_project are the
convolutions of torchvision's features.2.

Deviations from the paper: the classifier is a Linear after the mean, not a 1 x 1 convolution; training by SGD
under RECIPE, not RMSprop.
"""

from __future__ import annotations

from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import Add, Conv2d, Dropout, GlobalAvgPool, Linear, ReLU6, Shape
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD, Cosine
from pellucid.recipe import Recipe
from pellucid.zoo.network import Names, Network, Published
from pellucid.zoo.wiring import convolve

RECIPE = Recipe(
    objective=CrossEntropy(),
    optimizer=SGD(momentum=0.9, weight_decay=4e-5),
    schedule=Cosine(0.05),
    batch_size=256,
)

ROWS = (
    # Expansion, output channels, blocks, stride of the first; the output for a 3 x 224 x 224 image.
    (1, 16, 1, 1),  #  16 x 112 x 112
    (6, 24, 2, 2),  #  24 x 56 x 56
    (6, 32, 3, 2),  #  32 x 28 x 28
    (6, 64, 4, 2),  #  64 x 14 x 14
    (6, 96, 3, 1),  #  96 x 14 x 14
    (6, 160, 3, 2),  # 160 x 7 x 7
    (6, 320, 1, 1),  # 320 x 7 x 7
)

RELU6 = ReLU6()


def _block(
    builder: GraphBuilder, x: str, name: str, inputs: int, expansion: int, outputs: int, stride: int
) -> str:
    """Widen, filter each map, narrow without activation; the shortcut where shapes agree (figure 4)."""
    y, width = x, inputs * expansion
    if expansion != 1:
        expand = Conv2d(width, kernel_size=1, bias=False)
        y = convolve(builder, y, expand, f"{name}_expand", activation=RELU6)
    depthwise = Conv2d(width, kernel_size=3, stride=stride, padding=1, groups=width, bias=False)
    y = convolve(builder, y, depthwise, f"{name}_depthwise", activation=RELU6)
    project = Conv2d(outputs, kernel_size=1, bias=False)
    y = convolve(builder, y, project, f"{name}_project", activation=None)
    if stride == 1 and inputs == outputs:
        y = builder.add(Add(), x, y, name=f"{name}_add")
    return y


def mobilenet_v2_graph(classes: int, input_shape: Shape) -> Graph:
    """MobileNetV2 of width 1 for images of any number of channels and any size."""
    builder = GraphBuilder()
    x = builder.input(input_shape)
    stem = Conv2d(32, kernel_size=3, stride=2, padding=1, bias=False)
    x = convolve(builder, x, stem, "conv1", activation=RELU6)  # 32 x 112 x 112
    channels = 32
    for row, (expansion, outputs, blocks, first_stride) in enumerate(ROWS, start=1):
        for number in range(1, blocks + 1):
            stride = first_stride if number == 1 else 1
            x = _block(builder, x, f"unit{row}_{number}", channels, expansion, outputs, stride)
            channels = outputs
    x = convolve(
        builder, x, Conv2d(1280, kernel_size=1, bias=False), "conv2", activation=RELU6
    )  # 1280 x 7 x 7
    x = builder.add(GlobalAvgPool(), x, name="pool")  # 1280
    x = builder.add(Dropout(0.2), x, name="dropout")
    builder.add(Linear(classes), x, name="fc")  # 1000
    return builder.graph()


def torchvision_names(graph: Graph) -> Names:
    """Blocks are numbered through; the first has no expansion, so its other convolutions move up."""
    blocks = [
        f"unit{row}_{n}" for row, (_, _, count, _) in enumerate(ROWS, start=1) for n in range(1, count + 1)
    ]
    modules = {"conv1": "features.0.0", "conv1_norm": "features.0.1", "fc": "classifier.1"}
    last = len(blocks) + 1
    modules |= {"conv2": f"features.{last}.0", "conv2_norm": f"features.{last}.1"}
    for number, block in enumerate(blocks, start=1):
        place = 0
        for step in ("expand", "depthwise", "project"):
            if f"{block}_{step}" not in graph.by_name:
                continue
            module = f"features.{number}.conv.{place}"
            inner = (module, f"features.{number}.conv.{place + 1}")
            if step != "project":
                inner = (f"{module}.0", f"{module}.1")
            modules[f"{block}_{step}"], modules[f"{block}_{step}_norm"] = inner
            place += 1
    return modules


MOBILENETS = {
    "mobilenet-v2": Network(
        mobilenet_v2_graph,
        1000,
        (3, 224, 224),
        RECIPE,
        published=Published("mobilenet_v2-b0353104", torchvision_names),
    )
}
