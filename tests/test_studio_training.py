"""Training on the stage: it goes as far as it is told, and every kept moment can be looked into."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from studio_cases import HOST, Page, client_of, embedded, floats, small_network, studio_of

import pellucid
from pellucid.explain import Recorder, Recording
from pellucid.studio.conductor import Conductor
from pellucid.studio.opening import open_source
from pellucid.studio.studio import Studio

State = dict[str, Any]


class Line:
    """The page's end of the WebSocket."""

    def __init__(self, socket: WebSocketTestSession) -> None:
        self._socket = socket

    def send(self, action: str, **more: Any) -> None:
        self._socket.send_text(json.dumps({"action": action, **more}))

    def until(self, wanted: Callable[[State], bool]) -> State:
        """The first state that is as wanted."""
        for _ in range(10_000):
            state: State = json.loads(self._socket.receive_text())
            if wanted(state):
                return state
        raise AssertionError("no such state came")

    def held(self) -> State:
        """The state in which it waits for a command."""
        return self.until(lambda state: state["status"] in ("paused", "finished", "failed", "scrubbed"))


@pytest.fixture
def studio() -> Studio:
    return studio_of(embedded("lenet5"))


@pytest.fixture
def client(studio: Studio) -> Iterator[TestClient]:
    with client_of(studio) as client:
        yield client


@pytest.fixture
def line(client: TestClient) -> Iterator[Line]:
    url = f"ws://{HOST}/api/training"
    with client.websocket_connect(url, headers={"origin": f"http://{HOST}"}) as socket:
        yield Line(socket)


def opened(line: Line, client: TestClient, **more: Any) -> State:
    wish = {"model": Page(client).model["id"], "data": "digits", "epochs": 3, **more}
    line.send("open", **wish)
    return line.until(lambda state: state["steps_per_epoch"] > 0 or state["problem"])


def weights(client: TestClient, model: str) -> np.ndarray[Any, Any]:
    return floats(client.get(f"/api/models/{model}/parameters/conv1.weight").content)


def test_a_run_goes_as_far_as_it_is_told(line: Line, client: TestClient) -> None:
    state = opened(line, client)
    assert (state["status"], state["step"], state["steps_per_epoch"]) == ("ready", 0, 23)
    line.send("step")
    assert line.held()["step"] == 1
    line.send("step")
    assert line.held()["step"] == 2
    line.send("epoch")
    state = line.held()
    assert (state["step"], state["status"]) == (23, "paused")
    assert len(state["losses"]) == 23
    assert [step for step, _ in state["accuracies"]] == [23]
    line.send("epoch")
    assert line.held()["step"] == 46
    line.send("run")
    state = line.held()
    assert (state["step"], state["status"], state["epochs"]) == (69, "finished", 3)
    assert state["accuracy"] > 0.8
    line.send("step")
    assert "over" in line.until(lambda state: state["problem"])["problem"]


def test_it_trains_to_the_bits_that_the_library_trains_to(line: Line, client: TestClient) -> None:
    opened(line, client, epochs=1)
    for _ in range(3):
        line.send("step")
        line.held()
    line.send("run")
    shown = line.held()["model"]
    model = pellucid.Model(embedded("lenet5").graph, recipe=embedded("lenet5").recipe, seed=0)
    pellucid.train(model, pellucid.data.load("digits").fit((1, 28, 28)), epochs=1, progress=False)
    assert np.array_equal(weights(client, shown), model.parameters["conv1.weight"])


def test_the_model_of_a_moment_is_shown_and_asked_like_any_other(line: Line, client: TestClient) -> None:
    opened(line, client, epochs=1)
    line.send("epoch")
    state = line.held()
    shown = state["model"]
    after = weights(client, shown)
    images = client.get("/api/state").json()["images"][shown]
    wish = {"model": shown, "image": images[0]["id"]}
    trace = client.post("/api/overview", json=wish).content
    line.send("scrub", step=0)
    state = line.held()
    assert (state["status"], state["step"], state["loss"]) == ("scrubbed", 0, None)
    assert not np.array_equal(weights(client, shown), after)
    assert client.post("/api/overview", json=wish).content != trace
    line.send("scrub", step=22)
    assert abs(line.held()["step"] - 22) <= 1
    line.send("scrub", step=23)
    assert line.held()["step"] == 23
    assert np.array_equal(weights(client, shown), after)


def test_scrubbing_back_does_not_change_the_run(line: Line, client: TestClient) -> None:
    opened(line, client)
    line.send("epoch")
    line.held()
    line.send("scrub", step=0)
    line.held()
    line.send("step")
    state = line.until(lambda state: state["status"] == "paused")
    assert state["step"] == 24


