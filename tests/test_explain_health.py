"""Health: every planted fault is found and named, and a sound network is left in peace."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

import pellucid
from pellucid import explain
from pellucid.engines.reference.channel_activation import softmax
from pellucid.errors import DataError
from pellucid.explain import Finding, Report, Thresholds, check_health
from pellucid.layers import (
    BatchNorm2d,
    Clip,
    Conv2d,
    ConvTranspose2d,
    Divide,
    Flatten,
    Hardsigmoid,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    ReLU6,
    ScaledTanh,
    Sigmoid,
    Softmax,
    Tanh,
)
from pellucid.model import Model, Sequential
from pellucid.optimizers import SGD, AdamW, Constant
from pellucid.recipe import Recipe

IMAGES = np.random.default_rng(0).random((60, 1, 10, 10), np.float32)
CLASSES = np.arange(60) % 4


def network(*layers: Layer, seed: int = 1, recipe: Recipe | None = None) -> Model:
    return Sequential(*layers, input_shape=(1, 10, 10), seed=seed, engine="reference", recipe=recipe)


def only(report: Report, kind: str) -> Finding:
    """The one finding of a kind."""
    (finding,) = report.of_kind(kind)
    return finding


def kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_trained_lenet5_is_left_in_peace(engine: str) -> None:
    data = pellucid.data.load("digits")
    trained = pellucid.zoo.create("lenet5", seed=3)
    pellucid.train(trained, data, epochs=6, learning_rate=0.02, seed=3, progress=False)
    net = Model(trained.graph, trained.parameters, engine=engine, recipe=trained.recipe, name="lenet5")
    report = check_health(net, data if engine == "native" else data.test.subset(range(40)))
    assert report.findings == ()
    assert str(report) == f"lenet5: nothing found, {report.images} images looked at"
    assert report.layers["fc3"].signal == 1
    assert report.calibration is not None
    assert report.calibration.counts.sum() == report.images
    assert report.calibration.error < 0.15


@pytest.mark.parametrize("build", [ReLU, ReLU6])
def test_dead_rectifiers_are_counted(build: type[Layer]) -> None:
    net = network(Conv2d(6, 3), build(), Flatten(), Linear(4))
    bias = np.zeros(6)
    bias[[1, 2, 5]] = -100
    net.set_parameters({"conv1.bias": bias})
    report = check_health(net, IMAGES)
    finding = only(report, "dead")
    assert (finding.node, finding.value, finding.threshold) == ("relu1", 0.5, 0.4)
    assert finding.sentence == (
        "relu1: 3 of 6 channels (50%) are 0 for all 60 images, where up to 40% would be usual"
    )
    assert "learning rate" in finding.remedy
    assert (report.layers["relu1"].dead, report.layers["relu1"].channels) == (3, 6)
    assert check_health(net, IMAGES[:20]).of_kind("dead") == ()  # too few to say


def test_one_lively_image_in_the_last_batch_brings_a_channel_to_life() -> None:
    net = network(Conv2d(2, 3), ReLU(), Flatten(), Linear(4))
    net.set_parameters({"conv1.weight": np.ones((2, 1, 3, 3)), "conv1.bias": [-12.0, 0.0]})
    images = np.concatenate([IMAGES * 0.5] * 3)
    assert check_health(net, images, memory=1).layers["relu1"].dead == 1
    images[-1] = 2
    assert check_health(net, images, memory=1).layers["relu1"].dead == 0


def test_a_leaky_rectifier_cannot_die() -> None:
    net = network(Conv2d(2, 3), LeakyReLU(), Flatten(), Linear(4))
    net.set_parameters({"conv1.bias": [-100.0, -100.0]})
    assert check_health(net, IMAGES).of_kind("dead") == ()


@pytest.mark.parametrize(
    ("layer", "bias"),
    [
        (Sigmoid(), 9),
        (Sigmoid(), -9),
        (Tanh(), 9),
        (ScaledTanh(), -9),
        (Hardsigmoid(), 9),
        (ReLU6(), 99),
        (Clip(-1, 1), -9),
    ],
)
def test_saturated_units_are_found(layer: Layer, bias: float) -> None:
    net = network(Conv2d(4, 3), layer, Flatten(), Linear(4))
    net.set_parameters({"conv1.bias": np.array([bias, bias, bias, 0.0])})
    node = net.graph.nodes[2].name
    finding = only(check_health(net, IMAGES), "saturated")
    assert finding.node == node
    assert finding.value >= 0.75
    net.set_parameters(
        {"conv1.bias": np.array([bias, 0.0, 0.0, 0.0]), "conv1.weight": np.zeros((4, 1, 3, 3))}
    )
    assert check_health(net, IMAGES).layers[node].saturated == 0.25


def test_a_sure_output_is_no_fault() -> None:
    net = network(Flatten(), Linear(4), Sigmoid())
    net.set_parameters({"fc1.bias": np.full(4, 30.0)})
    assert check_health(net, IMAGES).of_kind("saturated") == ()


def test_a_vanishing_signal_names_the_layer_that_hears_least() -> None:
    layers = [layer for _ in range(8) for layer in (Linear(12), Sigmoid())]
    report = check_health(network(Flatten(), *layers, Linear(4)), IMAGES, CLASSES)
    finding = only(report, "vanishing")
    assert finding.node == "fc1"
    assert finding.value < 1e-3
    assert "fc9" in finding.sentence
    signals = [report.layers[f"fc{number}"].signal for number in range(1, 10)]
    assert signals == sorted(signals)
    assert signals[-1] == 1


def test_an_exploding_signal_is_found_and_its_norms_are_the_gradients() -> None:
    net = network(Flatten(), *(layer for _ in range(4) for layer in (Linear(12), ReLU())), Linear(4))
    net.set_parameters(
        {name: net.parameters[name] * 20 for name in net.parameters if name.endswith("weight")}
    )
    report = check_health(net, IMAGES, CLASSES)
    finding = only(report, "exploding")
    assert finding.node == "fc1"
    nodes = ("fc1", "fc5")
    gradients = net.gradients(IMAGES, CLASSES, nodes=nodes)
    first, last = (np.linalg.norm(gradients.nodes[name]) for name in nodes)
    assert finding.value == pytest.approx(first / last, rel=1e-4)
    assert report.layers["fc3"].gradient_norm == pytest.approx(
        np.linalg.norm(gradients["fc3.weight"]), rel=1e-4
    )


@pytest.mark.parametrize("optimizer", [SGD(), SGD(0.9), SGD(clip_norm=0.01), AdamW()])
def test_the_update_ratio_is_that_of_the_step_that_training_would_do(optimizer: pellucid.Optimizer) -> None:
    recipe = Recipe(optimizer=optimizer, schedule=Constant(0.01), batch_size=60)
    net = network(Flatten(), Linear(8), ReLU(), Linear(4), recipe=recipe)
    ratio = check_health(net, IMAGES, CLASSES).layers["fc1"].update_ratio
    before = net.parameters["fc1.weight"].copy()
    pellucid.train(net, (IMAGES, CLASSES), epochs=1, progress=False)
    moved = np.linalg.norm(net.parameters["fc1.weight"] - before) / np.linalg.norm(before)
    assert ratio == pytest.approx(moved, rel=1e-3)


@pytest.mark.parametrize(("rate", "kind"), [(1e3, "large update"), (1e-9, "lost update")])
def test_a_step_that_rewrites_or_is_rounded_away_is_found(rate: float, kind: str) -> None:
    net = network(Flatten(), Linear(8), ReLU(), Linear(4))
    report = check_health(net, IMAGES, CLASSES, learning_rate=rate)
    finding = only(report, kind)
    ratios = {name: report.layers[name].update_ratio for name in ("fc1", "fc2")}
    choose = max if kind == "large update" else min
    assert finding.node == choose(ratios, key=lambda name: ratios[name])
    assert finding.value == ratios[finding.node]
    assert "as in 1 other layer" in finding.sentence
    assert kinds(check_health(net, IMAGES, CLASSES, learning_rate=0.05)) == set()


def test_a_broken_weight_is_named() -> None:
    net = network(Conv2d(2, 3), ReLU(), Flatten(), Linear(4))
    weight = net.parameters["conv1.weight"].copy()
    weight[0, 0, 1, 1] = np.nan
    net.set_parameters({"conv1.weight": weight})
    finding = only(check_health(net, IMAGES, CLASSES), "non-finite")
    assert (finding.node, finding.sentence) == ("conv1", "conv1.weight holds a NaN (1 of 18 numbers)")


def test_an_infinity_is_followed_to_its_layer_and_image() -> None:
    net = network(Conv2d(2, 3), BatchNorm2d(), ReLU(), Conv2d(2, 3), Flatten(), Linear(4))
    net.set_parameters({"norm1.weight": np.full(2, 1e30), "conv2.weight": np.full((2, 2, 3, 3), 1e20)})
    images = IMAGES.copy()
    images[:41] = 0
    finding = only(check_health(net, images, memory=1), "non-finite")
    assert finding.node == "conv2"
    assert finding.sentence == "conv2 is the first layer with an infinity, at image 41"


def test_a_broken_image_is_named() -> None:
    images = IMAGES.copy()
    images[17, 0, 3, 3] = np.inf
    finding = only(check_health(network(Flatten(), Linear(4)), images, CLASSES), "non-finite")
    assert (finding.node, finding.sentence) == ("input", "input: image 17 itself holds an infinity")


def test_a_gradient_that_is_not_finite_is_followed_to_its_layer() -> None:
    builder = pellucid.GraphBuilder()
    flat = builder.add(Flatten(), builder.input((1, 10, 10)))
    small = builder.add(Linear(4, initializer="zeros"), flat, name="small")
    scaled = builder.add(Divide(), small, builder.add(Linear(4, initializer="zeros"), flat, name="tiny"))
    net = Model(builder.graph([scaled]), engine="reference", output_kind="logits")
    net.set_parameters({"tiny.bias": np.full(4, 1e-42), "small.bias": np.full(4, 1e-42)})
    finding = only(check_health(net, IMAGES, CLASSES), "non-finite")
    assert finding.node == "tiny"  # dJ/db = -delta (a / b) / b, and 0.25 / 1e-42 is beyond float32
    assert "in its gradient" in finding.sentence


def test_unused_columns_are_found_where_a_stride_steps_over_the_end() -> None:
    report = check_health(network(Conv2d(2, 3, stride=2), ReLU(), Flatten(), Linear(4)), IMAGES)
    finding = only(report, "unused columns")
    assert (finding.node, finding.value) == ("conv1", 1)
    assert finding.sentence == "conv1: its stride leaves the last 1 row and 1 column of its input unused"
    assert report.layers["conv1"].unused == (1, 1)


@pytest.mark.parametrize("scale", [1.0, 3.0, -0.5])
def test_duplicate_filters_are_found_whatever_their_length_and_sign(scale: float) -> None:
    net = network(Conv2d(8, 3), ReLU(), Flatten(), Linear(4))
    weight = net.parameters["conv1.weight"].copy()
    weight[6] = scale * weight[2]
    net.set_parameters({"conv1.weight": weight})
    report = check_health(net, IMAGES)
    finding = only(report, "duplicate filters")
    assert finding.node == "conv1"
    assert "filters 2 and 6 are nearly the same" in finding.sentence
    assert ("but for their sign" in finding.sentence) == (scale < 0)
    assert report.layers["conv1"].duplicates[0] == (2, 6, pytest.approx(np.sign(scale)))


def test_among_many_alike_the_nearest_are_named() -> None:
    net = network(Flatten(), Linear(600))
    net.set_parameters({"fc1.weight": np.ones((600, 100))})
    report = check_health(net, IMAGES)
    assert only(report, "duplicate filters").sentence.endswith(", and many more pairs are")
    assert len(report.layers["fc1"].duplicates) == 20


def test_long_filters_are_compared_by_a_sketch_and_then_exactly() -> None:
    net = Sequential(Flatten(), Linear(700), input_shape=(1, 40, 40), engine="reference")
    weight = net.parameters["fc1.weight"].copy()
    noise = np.random.default_rng(1).normal(0, 1, (2, 1600)) * weight[3].std()
    weight[650] = weight[3] + 0.1 * noise[0]  # cosine 0.995
    weight[651] = weight[4] + 0.3 * noise[1]  # cosine 0.958
    net.set_parameters({"fc1.weight": weight})
    (pair,) = check_health(net, np.zeros((1, 1, 40, 40))).layers["fc1"].duplicates
    expected = weight[3] @ weight[650] / np.linalg.norm(weight[3]) / np.linalg.norm(weight[650])
    assert pair == (3, 650, pytest.approx(expected, rel=1e-5))


def test_filters_of_different_groups_are_not_duplicates() -> None:
    layers = (Conv2d(4, 1), Conv2d(4, 3, groups=4), ConvTranspose2d(4, 3, groups=2), Flatten(), Linear(300))
    net = network(*layers)
    depthwise = np.repeat(net.parameters["conv2.weight"][:1], 4, axis=0)
    transposed = net.parameters["deconv1.weight"].copy()
    transposed[:2, 1] = transposed[:2, 0]  # the first group's two filters
    fully = net.parameters["fc1.weight"].copy()
    fully[280] = fully[10]  # in another block of the comparison
    net.set_parameters({"conv2.weight": depthwise, "deconv1.weight": transposed, "fc1.weight": fully})
    found = {f.node: f.sentence for f in check_health(net, IMAGES).of_kind("duplicate filters")}
    assert set(found) == {"deconv1", "fc1"}
    assert "filters 0 and 1" in found["deconv1"]
    assert "filters 10 and 280" in found["fc1"]


def overconfident(count: int) -> tuple[Model, np.ndarray, np.ndarray]:
    """A network sure of class 0 whatever it sees, and as many images of four classes."""
    net = network(Flatten(), Linear(4, initializer="zeros"))
    net.set_parameters({"fc1.bias": [8.0, 0.0, 0.0, 0.0]})
    return net, np.zeros((count, 1, 10, 10), np.float32), np.arange(count) % 4


def test_overconfidence_is_found_and_measured() -> None:
    report = check_health(*overconfident(200))
    finding = only(report, "calibration")
    assert finding.value == pytest.approx(float(softmax(np.array([[8.0, 0, 0, 0]])).max()) - 0.25)
    assert "more sure than right" in finding.sentence
    assert check_health(*overconfident(60)).of_kind("calibration") == ()  # too few to say


@pytest.mark.parametrize("ends_in_softmax", [False, True])
def test_the_calibration_agrees_with_scikit_learn(ends_in_softmax: bool) -> None:
    layers = (Flatten(), Linear(4), *((Softmax(),) if ends_in_softmax else ()))
    net = network(*layers, seed=5)
    images = np.random.default_rng(3).normal(0, 1, (500, 1, 10, 10)).astype(np.float32)
    classes = np.random.default_rng(4).integers(0, 4, 500)
    found = check_health(net, images, classes).calibration
    assert found is not None
    scores = net.trace(images)["fc1"].astype(np.float64)
    shares = softmax(scores)
    accuracy, confidence = calibration_curve(shares.argmax(1) == classes, shares.max(1), n_bins=15)
    filled = found.counts > 0
    np.testing.assert_allclose(found.accuracy[filled], accuracy)
    np.testing.assert_allclose(found.confidence[filled], confidence, rtol=1e-6)
    expected = (np.abs(accuracy - confidence) * found.counts[filled]).sum() / 500
    assert found.error == pytest.approx(expected)


def test_batches_of_any_size_count_the_same() -> None:
    net = network(Conv2d(3, 3), Tanh(), MaxPool2d(2), Flatten(), Linear(8), ReLU(), Linear(4))
    whole = check_health(net, IMAGES, CLASSES)
    single = check_health(net, IMAGES, CLASSES, memory=1)
    assert whole.layers.keys() == single.layers.keys()
    assert whole.layers["relu1"] == single.layers["relu1"]
    for name in ("conv1", "fc1"):
        assert whole.layers[name].signal == pytest.approx(single.layers[name].signal, rel=1e-3)


def test_thresholds_are_the_askers() -> None:
    net = network(Conv2d(6, 3), ReLU(), Flatten(), Linear(4))
    net.set_parameters({"conv1.bias": [-100.0, 0, 0, 0, 0, 0]})
    assert check_health(net, IMAGES).of_kind("dead") == ()
    assert only(check_health(net, IMAGES, thresholds=Thresholds(dead_share=0.1)), "dead").value == 1 / 6


def test_the_gravest_come_first_and_each_line_ends_with_its_remedy() -> None:
    net = network(Conv2d(6, 3, stride=2), ReLU(), Flatten(), Linear(4))
    net.set_parameters({"conv1.bias": np.full(6, -100.0)})
    report = check_health(net, IMAGES)
    assert [finding.kind for finding in report.findings] == ["dead", "unused columns"]
    assert all(line.endswith(".") for line in str(report).splitlines())


def test_data_that_do_not_fit_are_refused_in_one_line() -> None:
    net = network(Flatten(), Linear(4))
    with pytest.raises(DataError, match=r"input: expects one image or more of shape \(1, 10, 10\)"):
        check_health(net, IMAGES[:, :, :5])
    with pytest.raises(DataError, match="one image or more"):
        check_health(net, IMAGES[:0])
    with pytest.raises(DataError, match="classes are 0 to 3"):
        check_health(net, IMAGES, CLASSES + 1)
    split = pellucid.data.load("digits").test
    with pytest.raises(DataError, match="a split has its own classes"):
        check_health(pellucid.zoo.create("lenet5"), split, split.labels)


def test_health_is_public() -> None:
    assert explain.check_health is check_health
