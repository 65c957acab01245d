"""Shapes, cost and names of the zoo's networks are those of the papers and of torchvision."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from pellucid import zoo
from pellucid.errors import LayerError, UnknownNameError
from pellucid.graph import Graph
from pellucid.layers import Conv2d, Linear, StochasticDepth
from pellucid.receptive_field import receptive_fields

SHAPES = {
    "alexnet-2012": {
        "conv1": (96, 55, 55),
        "pool1": (96, 27, 27),
        "pool2": (256, 13, 13),
        "conv4": (384, 13, 13),
        "pool3": (256, 6, 6),
    },
    "all-cnn-c": {"conv2": (96, 32, 32), "conv3": (96, 16, 16), "conv6": (192, 8, 8), "conv9": (10, 6, 6)},
    "all-cnn": {"conv1": (96, 55, 55), "conv6": (256, 13, 13), "conv9": (384, 6, 6), "conv12": (1000, 6, 6)},
    "vgg19": {"pool1": (64, 112, 112), "conv16": (512, 14, 14), "pool5": (512, 7, 7)},
    "googlenet-aux": {
        "pool2": (192, 28, 28),
        "inception3b": (480, 28, 28),
        "inception4a": (512, 14, 14),
        "aux1_pool": (512, 4, 4),
        "inception4d": (528, 14, 14),
        "aux2_pool": (528, 4, 4),
        "inception4e": (832, 14, 14),
        "inception5b": (1024, 7, 7),
    },
    "inception-v3-aux": {
        "pool1": (64, 73, 73),
        "pool2": (192, 35, 35),
        "mixed5d": (288, 35, 35),
        "mixed6e": (768, 17, 17),
        "aux_average": (768, 5, 5),
        "mixed7a": (1280, 8, 8),
        "mixed7c": (2048, 8, 8),
    },
    "resnet34": {"pool1": (64, 56, 56), "unit2_4_relu": (128, 28, 28), "unit4_3_relu": (512, 7, 7)},
    "resnet56": {"unit1_9_relu": (16, 32, 32), "unit2_9_relu": (32, 16, 16), "unit3_9_relu": (64, 8, 8)},
    "densenet121": {
        "pool0": (64, 56, 56),
        "block1_layer6": (256, 56, 56),
        "transition1_pool": (128, 28, 28),
        "block2_layer12": (512, 28, 28),
        "block3_layer24": (1024, 14, 14),
        "block4_layer16": (1024, 7, 7),
    },
    "squeezenet-1.0": {"pool1": (96, 54, 54), "fire4": (256, 54, 54), "fire9": (512, 13, 13)},
    "squeezenet-1.1": {"pool1": (64, 55, 55), "fire3": (128, 55, 55), "fire9": (512, 13, 13)},
    "mobilenet-v2": {"unit1_1_project": (16, 112, 112), "unit4_4_add": (64, 14, 14), "conv2": (1280, 7, 7)},
    "efficientnet-b0": {"unit1_1_reduce": (8, 1, 1), "unit3_2_add": (40, 28, 28), "conv2": (1280, 7, 7)},
    "deepface": {
        "c1": (32, 142, 142),
        "m2": (32, 71, 71),
        "c3": (16, 63, 63),
        "l4": (16, 55, 55),
        "l5": (16, 25, 25),
        "l6": (16, 21, 21),
    },
}


def graph_of(name: str) -> Graph:
    network = zoo.find(name)
    return network.graph(network.classes, network.input_shape)


@pytest.mark.parametrize("name", SHAPES)
def test_maps_have_the_sizes_of_the_paper(name: str) -> None:
    shapes = graph_of(name).shapes
    assert {node: shapes[node] for node in SHAPES[name]} == SHAPES[name]


BILLIONS = {
    "alexnet": 0.714,
    "vgg11": 7.609,
    "vgg13-bn": 11.308,
    "vgg16": 15.470,
    "vgg19": 19.632,
    "googlenet-bn": 1.498,
    "inception-v3": 5.713,
    "resnet18": 1.814,
    "resnet34": 3.664,
    "resnet50": 4.089,
    "resnet101": 7.801,
    "resnet152": 11.514,
    "densenet121": 2.834,
    "densenet161": 7.728,
    "densenet169": 3.360,
    "densenet201": 4.291,
    "squeezenet-1.0": 0.819,
    "squeezenet-1.1": 0.349,
    "mobilenet-v2": 0.301,
    "efficientnet-b0": 0.386,
}
"""Multiply-adds of convolutions and linear layers as torchvision publishes them."""


@pytest.mark.parametrize(("name", "billions"), BILLIONS.items())
def test_multiply_adds_are_those_that_torchvision_publishes(name: str, billions: float) -> None:
    graph = graph_of(name)
    cost = sum(
        node.layer.cost(graph.input_shapes(node))
        for node in graph.nodes
        if isinstance(node.layer, Conv2d | Linear)
    )
    assert cost / 1e9 == pytest.approx(billions, abs=0.000_51)


@pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.find(name).published])
def test_every_parameter_has_a_name_of_its_own_in_torchvision(name: str) -> None:
    graph, published = graph_of(name), zoo.find(name).published
    assert published is not None
    owners = {full.rpartition(".")[0] for full in graph.parameters}
    names = published.names(graph)
    assert owners <= names.keys()
    assert len({names[owner] for owner in owners}) == len(owners)


def test_names_are_systematic() -> None:
    named = {
        "resnet50": ("unit3_6_conv2", "layer3.5.conv2"),
        "vgg16-bn": ("norm13", "features.41"),
        "googlenet-bn": ("inception4c_5x5_reduce_norm", "inception4c.branch3.0.bn"),
        "inception-v3": ("mixed6b_double_4", "Mixed_6b.branch7x7dbl_4.conv"),
        "densenet169": ("block4_layer32_conv2", "features.denseblock4.denselayer32.conv2"),
        "squeezenet-1.1": ("fire9_expand3x3", "features.12.expand3x3"),
        "mobilenet-v2": ("unit7_1_project_norm", "features.17.conv.3"),
        "efficientnet-b0": ("unit2_1_restore", "features.2.0.block.2.fc2"),
    }
    for name, (node, module) in named.items():
        published = zoo.find(name).published
        assert published is not None
        assert published.names(graph_of(name))[node] == module


def test_the_page_of_networks_tells_the_truth() -> None:
    page = (Path(__file__).parent.parent / "docs" / "networks.md").read_text(encoding="utf-8")
    told = {cells[1].strip("` "): cells for line in page.splitlines() if len(cells := line.split("|")) == 10}
    assert told.keys() - {"name", "---"} == set(zoo.names())
    for name in zoo.names():
        network, graph = zoo.find(name), graph_of(name)
        specs = graph.parameters.values()
        count = sum(math.prod(spec.shape) for spec in specs if spec.role == "trainable")
        cost = sum(node.layer.cost(graph.input_shapes(node)) for node in graph.nodes)
        side = int(told[name][7])
        expected = [" x ".join(map(str, network.input_shape)), f"{network.classes:,}", f"{count:,}"]
        expected += [f"{cost / 1e6:,.1f}", str(side), "yes" if network.published else ""]
        assert [cell.strip() for cell in told[name][3:9]] == expected
        if len(network.input_shape) == 3:
            network.graph(network.classes, (network.input_shape[0], side, side))


def test_auxiliary_heads_are_further_outputs_that_count_less() -> None:
    assert graph_of("googlenet-aux").outputs == ("fc", "aux1_fc2", "aux2_fc2")
    assert zoo.find("googlenet-aux").recipe.loss_weights == (1.0, 0.3, 0.3)
    assert zoo.find("googlenet-bn-aux").recipe.loss_weights == (1.0, 0.3, 0.3)
    assert graph_of("inception-v3-aux").outputs == ("fc", "aux_fc")
    assert zoo.find("inception-v3-aux").recipe.loss_weights == (1.0, 0.3)
    assert zoo.find("googlenet").recipe.loss_weights == ()


def test_a_branch_is_dropped_the_more_often_the_deeper_it_is() -> None:
    rates = [
        node.layer.rate
        for node in graph_of("efficientnet-b0").nodes
        if isinstance(node.layer, StochasticDepth)
    ]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(0.2 * 2 / 16)  # the third of 16 blocks is the first with a shortcut
    assert rates[-1] == pytest.approx(0.2 * 14 / 16)
    assert len(rates) == 9


def test_behind_a_gate_everything_is_seen() -> None:
    fields = receptive_fields(graph_of("efficientnet-b0"))
    before = fields["unit1_1_depthwise"]
    assert before is not None
    assert [axis.size for axis in before] == [7, 7]
    assert fields["unit1_1_gated"] is None


def test_a_shortcut_of_resnet56_has_no_parameters() -> None:
    net = zoo.create("resnet56", input_shape=(3, 8, 8), engine="reference")
    images = np.random.default_rng(0).random((1, 3, 8, 8), np.float32)
    trace = net.trace(images, nodes=["unit1_9_relu", "unit2_1_pad"])
    np.testing.assert_array_equal(trace["unit2_1_pad"][:, :16], trace["unit1_9_relu"][:, :, ::2, ::2])
    assert not trace["unit2_1_pad"][:, 16:].any()
    assert not [name for name in net.parameters if "skip" in name]


@pytest.mark.parametrize(
    ("name", "smallest"),
    [
        ("alexnet-2012", 67),
        ("all-cnn-c", 9),
        ("all-cnn", 63),
        ("vgg19-bn", 32),
        ("inception-v3", 75),
        ("densenet121", 29),
        ("squeezenet-1.0", 21),
        ("squeezenet-1.1", 17),
        ("deepface", 72),
        ("googlenet", 31),
        ("googlenet-aux", 79),
        ("googlenet-bn", 15),
    ],
)
def test_an_image_that_is_too_small_is_told_the_smallest(name: str, smallest: int) -> None:
    network = zoo.find(name)
    assert network.graph(2, (1, smallest, smallest)).shapes["input"] == (1, smallest, smallest)
    with pytest.raises(LayerError) as caught:
        zoo.create(name, classes=2, input_shape=(1, smallest - 1, smallest + 7), engine="reference")
    assert re.search(rf"; {name} takes images of {smallest} x {smallest} and larger$", str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["resnet101", "resnet110", "mobilenet-v2", "efficientnet-b0"])
def test_networks_that_end_in_a_mean_take_any_size_classes_and_channels(name: str) -> None:
    graph = zoo.find(name).graph(3, (1, 1, 9))
    assert graph.shapes[graph.outputs[0]] == (3,)


def test_any_size_classes_and_channels_for_vgg() -> None:
    # The stem has one channel instead of three, fc1 sees 2 x 2 cells, fc3 has 3 rows.
    net = zoo.create("vgg16", classes=3, input_shape=(1, 64, 64), engine="reference")
    assert net.parameter_count == 138_357_544 - 2 * 9 * 64 - 512 * (49 - 4) * 4096 - 997 * 4097


def test_conv_blocks_are_as_many_as_the_name_says() -> None:
    net = zoo.create("conv-blocks-2-3-0-2", classes=4, input_shape=(1, 8, 8), engine="reference")
    kinds = [node.layer.name for node in net.graph.nodes]
    block = ["Conv2d", "ReLU"] * 3
    assert kinds == ["Input", *block, *block, "Flatten", *["Linear", "ReLU"] * 2, "Linear"]
    assert net.name == "conv-blocks-2-3-0-2"
    assert net.graph.shapes["flatten1"] == (32 * 8 * 8,)
    with pytest.raises(LayerError, match="conv-blocks: N and M are at least 1"):
        zoo.create("conv-blocks-0-1-1-1", engine="reference")
    with pytest.raises(LayerError, match=r"at most 1000, received 99999"):
        zoo.create("conv-blocks-9999-9-1-9", engine="reference")
    with pytest.raises(UnknownNameError, match="did you mean conv-blocks"):
        zoo.create("conv-blocks-1", engine="reference")
