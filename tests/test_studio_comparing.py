"""Two models side by side: the same channels, their differences, and both predictions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from studio_cases import Page, client_of, embedded, maps_of, parted, small_network, studio_of

import pellucid
from pellucid import explain
from pellucid.explain import Recorder
from pellucid.studio.opening import open_source
from pellucid.studio.studio import Studio


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a recorded run."""
    folder = tmp_path_factory.mktemp("run")
    network = pellucid.zoo.create("lenet5", seed=1)
    data = pellucid.data.load("digits")
    recorder = Recorder(folder / "recording", every=10)
    pellucid.train(network, data, epochs=1, progress=False, callbacks=(recorder,))
    network.save(folder / "model.pellucid")
    return folder


@pytest.fixture(scope="module")
def studio(run: Path) -> Studio:
    made = studio_of()
    made.open(lambda: open_source(str(run), made.limits))
    return made


@pytest.fixture(scope="module")
def page(studio: Studio) -> Iterator[Page]:
    with client_of(studio) as client:
        yield Page(client)


def test_a_moment_of_a_run_opens_beside_its_end(page: Page, studio: Studio, run: Path) -> None:
    recording = explain.Recording(run / "recording")
    assert page.model["moments"] == list(recording.steps)
    moment = page.json("moment", model=page.model["id"], step=10)
    trace, image = page.trace(), page.images[0]["id"]
    wish = {"one": trace, "model": moment["id"], "image": image}
    first = page.overview()[0]
    head, payload = parted(page.binary("beside", **wish))
    pixels = studio.workspace.model(page.model["id"]).input(image)
    expected = recording.model(10).trace(pixels[None])
    for node, before in zip(head["nodes"], first["nodes"], strict=True):
        channels = [part["channel"] for part in node["maps"]]
        assert channels == [part["channel"] for part in before["maps"]]
        values = expected[node["node"]][0]
        maps = values.reshape(1, 1, -1) if values.ndim < 2 else values[channels]
        assert np.abs(maps_of(node, payload) - maps).max() <= np.ptp(maps) / 255 / 2 + 1e-5
    assert [model["id"] for model in page.client.get("/api/state").json()["models"]] == [page.model["id"]]


def test_a_difference_is_the_others_minus_the_first(page: Page, studio: Studio, run: Path) -> None:
    recording = explain.Recording(run / "recording")
    moment = page.json("moment", model=page.model["id"], step=20)
    image = page.images[1]["id"]
    trace = page.trace(1)
    wish = {"one": trace, "model": moment["id"], "image": image, "difference": True}
    head, payload = parted(page.binary("beside", **wish))
    pixels = studio.workspace.model(page.model["id"]).input(image)
    final = pellucid.load(run / "model.pellucid")
    difference = recording.model(20).trace(pixels[None])["conv1"][0] - final.trace(pixels[None])["conv1"][0]
    node = next(node for node in head["nodes"] if node["node"] == "conv1")
    assert np.abs(maps_of(node, payload) - difference).max() <= np.ptp(difference) / 255 / 2 + 1e-5
    assert node["low"] < 0 < node["high"]


def test_both_predictions_and_the_distances_are_the_librarys(page: Page, studio: Studio, run: Path) -> None:
    moment = page.json("moment", model=page.model["id"], step=10)
    image = page.images[0]["id"]
    found = page.json("comparison", one=page.trace(), model=moment["id"], image=image)
    final, then = pellucid.load(run / "model.pellucid"), explain.Recording(run / "recording").model(10)
    expected = explain.compare(final, then)
    assert [moved["parameter"] for moved in found["parameters"]] == [m.name for m in expected.most_moved]
    assert found["parameters"][0]["relative"] == pytest.approx(expected.most_moved[0].relative)
    assert found["nodes"] == sorted(found["nodes"], key=lambda apart: -apart["relative"])
    assert {apart["node"]: apart["relative"] for apart in found["nodes"]}["input"] == 0
    for classes, model in (("one", final), ("other", then)):
        pixels = studio.workspace.model(page.model["id"]).input(image)
        scores = model.predict(pixels[None])[0]
        assert found[classes][0]["number"] == int(np.argmax(scores))


def test_runs_of_one_network_are_compared_and_others_refused() -> None:
    first, second = embedded("lenet5"), embedded("lenet5")
    with client_of(studio_of(first, second, small_network())) as client:
        page = Page(client)
        state = client.get("/api/state").json()
        ids = [model["id"] for model in state["models"]]
        image = state["images"][ids[1]][0]["id"]
        trace = page.trace()
        head, _ = parted(page.binary("beside", one=trace, model=ids[1], image=image))
        assert head["model"] == ids[1]
        other = state["images"][ids[2]][0]["id"]
        status, text = page.refused("beside", one=trace, model=ids[2], image=other)
        assert (status, "node by node" in text) == (422, True)
        status, text = page.refused("moment", model=ids[0], step=0)
        assert (status, "no recording" in text) == (422, True)


def test_gradients_are_of_the_channels_that_are_shown(page: Page) -> None:
    one, other = (page.overview(what=what, channels=3)[0] for what in ("activation", "gradient"))
    for node, beside in zip(one["nodes"], other["nodes"], strict=True):
        assert [part["channel"] for part in node["maps"]] == [part["channel"] for part in beside["maps"]]
