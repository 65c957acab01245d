"""The networks are wired as published, counted parameter by parameter, and run."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from pellucid import zoo
from pellucid.errors import LayerError, UnknownNameError
from pellucid.layers import Sigmoid
from pellucid.model import Model
from pellucid.objectives import MaximumAPosteriori
from pellucid.zoo.glyphs import HEIGHT, MINIMUM_HAMMING_DISTANCE, WIDTH, prototypes
from pellucid.zoo.lenet_1998 import C3_CONNECTIONS
from pellucid.zoo.mlp import mlp_graph


def trainable(net: Model, node: str) -> int:
    specs = net.graph.node(node).layer.parameters(net.graph.input_shapes(net.graph.node(node)))
    return sum(math.prod(spec.shape) for spec in specs if spec.role == "trainable")


def images_for(net: Model, count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).random((count, *net.graph.shapes["input"]), np.float32)


COUNTS = {
    "lenet5": 61_706,
    "lenet5-1998": 60_000,
    "mlp": 109_386,
    "perceptron": 3,
    "tiny-vgg": 19_920,
    "conv-blocks": 204_570,
    "alexnet": 61_100_840,
    "alexnet-2012": 60_965_224,
    "all-cnn-c": 1_369_738,
    "all-cnn": 9_372_840,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11-bn": 132_868_840,
    "vgg13-bn": 133_053_736,
    "vgg16-bn": 138_365_992,
    "vgg19-bn": 143_678_248,
    "googlenet": 6_998_552,
    "googlenet-aux": 13_378_280,
    "googlenet-bn": 6_624_904,
    "googlenet-bn-aux": 13_004_888,
    "inception-v3": 23_834_568,
    "inception-v3-aux": 27_161_264,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "densenet121": 7_978_856,
    "densenet161": 28_681_000,
    "densenet169": 14_149_480,
    "densenet201": 20_013_928,
    "squeezenet-1.0": 1_248_424,
    "squeezenet-1.1": 1_235_496,
    "mobilenet-v2": 3_504_872,
    "efficientnet-b0": 5_288_548,
    "deepface": 118_923_774,
}
SMALL = ("lenet5", "lenet5-1998", "mlp", "perceptron", "tiny-vgg")
"""Networks that take the reference engine a moment, not a minute."""


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_has_exactly_so_many_trainable_parameters(name: str, count: int) -> None:
    network = zoo.find(name)
    specs = network.graph(network.classes, network.input_shape).parameters.values()
    assert sum(math.prod(spec.shape) for spec in specs if spec.role == "trainable") == count


def test_names_are_those_of_the_table() -> None:
    assert zoo.names() == tuple(COUNTS)


@pytest.mark.parametrize("name", SMALL)
def test_a_network_runs_and_its_seed_decides_its_parameters(name: str) -> None:
    net, same, other = (zoo.create(name, seed=seed, engine="reference") for seed in (1, 1, 2))
    output = net.predict(images_for(net))
    assert output.shape == (2, *net.graph.shapes[net.graph.outputs[0]])
    assert np.isfinite(output).all()
    np.testing.assert_array_equal(output, same.predict(images_for(net)))
    if name != "perceptron":  # which starts at zero, as Rosenblatt's did
        assert not np.array_equal(output, other.predict(images_for(net)))


def test_an_unknown_network_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown network 'lenet-5'; did you mean lenet5"):
        zoo.create("lenet-5", engine="reference")


def test_a_name_is_known_or_not() -> None:
    assert zoo.is_known("vgg16")
    assert zoo.is_known("conv-blocks-2-2-1-0")
    assert not zoo.is_known("vgg12")
    assert not zoo.is_known("conv-blocks-2-2-1")


def test_lenet5_fits_other_classes_channels_and_sizes() -> None:
    # conv1 3*6*25+6, conv2 unchanged, 16 maps of 6x6 into 120, 84 into 26.
    net = zoo.create("lenet5", classes=26, input_shape=(3, 32, 32), engine="reference")
    assert net.parameter_count == 456 + 2_416 + (576 * 120 + 120) + 10_164 + (84 * 26 + 26)
    assert net.predict(images_for(net)).shape == (2, 26)


def test_lenet5_refuses_an_image_that_is_too_small() -> None:
    assert zoo.create("lenet5", input_shape=(1, 12, 12), engine="reference").graph.shapes["pool2"] == (
        16,
        1,
        1,
    )
    with pytest.raises(LayerError, match=r"^pool2: .*received '1 \+ 0 \+ 0'"):
        zoo.create("lenet5", input_shape=(1, 11, 11), engine="reference")


def test_lenet5_of_1998_has_the_counts_of_the_paper() -> None:
    net = zoo.create("lenet5-1998", engine="reference")
    counts = {node: trainable(net, node) for node in ("c1", "s2", "c3", "s4", "c5", "f6", "output")}
    assert counts == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164, "output": 0}
    assert net.parameters["output.prototypes"].size == 840
    assert [net.graph.shapes[node] for node in ("c1", "s2", "c3", "s4", "c5", "f6", "output")] == [
        (6, 28, 28),
        (6, 14, 14),
        (16, 10, 10),
        (16, 5, 5),
        (120, 1, 1),
        (84,),
        (10,),
    ]


def test_table_1_connects_as_the_paper_says() -> None:
    # "the first six C3 maps take inputs from every contiguous subset of three maps in S2", cyclically, ...
    rows = [set(row) for row in C3_CONNECTIONS]
    assert sorted(map(sorted, rows[:6])) == sorted(sorted((i + k) % 6 for k in range(3)) for i in range(6))
    # "... the next six from every contiguous subset of four, the next three from discontinuous subsets of
    # four, and the last one from all".
    assert sorted(map(sorted, rows[6:12])) == sorted(sorted((i + k) % 6 for k in range(4)) for i in range(6))
    assert [len(row) for row in rows[12:]] == [4, 4, 4, 6]
    assert len({frozenset(row) for row in rows}) == 16
    # Every S2 map is seen by 10 of the 16.
    assert [sum(i in row for row in rows) for i in range(6)] == [10] * 6


def test_lenet5_of_1998_feeds_background_and_ink_as_the_paper_does() -> None:
    net = zoo.create("lenet5-1998", engine="reference")
    images = np.zeros((1, 1, 32, 32), np.float32)
    images[0, 0, 5, 7] = 1
    normalized = net.trace(images, nodes=["normalize"])["normalize"]
    assert normalized[0, 0, 5, 7] == pytest.approx(1.175, abs=1e-6)
    assert normalized[0, 0, 0, 0] == pytest.approx(-0.1, abs=1e-6)


def test_lenet5_of_1998_computes_what_the_paper_writes() -> None:
    net = zoo.create("lenet5-1998", seed=3, engine="reference")
    p = {name: torch.from_numpy(array.copy()) for name, array in net.parameters.items()}
    images = images_for(net)

    def squash(a: torch.Tensor) -> torch.Tensor:
        return 1.7159 * torch.tanh(2 / 3 * a)

    def subsample(x: torch.Tensor, node: str) -> torch.Tensor:
        total = functional.avg_pool2d(x, 2) * 4
        return total * p[f"{node}.coefficient"][:, None, None] + p[f"{node}.bias"][:, None, None]

    kernels, weights = iter(p["c3.weight"]), torch.zeros(16, 6, 5, 5)
    for o, row in enumerate(C3_CONNECTIONS):
        for i in row:
            weights[o, i] = next(kernels)
    x = torch.from_numpy(images) * 1.275 - 0.1
    x = squash(functional.conv2d(x, p["c1.weight"], p["c1.bias"]))
    x = squash(subsample(x, "s2"))
    x = squash(functional.conv2d(x, weights, p["c3.bias"]))
    x = squash(subsample(x, "s4"))
    x = squash(functional.conv2d(x, p["c5.weight"], p["c5.bias"])).flatten(1)
    x = squash(functional.linear(x, p["f6.weight"], p["f6.bias"]))
    distances = ((x[:, None, :] - p["output.prototypes"]) ** 2).sum(-1)
    np.testing.assert_allclose(net.predict(images), -distances.numpy(), rtol=1e-5)


def test_lenet5_of_1998_scores_by_distance_under_its_own_criterion() -> None:
    net = zoo.create("lenet5-1998", classes=4, engine="reference")
    assert net.output_kind == "scores"
    assert net.recipe.objective == MaximumAPosteriori()
    np.testing.assert_array_equal(net.parameters["output.prototypes"], prototypes()[:4])
    with pytest.raises(LayerError, match="prototypes for 10 classes, received 11"):
        zoo.create("lenet5-1998", classes=11, engine="reference")


def test_glyphs_are_ten_distinct_bitmaps_of_7_by_12() -> None:
    glyphs = prototypes()
    assert glyphs.shape == (10, WIDTH * HEIGHT) == (10, 84)
    assert set(np.unique(glyphs)) == {-1.0, 1.0}
    distances = (glyphs[:, None] != glyphs[None]).sum(axis=-1)
    apart = distances[~np.eye(10, dtype=bool)]
    assert apart.min() == MINIMUM_HAMMING_DISTANCE == 18


def test_a_glyph_reads_from_the_top_left() -> None:
    seven = prototypes()[7].reshape(HEIGHT, WIDTH)
    assert (seven[0] == 1).all()
    assert seven[-1].tolist() == [-1, -1, 1, 1, -1, -1, -1]


def test_the_mlp_of_the_lecture_is_the_same_builder() -> None:
    net = Model(mlp_graph(2, (2,), widths=(2, 2), activation=Sigmoid()), engine="reference")
    assert [node.layer.name for node in net.graph.nodes] == [
        "Input",
        "Flatten",
        "Linear",
        "Sigmoid",
        "Linear",
        "Sigmoid",
        "Linear",
    ]
    layers = ([[1, -2], [-1, 1]], [1, 0]), ([[2, -1], [-2, -1]], [0, 0]), ([[3, -1], [-1, 4]], [-2, 2])
    for number, (weight, bias) in enumerate(layers, start=1):
        net.set_parameters({f"fc{number}.weight": weight, f"fc{number}.bias": bias})
    outputs = 1 / (1 + np.exp(-net.predict([[1, -1], [0, 0]])))
    np.testing.assert_allclose(outputs, [[0.62, 0.83], [0.51, 0.85]], atol=0.005)


def test_a_perceptron_separates_two_classes_only() -> None:
    assert zoo.create("perceptron", input_shape=(1, 8, 8), engine="reference").parameter_count == 65
    with pytest.raises(LayerError, match="perceptron: separates two classes, received 3"):
        zoo.create("perceptron", classes=3, engine="reference")
