"""The convolutional networks of the zoo compute what PyTorch computes with the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.torch_networks import torch_network
from pellucid import zoo
from pellucid.engines.reference import ReferenceEngine
from pellucid.errors import LayerError
from pellucid.graph import Graph
from pellucid.layers import Conv2d
from pellucid.model import Model

SMALL = {
    "tiny-vgg": (3, 16, 16),
    "alexnet": (3, 63, 63),
    "vgg16": (3, 32, 32),
    "resnet18": (3, 40, 40),
    "resnet50": (3, 33, 33),
    "resnet20": (3, 10, 10),
}
"""Images that take the reference engine a moment, not a minute."""


def drawn(name: str, classes: int, shape: tuple[int, ...]) -> Model:
    """The network with running statistics, scales and shifts that a fresh one lacks."""
    net = zoo.create(name, classes=classes, input_shape=shape, seed=1, engine="reference")
    random = np.random.default_rng(2)
    net.set_parameters(
        {
            full: random.uniform(0.5, 1.5, array.shape)
            for full, array in net.parameters.items()
            if array.ndim == 1
        }
    )
    return net


@pytest.mark.parametrize("name", SMALL)
def test_computes_what_pytorch_computes(name: str) -> None:
    net = drawn(name, 7, SMALL[name])
    images = np.random.default_rng(0).random((2, *SMALL[name]), np.float32)
    with torch.no_grad():
        expected = torch_network(name, net.parameters).eval()(torch.from_numpy(images)).numpy()
    logits = net.predict(images)
    assert logits.shape == (2, 7)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3 * np.abs(expected).max()  # the images matter
    assert np.linalg.norm(logits - expected) <= 1e-5 * np.linalg.norm(expected)


def maps(graph: Graph) -> list[tuple[int, ...]]:
    """Shapes after each change of the map's size, in order."""
    sizes: list[tuple[int, ...]] = []
    for node in graph.nodes:
        shape = graph.shapes[node.name]
        if len(shape) == 3 and (not sizes or sizes[-1][1:] != shape[1:]):
            sizes.append(shape)
    return sizes


def test_maps_shrink_as_the_papers_say() -> None:
    big, small = (3, 224, 224), (3, 32, 32)
    graphs = {
        name: zoo.create(name, classes=2, input_shape=shape, engine=ReferenceEngine()).graph
        for name, shape in (("resnet50", big), ("resnet20", small))
    }
    assert maps(graphs["resnet50"]) == [
        big,
        (64, 112, 112),
        (64, 56, 56),
        (128, 28, 28),
        (256, 14, 14),
        (512, 7, 7),
    ]
    assert maps(graphs["resnet20"]) == [small, (32, 16, 16), (64, 8, 8)]
    assert graphs["resnet50"].shapes["unit4_3_relu"] == (2048, 7, 7)


def test_depth_is_in_the_name() -> None:
    for name, depth in (("vgg16", 16), ("resnet18", 18), ("resnet50", 50), ("resnet20", 20)):
        net = zoo.create(name, classes=2, input_shape=SMALL[name], engine="reference")
        weights = [full for full in net.parameters if full.endswith(".weight")]
        assert sum("norm" not in full and "skip" not in full for full in weights) == depth


def test_a_bottleneck_strides_in_its_middle() -> None:
    net = zoo.create("resnet50", classes=2, input_shape=(3, 33, 33), engine="reference")
    strides = [net.graph.node(f"unit2_1_conv{number}").layer for number in (1, 2, 3)]
    assert [layer.stride for layer in strides if isinstance(layer, Conv2d)] == [1, 2, 1]


@pytest.mark.parametrize(
    ("name", "smaller", "node"),
    [("tiny-vgg", 15, "pool2"), ("alexnet", 62, "pool3"), ("vgg16", 31, "pool5")],
)
def test_an_image_that_is_too_small_is_refused_by_the_layer_it_fails(
    name: str, smaller: int, node: str
) -> None:
    with pytest.raises(LayerError, match=f"^{node}: "):
        zoo.create(name, input_shape=(3, smaller, smaller), engine="reference")


def test_networks_fit_other_classes_and_channels() -> None:
    # conv1 10*9+10, the rest unchanged, 10 maps of 1x1 into 4.
    tiny = zoo.create("tiny-vgg", classes=4, input_shape=(1, 16, 16), engine="reference")
    assert tiny.parameter_count == 100 + 3 * 910 + 44
    # One channel instead of three takes 2*64*7*7 from the stem, 5 classes 995*513 from the end.
    resnet = zoo.create("resnet18", classes=5, input_shape=(1, 40, 40), engine="reference")
    assert resnet.parameter_count == 11_689_512 - 2 * 64 * 49 - 995 * 513