def test_a_run_can_be_paused(line: Line, client: TestClient) -> None:
    opened(line, client, epochs=1000)
    line.send("run")
    line.until(lambda state: state["status"] == "running")
    line.send("pause")
    state = line.held()
    assert state["status"] == "paused"
    assert 0 < state["step"] < 23_000


def test_a_pause_that_comes_while_the_run_is_told_of_is_told_of_too() -> None:
    told: list[bool] = []

    def report(_: Any, held: bool) -> None:
        told.append(held)
        conductor.allow(None if held else 0)

    conductor = Conductor(report)
    conductor.allow(None)
    run: Any = SimpleNamespace(step=5, finished=False)
    record: Any = SimpleNamespace(test_accuracy=None)
    thread = threading.Thread(target=conductor.epoch, args=(run, record), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert told == [False, True]


def test_held_out_images_of_the_run_answer_for_its_model(line: Line, client: TestClient) -> None:
    shown = opened(line, client, epochs=1)["model"]
    line.send("run")
    state = line.held()
    found = client.post("/api/mistakes", json={"model": shown}).json()
    right = sum(row[k] for k, row in enumerate(found["confusion"]))
    assert right / found["images"] == pytest.approx(state["accuracy"])


def test_a_source_model_stays_as_it_is(line: Line, client: TestClient) -> None:
    source = Page(client).model["id"]
    before = weights(client, source)
    opened(line, client, epochs=1)
    line.send("run")
    line.held()
    assert np.array_equal(weights(client, source), before)


def test_a_run_ends_when_its_page_goes(studio: Studio, client: TestClient) -> None:
    url, origin = f"ws://{HOST}/api/training", {"origin": f"http://{HOST}"}
    for _ in range(2):  # the second could not begin while the first went on
        with client.websocket_connect(url, headers=origin) as socket:
            line = Line(socket)
            assert opened(line, client, epochs=1000)["status"] == "ready"
            line.send("run")
            line.until(lambda state: state["status"] == "running")
    assert studio.training.acquire(timeout=30)


def test_one_run_at_a_time(line: Line, client: TestClient) -> None:
    opened(line, client)
    url = f"ws://{HOST}/api/training"
    with client.websocket_connect(url, headers={"origin": f"http://{HOST}"}) as socket:
        assert "under way" in opened(Line(socket), client)["problem"]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"model": "m99"}, "no model"),
        ({"data": "/etc"}, "data: one of"),
        ({"data": None}, "choose data"),
        ({"epochs": -1}, "epochs"),
    ],
)
def test_a_run_that_cannot_begin_says_why(
    line: Line, client: TestClient, wish: dict[str, object], words: str
) -> None:
    state = opened(line, client, **wish)
    assert (state["status"], words in state["problem"]) == ("failed", True)
    assert opened(line, client)["status"] == "ready"


def test_data_that_do_not_fit_are_reported() -> None:
    with client_of(studio_of(small_network())) as client:
        url = f"ws://{HOST}/api/training"
        with client.websocket_connect(url, headers={"origin": f"http://{HOST}"}) as socket:
            assert "10 classes" in opened(Line(socket), client)["problem"]


def test_a_recording_is_scrubbed_without_training(tmp_path: Path) -> None:
    model = embedded("lenet5")
    digits = pellucid.data.load("digits").fit((1, 28, 28))
    probe = digits.test.images[:50], digits.test.labels[:50]
    recorder = Recorder(tmp_path / "recording", every=10, probe=probe)
    pellucid.train(model, digits, epochs=1, progress=False, callbacks=[recorder])
    studio = Studio()
    studio.open(lambda: open_source(str(tmp_path), studio.limits))
    with client_of(studio) as client:
        url = f"ws://{HOST}/api/training"
        with client.websocket_connect(url, headers={"origin": f"http://{HOST}"}) as socket:
            line = Line(socket)
            line.send("open", model=Page(client).model["id"])
            state = line.held()
            assert (state["status"], state["moments"]) == ("finished", [0, 10, 20, 23])
            assert len(state["accuracies"]) == 4
            line.send("scrub", step=11)
            state = line.held()
            assert state["step"] == 10
            expected = Recording(tmp_path / "recording").parameters(10)["conv1.weight"]
            assert np.array_equal(weights(client, state["model"]), expected)
            line.send("step")
            assert "only be scrubbed" in line.until(lambda state: state["problem"])["problem"]
