"""What the page shows is what the library says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from studio_cases import Page, client_of, floats, maps_of, parted, small_network, studio_of

import pellucid
from pellucid import explain
from pellucid.data.dataset import TO_UNIT
from pellucid.studio.presets import presets

MODEL = small_network()
LOSS = {"loss": True}
IMAGE = presets(MODEL)[0].pixels.astype(np.float32) * TO_UNIT


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with client_of(studio_of(MODEL)) as client:
        yield Page(client)


def test_maps_are_the_activations_within_half_a_level(page: Page) -> None:
    head, payload = page.overview()
    trace = MODEL.trace(IMAGE[None])
    assert [node["node"] for node in head["nodes"]] == [node.name for node in MODEL.graph.nodes]
    for node in head["nodes"]:
        values = trace[node["node"]][0]
        expected = values.reshape(1, 1, -1) if values.ndim == 1 else values
        found = maps_of(node, payload)
        half = (expected.max() - expected.min()) / 255 / 2 + 1e-6
        assert np.abs(found - expected).max() <= half
        assert (node["low"], node["high"]) == (float(values.min()), float(values.max()))
        assert node["total"] == len(expected)


def test_classes_are_the_most_probable_first(page: Page) -> None:
    classes = page.overview()[0]["classes"]
    output = MODEL.predict(IMAGE[None])[0]
    assert [entry["number"] for entry in classes] == np.argsort(-output).tolist()
    assert classes[0]["name"] == MODEL.class_names[int(output.argmax())]
    assert classes[0]["probability"] == pytest.approx(float(output.max()), rel=1e-6)


def test_gradients_are_the_librarys(page: Page) -> None:
    target = {"number": 2, "loss": True}
    head, payload = page.overview(what="gradient", target=target)
    expected = explain.differentiate(MODEL, IMAGE, np.array([2])).gradients.nodes
    conv = next(node for node in head["nodes"] if node["node"] == "conv2")
    gradient = expected["conv2"][0]
    assert np.abs(maps_of(conv, payload) - gradient).max() <= np.ptp(gradient) / 255 / 2 + 1e-6
    assert head["j"] == "CrossEntropy (mean of 1)"


def test_the_strongest_channels_are_shown_and_the_others_can_be_asked_for(page: Page) -> None:
    head, _ = page.overview(channels=2)
    node = next(node for node in head["nodes"] if node["node"] == "conv2")
    strength = np.abs(MODEL.trace(IMAGE[None])["conv2"][0]).mean(axis=(1, 2))
    shown = [part["channel"] for part in node["maps"]]
    assert shown == sorted(np.argsort(-strength)[:2].tolist())
    others = [channel for channel in range(6) if channel not in shown]
    head, _ = parted(page.binary("maps", trace=head["trace"], node="conv2", channels=others))
    assert [part["channel"] for part in head["nodes"][0]["maps"]] == others


def test_values_are_the_engines_to_the_bit(page: Page) -> None:
    trace = page.trace()
    expected = MODEL.trace(IMAGE[None])["conv1"][0]
    assert np.array_equal(
        floats(page.binary("values", trace=trace, node="conv1", what="activation")), expected
    )
    one = page.binary("values", trace=trace, node="conv1", what="activation", channel=3)
    assert np.array_equal(floats(one), expected[3])


def test_parameters_are_the_models_to_the_bit(page: Page) -> None:
    found = page.client.get(f"/api/models/{page.model['id']}/parameters/conv1.weight")
    assert np.array_equal(floats(found.content), MODEL.parameters["conv1.weight"])


@pytest.mark.parametrize(
    ("node", "at"),
    [
        ("input", [0, 1, 2]),
        ("conv1", [3, 0, 11]),
        ("norm1", [1, 2, 3]),
        ("relu1", [2, 5, 5]),
        ("pool1", [0, 1, 1]),
        ("conv2", [5, 3, 0]),
        ("tanh1", [4, 0, 0]),
        ("flatten1", [7]),
        ("fc1", [1]),
        ("softmax1", [2]),
    ],
)
def test_every_kind_of_sum_is_the_librarys(page: Page, node: str, at: list[int]) -> None:
    found = page.json("arithmetic", trace=page.trace(), node=node, at=at, limit=1000)
    expected = explain.arithmetic(MODEL, IMAGE, node, at)
    assert (found["value"], found["engine"], found["agrees"]) == (expected.value, expected.engine, True)
    assert found["text"] == str(expected)
    if found["winner"] is None:
        assert sum(term["product"] for term in found["terms"]) == pytest.approx(
            found["total"], rel=1e-12, abs=1e-12
        )
        assert found["rest_count"] == 0
    else:
        assert found["terms"][found["winner"]]["input"] == found["value"]
        assert found["value"] == max(term["input"] for term in found["terms"])


def test_the_rest_is_what_the_shown_terms_leave(page: Page) -> None:
    found = page.json("arithmetic", trace=page.trace(), node="conv2", at=[0, 1, 1], limit=5)
    shown = sum(term["product"] for term in found["terms"])
    assert len(found["terms"]) == 6  # and the bias
    assert found["rest_count"] == 4 * 9 - 5
    assert shown + found["rest"] == pytest.approx(found["total"], abs=1e-12)
    assert [term["weight_name"] for term in found["terms"]][-1] == "conv2.bias"


def test_terms_name_their_weights_and_cells(page: Page) -> None:
    trace = MODEL.trace(IMAGE[None])
    found = page.json("arithmetic", trace=page.trace(), node="conv2", at=[1, 2, 2], limit=1000)
    for term in found["terms"][:-1]:
        assert term["source"] == "pool1"
        assert term["input"] == float(trace["pool1"][(0, *term["cell"])])
        assert term["weight"] == float(MODEL.parameters["conv2.weight"][tuple(term["weight_cell"])])


def test_one_input_channels_terms_sum_to_its_partial(page: Page) -> None:
    found = page.json("arithmetic", trace=page.trace(), node="conv2", at=[1, 2, 2], channel=3, limit=100)
    partial = next(part for part in found["partials"] if part["channel"] == 3)
    assert {tuple(term["cell"][:1]) for term in found["terms"]} == {(3,)}
    assert sum(term["product"] for term in found["terms"]) == pytest.approx(partial["sum"], abs=1e-12)


def test_partial_maps_and_the_bias_make_the_map(page: Page) -> None:
    head, payload = parted(page.binary("partials", trace=page.trace(), node="conv2", channel=1))
    node = head["nodes"][0]
    assert [part["channel"] for part in node["maps"]] == [0, 1, 2, 3]
    total = maps_of(node, payload).sum(axis=0) + MODEL.parameters["conv2.bias"][1]
    expected = MODEL.trace(IMAGE[None])["conv2"][0, 1]
    levels = sum((part["high"] - part["low"]) / 255 / 2 for part in node["maps"])
    assert np.abs(total - expected).max() <= levels + 1e-5


@pytest.mark.parametrize(
    "layer",
    [
        pellucid.Conv2d(2, kernel_size=2, connections=((0, 2), (1,))),
        pellucid.Conv2d(4, kernel_size=3, stride=2, padding=1, groups=1, padding_mode="reflect"),
        pellucid.ConvTranspose2d(2, kernel_size=3, stride=2),
        pellucid.LocallyConnected2d(2, kernel_size=2),
    ],
    ids=["connections", "reflect", "transposed", "local"],
)
def test_partial_maps_of_every_convolution_sum_to_its_map(layer: pellucid.layers.Layer) -> None:
    model = pellucid.Sequential(("conv", layer), input_shape=(3, 9, 9))
    with client_of(studio_of(model)) as client:
        page = Page(client)
        trace = page.trace()
        head, payload = parted(page.binary("partials", trace=trace, node="conv", channel=1))
        expected = floats(page.binary("values", trace=trace, node="conv", what="activation", channel=1))
        zero = page.json("arithmetic", trace=trace, node="conv", at=[1, 0, 0], limit=1000)
    node = head["nodes"][0]
    levels = sum((part["high"] - part["low"]) / 255 / 2 for part in node["maps"])
    bias = sum(term["product"] for term in zero["terms"] if term["source"] is None)
    assert np.abs(maps_of(node, payload).sum(axis=0) + bias - expected).max() <= levels + 1e-5


def test_a_curve_is_the_activations_definition(page: Page) -> None:
    found = page.json("curve", model=page.model["id"], node="tanh1", channel=0, low=-2, high=2)
    assert np.allclose(found["outputs"], np.tanh(found["inputs"]), atol=1e-12)
    assert (found["inputs"][0], found["inputs"][-1]) == (-2, 2)


@pytest.mark.parametrize("loss", [False, True])
def test_gradient_sums_are_the_librarys(page: Page, loss: bool) -> None:
    target = {"number": 1, "loss": loss}
    found = page.json(
        "gradient-arithmetic",
        trace=page.trace(),
        parameter="conv2.weight",
        at=[0, 1, 2, 2],
        target=target,
        limit=1000,
    )
    choice = {"targets": np.array([1])} if loss else {"target": 1}
    expected = explain.gradient_arithmetic(MODEL, IMAGE, parameter="conv2.weight", at=(0, 1, 2, 2), **choice)
    assert found["value"] == pytest.approx(expected.value, rel=1e-6)
    assert found["agrees"]
    assert all(term["source"] == "dJ/d conv2" and len(term["cell"]) == 3 for term in found["terms"])


def test_the_error_at_a_cell_is_the_librarys(page: Page) -> None:
    found = page.json("gradient-arithmetic", trace=page.trace(), node="pool1", at=[1, 2, 2], target={})
    expected = explain.gradient_arithmetic(MODEL, IMAGE, node="pool1", at=(1, 2, 2))
    assert found["value"] == pytest.approx(expected.value, rel=1e-6)


def test_an_update_ends_at_the_trained_weights_bits(page: Page) -> None:
    found = page.json("update", trace=page.trace(), parameter="fc1.weight", at=[0, 5], target={"number": 2})
    assert found["same_bits"]
    assert found["rows"][-1]["value"] == found["engine"]


@pytest.mark.parametrize(
    "question", [{"node": "conv2", "at": [0, 0, 0]}, {"parameter": "conv1.weight", "at": [0, 0, 1, 1]}]
)
def test_a_number_is_proved_by_another_road(page: Page, question: dict[str, object]) -> None:
    found = page.json("prove", trace=page.trace(), gradient="parameter" in question, target={}, **question)
    assert found["agrees"]
    assert found["independent"] == pytest.approx(found["engine"], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("overview", {"model": "m99", "image": "i1"}, 404, "no model 'm99'"),
        ("values", {"trace": "t999", "node": "conv1"}, 404, "t999"),
        ("arithmetic", {"trace": "T", "node": "conv9", "at": [0]}, 404, "did you mean"),
        ("arithmetic", {"trace": "T", "node": "conv1", "at": [0, 0, 99]}, 422, "within"),
        ("arithmetic", {"trace": "T", "node": "conv1", "at": "0"}, 422, "whole numbers"),
        ("maps", {"trace": "T", "node": "conv1", "channels": [4]}, 422, "0 to 3"),
        ("values", {"trace": "T", "node": "conv1", "channel": 4}, 422, "0 to 3"),
        ("curve", {"model": "M", "node": "conv1", "low": 0, "high": 1}, 422, "activations"),
        ("curve", {"model": "M", "node": "relu1", "low": 1, "high": 1}, 422, "higher"),
        ("partials", {"trace": "T", "node": "fc1", "channel": 0}, 422, "convolution"),
        (
            "overview",
            {"model": "M", "image": "I", "what": "gradient", "target": {"loss": True}},
            422,
            "number",
        ),
        ("overview", {"model": "M", "image": "I", "what": "colour"}, 422, "gradient"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    page: Page, path: str, body: dict[str, object], status: int, words: str
) -> None:
    known = {"T": page.trace(), "M": page.model["id"], "I": page.images[0]["id"]}
    named = {key: known.get(value, value) if isinstance(value, str) else value for key, value in body.items()}
    found, text = page.refused(path, **named)
    assert (found, words in text) == (status, True), text


def test_numbers_that_are_not_finite_become_null_and_their_maps_stay_readable() -> None:
    model = pellucid.Sequential(("scale", pellucid.Linear(2, bias=False)), input_shape=(4,))
    model.set_parameters({"scale.weight": np.full((2, 4), np.inf, np.float32)})
    with client_of(studio_of(model)) as client:
        page = Page(client)
        head, payload = page.overview()
        assert np.isfinite(maps_of(head["nodes"][-1], payload)).all()
        assert page.json("arithmetic", trace=head["trace"], node="scale", at=[0])["value"] is None
