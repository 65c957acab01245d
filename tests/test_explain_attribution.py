"""What attribution promises besides its numbers: completeness, layers, notes, memory, the same bits."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from attribution_cases import Pair, pair
from numpy.typing import ArrayLike

import pellucid
from pellucid import zoo
from pellucid.errors import DataError
from pellucid.explain import attribution, passes
from pellucid.explain.attribution import Attribution
from pellucid.explain.attribution.layer_choice import last_maps
from pellucid.explain.attribution.path import Quadrature
from pellucid.explain.attribution.rectifiers import rectifiers
from pellucid.explain.target import Target, choose_target, score_node
from pellucid.graph import GraphBuilder
from pellucid.model import Model


@pytest.fixture(scope="module")
def case() -> Pair:
    return pair("chain")


# ---- integrated gradients


@pytest.mark.parametrize("name", ["chain", "residual"])
def test_steps_are_raised_until_the_values_add_up_to_the_change_in_score(name: str) -> None:
    example = pair(name, count=40)
    found = attribution.integrated_gradients(example.model, example.images, example.classes)
    node = score_node(example.model.graph)
    ends = np.concatenate([example.images, np.zeros_like(example.images[:1])])
    scores = example.model.trace(ends, nodes=(node,))[node]
    change = (scores[:-1] - scores[-1])[range(40), example.classes]
    sums = found.values.reshape(40, -1).sum(axis=1)
    assert found.gap is not None
    assert (np.abs(sums - change) <= 0.0101 * np.abs(change)).all()
    assert (found.gap <= 0.01).all()
    assert found.settings["steps"] > 16
    assert found.notes == ()


def test_a_gap_that_stays_is_told(case: Pair) -> None:
    found = attribution.integrated_gradients(case.model, case.images, case.classes, most_steps=2)
    assert found.settings["steps"] == 2
    assert found.gap is not None
    wide = int((found.gap > 0.01).sum())
    assert wide > 0
    assert found.notes[0].startswith(f"After 2 steps the values of {wide} of 5 image(s) miss the change")


def test_an_image_that_is_the_baseline_gets_nothing(case: Pair) -> None:
    found = attribution.integrated_gradients(case.model, case.images[0], 1, baseline=case.images[0])
    assert not found.values.any()
    assert found.gap is not None
    assert found.gap.tolist() == [0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quadrature": "simpson"}, "quadrature is one of gauss-legendre, .* received 'simpson'"),
        ({"steps": 0, "most_steps": 0}, "steps are at least 1, received 0"),
        ({"steps": 1, "quadrature": "riemann-left"}, "steps are at least 2, received 1"),
        ({"baseline": np.zeros(3)}, r"a baseline is a number or one image \(3, 12, 10\)"),
    ],
)
def test_wrong_settings_are_refused(case: Pair, settings: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        attribution.integrated_gradients(case.model, case.images, **settings)


# ---- noise


def test_the_same_seed_gives_the_same_bits_and_another_does_not(case: Pair) -> None:
    first, second, other = (
        attribution.smoothgrad(case.model, case.images, samples=5, seed=seed).values for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_an_images_noise_does_not_depend_on_those_after_it(case: Pair) -> None:
    one = attribution.smoothgrad(case.model, case.images[:1], samples=4)
    all_of_them = attribution.smoothgrad(case.model, case.images, one.target.classes[0], samples=4)
    np.testing.assert_allclose(all_of_them.values[:1], one.values, rtol=1e-4, atol=1e-6)


def test_noise_of_a_wrong_shape_is_refused(case: Pair) -> None:
    with pytest.raises(DataError, match=r"expects \(5, samples, 3, 12, 10\), received \(5, 2, 3, 12, 1\)"):
        attribution.smoothgrad(case.model, case.images, noise=np.zeros((5, 2, 3, 12, 1)))


# ---- layers


@pytest.mark.parametrize(
    ("network", "layer"),
    [
        ("lenet5", "pool2"),
        ("densenet121", "relu5"),
        ("resnet18", "unit4_2_relu"),
        ("googlenet", "inception5b"),
    ],
)
def test_grad_cams_layer_is_the_last_that_has_places(network: str, layer: str) -> None:
    graph = zoo.create(network, engine="reference").graph
    name, reason = last_maps(graph, score_node(graph))
    assert name == layer
    channels, height, width = graph.shapes[layer]
    assert f"{channels} maps of {height} x {width}" in reason


def test_nothing_goes_past_the_layer_that_is_chosen() -> None:
    builder = GraphBuilder()
    x = builder.add(pellucid.Conv2d(2, kernel_size=3), builder.input((1, 6, 6)), name="stem")
    one = builder.add(pellucid.ReLU(), x, name="one")
    other = builder.add(pellucid.Tanh(), x, name="other")
    pooled = [builder.add(pellucid.GlobalAvgPool(), branch) for branch in (one, other)]
    builder.add(pellucid.Concat(), *pooled, name="both")
    graph = builder.graph()
    assert last_maps(graph, "both")[0] == "stem"
    found = attribution.grad_cam(Model(graph), np.ones((1, 1, 6, 6)), 0, layer="other")
    assert (found.layer, found.reason) == ("other", "It was asked for.")


def test_a_network_without_maps_has_no_grad_cam() -> None:
    net = pellucid.Sequential(pellucid.Flatten(), pellucid.Linear(3), input_shape=(1, 4, 4))
    with pytest.raises(DataError, match="fc1: depends on no maps but the input's"):
        attribution.grad_cam(net, np.zeros((1, 4, 4)))


@pytest.mark.parametrize(
    ("layer", "message"),
    [("relu3", r"maps of 2 axes, received \(12,\)"), ("fc2", "relu3 does not"), ("conv9", "node")],
)
def test_a_layer_without_maps_is_refused(case: Pair, layer: str, message: str) -> None:
    target = Target("relu3", np.zeros((5, 1), np.int64)) if layer == "fc2" else 0
    with pytest.raises(pellucid.errors.PellucidError, match=message):
        attribution.grad_cam(case.model, case.images, target, layer=layer)


def test_a_map_without_a_positive_value_is_told() -> None:
    net = pellucid.Sequential(
        pellucid.Conv2d(2, kernel_size=3),
        pellucid.ReLU(),
        pellucid.GlobalAvgPool(),
        pellucid.Linear(2),
        input_shape=(1, 8, 8),
    )
    net.set_parameters({"conv1.bias": [1.0, 1.0], "fc1.weight": [[1.0, 1.0], [-1.0, -1.0]]})
    image = np.random.default_rng(0).random((1, 8, 8), np.float32)
    found = attribution.grad_cam(net, np.stack([image, image]), [0, 1])
    assert found.values[0].max() > 0
    assert not found.values[1].any()
    assert found.coarse is not None
    assert found.coarse[1].max() < 0
    assert found.notes[0].startswith("Image 1: every value is negative or zero")


# ---- rules


def test_rules_are_put_on_every_rectifier_before_the_target() -> None:
    graph = zoo.create("lenet5", engine="reference").graph
    assert rectifiers(graph, "fc3") == ("relu1", "relu2", "relu3", "relu4")
    assert rectifiers(graph, "conv2") == ("relu1",)


def test_networks_that_rectify_otherwise_are_told() -> None:
    net = pellucid.Sequential(
        pellucid.Conv2d(2, kernel_size=3),
        pellucid.ReLU6(),
        pellucid.Flatten(),
        pellucid.Linear(2),
        input_shape=(1, 5, 5),
    )
    image = np.random.default_rng(0).normal(size=(1, 5, 5))
    plain, guided = attribution.saliency(net, image, 1, absolute=False), attribution.deconvnet(net, image, 1)
    np.testing.assert_array_equal(plain.values, guided.values)
    assert guided.notes[0].startswith("There is no ReLU on the way to the target")
    assert "ReLU6" in guided.notes[1]


# ---- targets and words


@pytest.mark.parametrize("name", attribution.METHODS)
def test_every_method_explains_what_the_network_finds_and_says_so(case: Pair, name: str) -> None:
    found = attribution.METHODS[name](case.model, case.images, None)
    expected = choose_target(case.model, case.images)
    np.testing.assert_array_equal(found.target.cells, expected.cells)
    assert (found.method, found.target.node) == (name, "fc2")
    assert found.values.dtype == np.float32
    assert found.values.shape in {(5, 3, 12, 10), (5, 1, 12, 10)}
    assert found.maps.shape == (5, 12, 10)
    assert np.isfinite(found.values).all()
    first, second, *_ = found.sentences(class_names=("ant", "bee", "cat", "dog"))
    assert first == f"Method: {name}."
    assert f"{expected.classes[0]} ({('ant', 'bee', 'cat', 'dog')[expected.classes[0]]})" in second


def test_a_cell_of_any_node_can_be_explained(case: Pair) -> None:
    cell = choose_target(case.model, case.images[:1], (2, 1, 1), node="conv2")
    found = attribution.saliency(case.model, case.images[0], cell)
    _, rows, columns = np.nonzero(found.values[0])
    assert found.values.any()
    # It reads cells 1 to 3 of the pooling, which see the pixels from 2 i - 1 to 2 i + 2.
    assert {rows.min(), columns.min()} == {1}
    assert {rows.max(), columns.max()} == {8}
    assert "(2, 1, 1)" in found.sentences()[1]


@pytest.mark.parametrize("shape", [(5, 3, 12, 9), (3, 12), (0, 3, 12, 10)])
def test_wrong_images_are_refused(case: Pair, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"input: expects images of shape \(N, 3, 12, 10\), received"):
        attribution.saliency(case.model, np.zeros(shape))


@pytest.mark.parametrize("window", [(13, 2), (2, 2, 2), 0])
def test_wrong_windows_are_refused(case: Pair, window: int | tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="window"):
        attribution.occlusion(case.model, case.images, window=window)


# ---- memory and programs


def test_memory_does_not_grow_with_the_number_of_steps() -> None:
    case = pair("chain", count=8)

    def peak(steps: int) -> int:
        tracemalloc.start()
        rule: Quadrature = "riemann-middle"
        attribution.integrated_gradients(case.model, case.images, case.classes, steps=steps, quadrature=rule)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(160)
    assert peak(1600) < 1.2 * peak(160)


def test_large_networks_go_a_few_images_at_a_time() -> None:
    graph = zoo.create("resnet50", engine="reference").graph
    images = passes.images_a_pass(graph, 1000)
    cells = sum(int(np.prod(shape)) for shape in graph.shapes.values())
    assert 1 < images < passes.IMAGES_A_PASS
    assert 4 * cells * images <= passes.BYTES_A_PASS


@pytest.mark.parametrize(("count", "capacity"), [(1, 1), (100, 32), (33, 32), (64, 32), (7, 8)])
def test_a_batch_goes_in_equal_parts(count: int, capacity: int) -> None:
    parts = list(passes.parts(count, capacity))
    sizes = [part.stop - part.start for part in parts]
    assert sum(sizes) == count
    assert max(sizes) - min(sizes) <= 1
    assert len(parts) == -(-count // capacity)
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]


def test_batches_of_other_sizes_need_no_other_program(case: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(case.model.graph, case.model.parameters)
    images = np.resize(case.images, (70, *case.images.shape[1:]))
    attribution.saliency(model, images, 0)
    attribution.grad_cam(model, images, 0)
    monkeypatch.setattr(model.engine, "compile", None)
    whole = attribution.saliency(model, images, 0)
    part = attribution.saliency(model, images[:33], 0)
    np.testing.assert_allclose(part.values, whole.values[:33], rtol=1e-5, atol=1e-7)


# ---- the sanity check


def edges(model: Model, images: ArrayLike, target: Target | None) -> Attribution:
    """A map of the image's edges, which the network has no part in."""
    batch = passes.as_batch(model, images)
    assert target is not None
    return Attribution("edges", np.abs(np.gradient(batch, axis=3)).astype(np.float32), target)


