"""What the page is told of a network as a whole, and of networks that are changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from studio_cases import Page, client_of, embedded, floats, maps_of, small_network, studio_of

import pellucid
from pellucid import explain
from pellucid.data.dataset import TO_UNIT
from pellucid.explain.attribution import METHODS
from pellucid.studio.presets import digits_for, presets
from pellucid.training import evaluate

MODEL = small_network()
IMAGE = presets(MODEL)[0].pixels.astype(np.float32) * TO_UNIT


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with client_of(studio_of(MODEL)) as client:
        yield Page(client)


@pytest.fixture(scope="module")
def digits() -> Iterator[Page]:
    with client_of(studio_of(embedded("lenet5"))) as client:
        yield Page(client)


# ---- what if

EDITS = [
    {"kind": "channel", "node": "relu1", "channel": 2, "value": 0.0},
    {"kind": "weight", "parameter": "conv2.weight", "at": [1], "value": 0.5},
    {"kind": "cell", "node": "input", "at": [3, 4], "value": 1.0},
    {"kind": "patch", "node": "input", "corner": [6, 6], "size": [2, 3], "value": 0.0},
]
CHANGES = (
    explain.ReplaceChannel("relu1", 2, 0.0),
    explain.ReplaceWeight("conv2.weight", (1,), 0.5),
    explain.ReplaceCell("input", (3, 4), 1.0),
    explain.ReplacePatch("input", (6, 6), (2, 3), 0.0),
)


def test_edits_have_the_librarys_consequences(page: Page) -> None:
    found = page.json("what-if", trace=page.trace(), edits=EDITS)
    expected = explain.what_if(MODEL, IMAGE, *CHANGES)
    after = {entry["number"]: entry["probability"] for entry in found["after"]}
    assert [after[k] for k in range(3)] == pytest.approx(expected.output[0].tolist(), rel=1e-6)
    assert [(c["node"], c["channel"]) for c in found["changed"]] == [
        (c.node, c.channel) for c in expected.most_changed
    ]
    before = {entry["number"]: entry["probability"] for entry in found["before"]}
    assert [before[k] for k in range(3)] == pytest.approx(MODEL.predict(IMAGE[None])[0].tolist(), rel=1e-6)


def test_an_edited_pass_is_shown_and_explained_like_any_other(page: Page) -> None:
    head, payload = page.overview(edits=EDITS)
    relu = next(node for node in head["nodes"] if node["node"] == "relu1")
    assert not maps_of(relu, payload)[2].any()
    found = page.json("arithmetic", trace=head["trace"], node="conv2", at=[1, 0, 0], limit=1000)
    assert found["agrees"]
    assert {term["weight"] for term in found["terms"][:-1]} == {0.5}


def test_undoing_edits_is_asking_without_them(page: Page) -> None:
    before, edited, after = page.overview(), page.overview(edits=EDITS), page.overview()
    assert before[0]["trace"] == after[0]["trace"] != edited[0]["trace"]
    assert before[1] == after[1] != edited[1]


def _score_after(number: int, change: explain.ReplaceCell | explain.ReplaceWeight) -> float:
    """A score of the edited network with one more change."""
    found = explain.what_if(MODEL, IMAGE, *CHANGES, change)
    return float(found.activations["fc1"][0, number])


def test_gradients_of_an_edited_pass_are_those_of_the_edited_network(page: Page) -> None:
    trace = page.overview(edits=EDITS)[0]["trace"]
    step = 2.0**-6
    head, payload = page.overview(edits=EDITS, what="gradient", target={"number": 1})
    assert [node["node"] for node in head["nodes"]] == [node["name"] for node in page.model["nodes"]]
    bn = next(node for node in head["nodes"] if node["node"] == page.model["nodes"][2]["name"])
    assert not maps_of(bn, payload)[2].any()  # what relu1's silenced channel was made of
    for node, at in (("pool1", (0, 2, 3)), ("pool1", (1, 1, 1)), ("conv2", (0, 1, 1))):
        wish = {"trace": trace, "node": node, "at": list(at), "target": {"number": 1}}
        found = page.json("gradient-arithmetic", **wish)
        now = float(floats(page.binary("values", trace=trace, node=node, what="activation"))[at])
        above, below = (_score_after(1, explain.ReplaceCell(node, at, now + sign * step)) for sign in (1, -1))
        assert found["value"] == pytest.approx((above - below) / (2 * step), abs=2e-4), (node, at)
        assert found["agrees"]
        assert page.json("prove", gradient=True, **wish)["agrees"]


def test_a_weight_of_an_edited_node_keeps_its_name(page: Page) -> None:
    edits = [{"kind": "cell", "node": "conv2", "at": [1, 0, 0], "value": 2.0}]
    trace = page.overview(edits=edits)[0]["trace"]
    wish = {"trace": trace, "parameter": "conv2.weight", "at": [1, 2, 0, 0], "target": {"number": 0}}
    found, update = (page.json(path, **wish) for path in ("gradient-arithmetic", "update"))
    assert (found["title"], found["node"]) == ("dJ/d conv2.weight[1, 2, 0, 0]", "conv2.weight")
    assert found["agrees"]
    assert update["parameter"] == "conv2.weight"
    assert update["same_bits"]
    assert page.json("prove", **wish)["agrees"]


def test_attribution_of_an_edited_pass_is_that_of_the_edited_network(page: Page) -> None:
    silent = [{"kind": "channel", "node": "conv2", "channel": k, "value": 0.0} for k in range(6)]
    trace = page.overview(edits=silent)[0]["trace"]
    for method in ("saliency", "occlusion", "grad-cam"):
        found = page.json("attribution", trace=trace, method=method, target={"number": 1})
        assert found["largest"] == 0  # nothing of the image is left behind a layer of zeros
    edited, plain = page.overview(edits=EDITS)[0]["trace"], page.trace()
    maps = [
        page.json("attribution", trace=one, method="saliency", target={"number": 1})["values"]
        for one in (edited, plain)
    ]
    assert maps[0] != maps[1]


# ---- which pixels


@pytest.mark.parametrize("name", [name for name in METHODS if name != "smoothgrad"])  # it draws noise
def test_attribution_is_the_librarys(page: Page, name: str) -> None:
    found = page.json("attribution", trace=page.trace(), method=name, target={"number": 1})
    expected = METHODS[name](MODEL, IMAGE[None], 1)
    values = np.array(found["values"]).reshape(found["height"], found["width"]) * found["largest"]
    assert np.abs(values - expected.maps[0]).max() <= 1e-5 * max(found["largest"], 1e-9)
    assert tuple(found["sentences"]) == expected.sentences(MODEL.class_names)
    assert found["verdict"] is None


def test_a_sanity_check_comes_with_its_verdict(page: Page) -> None:
    found = page.json("attribution", trace=page.trace(), method="saliency", target={}, sanity=True)
    assert found["verdict"].startswith("saliency ")


def test_grad_cam_reads_the_layer_that_is_asked_for(page: Page) -> None:
    found = page.json("attribution", trace=page.trace(), method="grad-cam", target={}, layer="relu1")
    assert any("relu1" in sentence for sentence in found["sentences"])


def test_a_cells_field_is_the_librarys(page: Page) -> None:
    found = page.json("field", trace=page.trace(), node="conv2", at=[0, 3, 3], heat=True)
    expected = explain.theoretical_field(MODEL, "conv2", (0, 3, 3))
    assert expected.clipped is not None
    assert expected.unclipped is not None
    assert (found["start"], found["stop"]) == (list(expected.clipped.start), list(expected.clipped.stop))
    assert found["unclipped_stop"] == list(expected.unclipped.stop)
    assert len(found["heat"]) == int(np.prod(expected.clipped.size))
    assert max(found["heat"]) == 1.0


# ---- the network as a whole


def test_health_names_what_is_wrong() -> None:
    model = embedded("lenet5")
    model.set_parameters({"fc2.bias": np.full(84, -100, np.float32)})
    with client_of(studio_of(model)) as client:
        page = Page(client)
        findings = page.json("health", model=page.model["id"])["findings"]
    assert [finding["node"] for finding in findings if finding["kind"] == "dead"] == ["relu4"]
    assert any("relu4" in finding["sentence"] for finding in findings)


def test_mistakes_are_those_of_the_held_out_digits(digits: Page) -> None:
    found = digits.json("mistakes", model=digits.model["id"])
    model = embedded("lenet5")
    split = digits_for(model)
    assert split is not None
    expected = evaluate(model, split)
    assert found["confusion"] == expected.confusion(10).tolist()
    assert found["images"] == len(split) == sum(map(sum, found["confusion"]))
    worst = found["worst"][0]
    assert worst["predicted"] != worst["image"]["label"]
    shown = digits.client.get(f"/api/models/{digits.model['id']}/images/{worst['image']['id']}")
    assert shown.content.startswith(b"\x89PNG")


def test_the_patches_that_a_channel_answers_most_open_in_the_overview(digits: Page) -> None:
    found = digits.json("top", model=digits.model["id"], node="conv2", channel=3, count=4)
    values = [patch["value"] for patch in found]
    assert len(found) == 4
    assert values == sorted(values, reverse=True)
    wish = {"model": digits.model["id"], "image": found[0]["image"]}
    trace = digits.client.post("/api/overview", json=wish).content
    assert trace
    digits.images.append({"id": found[0]["image"]})
    head, _ = digits.overview(len(digits.images) - 1)
    whole = floats(digits.binary("values", trace=head["trace"], node="conv2", what="activation"))
    assert whole[3].max() == pytest.approx(found[0]["value"], rel=1e-5)


def test_every_node_that_computes_is_measured_on_request(page: Page) -> None:
    assert all(node["milliseconds"] is None for node in page.model["nodes"])
    info = page.json("measure", trace=page.trace())
    measured = {node["name"]: node["milliseconds"] for node in info["nodes"]}
    assert measured.pop("input") is None
    assert all(spent > 0 for spent in measured.values())
    assert page.client.get("/api/state").json()["models"][0] == info


def test_mistakes_need_labels(page: Page) -> None:
    status, text = page.refused("mistakes", model=page.model["id"])
    assert (status, "labelled" in text) == (422, True)


# ---- the sandbox

PLAIN = {"input": 7, "kernel": 3, "stride": 2, "padding": 1, "dilation": 1}


def test_the_sandbox_lists_the_columns_under_every_window(page: Page) -> None:
    found = page.json("sandbox", **PLAIN)
    assert found["windows"] == [[-1, 0, 1], [1, 2, 3], [3, 4, 5], [5, 6, -1]]
    assert (found["output"], found["unused"], found["problem"]) == (4, [], None)


def test_the_sandbox_names_the_columns_that_no_window_reaches(page: Page) -> None:
    found = page.json("sandbox", **{**PLAIN, "input": 8, "padding": 0})
    assert found["unused"] == [7]
    assert found["axis"]["unused"] == 1


def test_the_sandbox_transposes(page: Page) -> None:
    found = page.json(
        "sandbox", **{**PLAIN, "input": 2, "padding": 0, "transposed": True, "output_padding": 1}
    )
    kernel = pellucid.ConvTranspose1d(1, kernel_size=3, stride=2, output_padding=1)
    assert found["output"] == kernel.output_shape([(1, 2)])[1] == 6
    assert [column for window in found["windows"] for column in window if column >= 0] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"input": 2, "padding": 0}, "at least as long"),
        ({"stride": 0}, "stride"),
        ({"padding": 9, "padding_mode": "reflect"}, "reflect"),
        ({"padding_mode": "mirror"}, "padding_mode"),
        ({"transposed": True, "output_padding": 2}, "output_padding"),
        ({"input": 0, "padding": 5}, "at least one column"),
        ({"input": 4096, "kernel": 4096, "padding": 4000, "stride": 1}, "too many"),
    ],
)
def test_an_invalid_setting_is_answered_with_its_rule(
    page: Page, change: dict[str, object], rule: str
) -> None:
    found = page.json("sandbox", **{**PLAIN, **change})
    assert rule in found["problem"]
    assert found["windows"] == []