def the_input(model: Model, images: ArrayLike, target: Target | None) -> Attribution:
    return replace(edges(model, images, target), method="input", values=passes.as_batch(model, images))


@pytest.mark.parametrize("method", [edges, the_input])
def test_what_ignores_the_weights_fails_the_sanity_check(case: Pair, method: attribution.Method) -> None:
    checked = attribution.sanity(case.model, case.images, method)
    assert not checked.passed
    np.testing.assert_allclose(checked.rank, 1)
    assert "fails: with all weights random its map stays" in checked.verdict


@pytest.mark.parametrize("method", [attribution.saliency, attribution.grad_cam])
def test_what_follows_the_weights_passes_the_sanity_check(case: Pair, method: attribution.Method) -> None:
    before = {name: array.copy() for name, array in case.model.parameters.items()}
    checked = attribution.sanity(case.model, case.images, method)
    assert checked.passed
    assert checked.layers == ("fc2", "fc1", "conv2", "conv1")
    assert checked.rank.shape == checked.absolute_rank.shape == (4, 5)
    assert checked.rank[-1].mean() < 0.5
    assert checked.verdict.startswith(f"{checked.method} passes")
    for name, array in case.model.parameters.items():
        np.testing.assert_array_equal(array, before[name])


def test_strength_that_follows_from_the_image_is_told(case: Pair) -> None:
    images = case.images * (np.random.default_rng(1).random(case.images.shape) ** 4)  # a few bright pixels
    checked = attribution.sanity(case.model, images, attribution.gradient_times_input)
    assert checked.passed
    assert checked.rank[-1].mean() < 0.5 < checked.absolute_rank[-1].mean()
    assert checked.verdict.endswith("follows from the image alone.")


def test_layers_may_become_random_in_fewer_stages(case: Pair) -> None:
    checked = attribution.sanity(case.model, case.images[:1], attribution.saliency, stages=2)
    assert checked.layers == ("fc1", "conv1")


def test_a_network_without_weights_has_no_sanity_check() -> None:
    net = pellucid.Sequential(pellucid.GlobalAvgPool(), input_shape=(2, 4, 4))
    with pytest.raises(DataError, match="pool1: depends on no weights"):
        attribution.sanity(net, np.zeros((2, 4, 4)), attribution.saliency)
