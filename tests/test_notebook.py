"""The page in a notebook's cell: messages get the server's answers, and pictures arrive as given."""

from __future__ import annotations

import builtins
import json
import queue
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from studio_cases import embedded, floats, parted, small_network, studio_of

from pellucid import notebook
from pellucid.errors import DataError
from pellucid.model import Model
from pellucid.notebook.conversation import Conversation
from pellucid.studio.app import unguarded
from pellucid.studio.messages import Asking, Telling
from pellucid.training.history import EpochRecord, History

PATIENCE = 60.0
RUN = History("lenet5", "digits", (EpochRecord(1, 0.5, 0.75, 0.25, 0.875, 2.0, 1000.0),))


class Cell:
    """A page's end of a conversation."""

    def __init__(self, model: Model) -> None:
        self._told: queue.Queue[tuple[Telling, bytes]] = queue.Queue()
        self._kept: list[tuple[Telling, bytes]] = []
        self.conversation = Conversation(unguarded(studio_of(model)), b"the page", 400, self._hear)

    def _hear(self, message: Telling, buffers: Sequence[bytes]) -> None:
        self._told.put((message, b"".join(buffers)))

    def send(self, message: Asking, *buffers: bytes) -> None:
        self.conversation.hear(message, [memoryview(content) for content in buffers])

    def answer(self, name: str) -> tuple[Telling, bytes]:
        """What is said under a name, in whatever order the answers come."""
        while not any(told["id"] == name for told, _ in self._kept):
            self._kept.append(self._told.get(timeout=PATIENCE))
        place = next(number for number, (told, _) in enumerate(self._kept) if told["id"] == name)
        return self._kept.pop(place)

    def post(self, path: str, **body: Any) -> bytes:
        self.send({"kind": "ask", "id": path, "method": "POST", "path": path, "text": json.dumps(body)})
        told, content = self.answer(path)
        assert (told["kind"], told.get("status")) == ("answer", 200), content
        return content

    def get(self, path: str) -> bytes:
        self.send({"kind": "ask", "id": path, "method": "GET", "path": path})
        told, content = self.answer(path)
        assert told.get("status") == 200, content
        return content


@pytest.fixture
def cell() -> Iterator[Cell]:
    made = Cell(embedded("lenet5"))
    yield made
    made.conversation.close()


def test_the_page_comes_first(cell: Cell) -> None:
    cell.send({"kind": "page", "id": "a"})
    assert cell.answer("a") == ({"kind": "page", "id": "a", "height": 400}, b"the page")


def test_every_kind_of_answer_is_the_servers(cell: Cell) -> None:
    state = json.loads(cell.get("/api/state"))
    model, image = state["models"][0]["id"], state["images"][state["models"][0]["id"]][0]["id"]
    assert cell.get(f"/api/models/{model}/images/{image}").startswith(b"\x89PNG")
    weights = floats(cell.get(f"/api/models/{model}/parameters/conv1.weight"))
    np.testing.assert_array_equal(weights, embedded("lenet5").parameters["conv1.weight"])
    head, _ = parted(cell.post("/api/overview", model=model, image=image))
    wish = {"trace": head["trace"], "node": "conv1", "at": [0, 5, 5], "limit": 100}
    found = json.loads(cell.post("/api/arithmetic", **wish))
    values = floats(cell.post("/api/values", trace=head["trace"], node="conv1", what="activation"))
    assert found["total"] == pytest.approx(float(values[0, 5, 5]), abs=1e-5)


def test_a_file_comes_as_bytes(cell: Cell, tmp_path: Path) -> None:
    Image.fromarray(np.full((28, 28), 51, np.uint8)).save(tmp_path / "grey.png")
    model = json.loads(cell.get("/api/state"))["models"][0]["id"]
    path = f"/api/models/{model}/images?name=a%20b.png"
    content = (tmp_path / "grey.png").read_bytes()
    cell.send({"kind": "ask", "id": "upload", "method": "POST", "path": path}, content)
    told, answer = cell.answer("upload")
    assert (told.get("status"), json.loads(answer)["name"]) == (200, "a b.png")


def test_a_refusal_keeps_its_status_and_words(cell: Cell) -> None:
    cell.send({"kind": "ask", "id": "1", "method": "POST", "path": "/api/health", "text": '{"model": "m9"}'})
    told, content = cell.answer("1")
    assert (told.get("status"), json.loads(content)) == (404, {"error": "no model 'm9' is open"})


def test_who_has_left_is_not_answered_and_others_are(cell: Cell) -> None:
    wish: Asking = {"kind": "ask", "id": "left", "method": "GET", "path": "/api/state"}
    cell.send(wish)
    cell.send({"kind": "leave", "id": "left"})
    cell.send({**wish, "id": "stayed"})
    assert cell.answer("stayed")[0].get("status") == 200
    cell.conversation.close()  # and so nothing is on its way
    assert all(told["id"] != "left" for told, _ in cell._kept)


def test_a_run_is_trained_over_a_line(cell: Cell) -> None:
    model = json.loads(cell.get("/api/state"))["models"][0]["id"]
    cell.send({"kind": "open", "id": "line", "path": "/api/training"})
    for wish in ({"action": "open", "model": model, "data": "digits", "epochs": 1}, {"action": "step"}):
        cell.send({"kind": "say", "id": "line", "text": json.dumps(wish)})
    step = 0
    while step == 0:
        told, _ = cell.answer("line")
        step = json.loads(told.get("text", ""))["step"]
    assert (told["kind"], step) == ("said", 1)
    cell.send({"kind": "hang-up", "id": "line"})
    while told["kind"] == "said":
        told, _ = cell.answer("line")
    assert told["kind"] == "closed"


# ---- widgets


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<html><body>the page</body></html>")
    (tmp_path / "notebook.js").write_text("export default { render() {} }")
    monkeypatch.setattr(notebook, "PAGE", tmp_path)
    return tmp_path


def shown_by(widget: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page that a widget sends is given."""
    told: queue.Queue[tuple[Telling, list[bytes]]] = queue.Queue()
    monkeypatch.setattr(type(widget), "send", lambda _, content, buffers: told.put((content, buffers)))
    widget._handle_custom_msg({"kind": "page", "id": "view"}, [])
    _, (content,) = told.get(timeout=PATIENCE)
    widget.close()
    head, _, rest = content.decode().partition('id="pellucid-cell">')
    assert head.startswith("<html><body>the page")
    data: dict[str, Any] = json.loads(rest.partition("</script>")[0])
    return data


def test_a_model_gives_a_widget_that_asks_the_kernel(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    widget = small_network().explain(np.zeros((3, 12, 12)))
    assert widget._esm == (page / "notebook.js").read_text()
    assert shown_by(widget, monkeypatch) == {"run": None}


def test_a_history_gives_a_widget_that_has_its_numbers(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_by(RUN.show(), monkeypatch)["run"] == RUN.to_json()


def test_without_anywidget_the_extra_is_named(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "anywidget":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for show in (small_network().explain, RUN.show):
        with pytest.raises(DataError, match=r"^[^\n]*anywidget[^\n]*'pellucid\[notebook\]'$"):
            show()


def test_without_a_page_the_widget_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(notebook, "PAGE", tmp_path)
    with pytest.raises(DataError, match="install pellucid again"):
        RUN.show()


# ---- pictures


def first_input(model: Model, image: Any) -> np.ndarray[Any, Any]:
    """What the network takes when an image is shown."""
    studio = studio_of(model)
    opened = studio.workspace.models[0]
    opened.show_first(notebook._picture(model, image))
    first = opened.images[0]["id"]
    shown: np.ndarray[Any, Any] = studio.passes.of(opened.id, first, ()).activation(model.graph.inputs[0])
    return shown


def test_an_array_is_explained_to_the_bit() -> None:
    image = np.random.default_rng(0).normal(0, 3, (3, 12, 12)).astype(np.float32)
    for given in (image, image[None], image.tolist()):
        np.testing.assert_array_equal(first_input(small_network(), given), image)


def test_a_picture_is_fitted_from_a_path_and_from_pil(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
    picture = Image.fromarray(pixels)
    picture.save(tmp_path / "a.png")
    expected = pixels.transpose(2, 0, 1).astype(np.float32) * np.float32(1 / 255)
    for given in (picture, tmp_path / "a.png", str(tmp_path / "a.png")):
        np.testing.assert_array_equal(first_input(small_network(), given), expected)
    assert first_input(small_network(), picture.resize((50, 40))).shape == (3, 12, 12)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("none.png", "none.png: no such file"),
        (np.zeros((3, 12, 13)), r"\(N, 3, 12, 12\), received \(3, 12, 13\)"),
        (np.full((3, 12, 12), np.nan), "finite numbers"),
    ],
)
def test_what_cannot_be_shown_is_refused(image: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        small_network().explain(image)


def test_the_picture_on_show_spans_what_the_array_holds() -> None:
    image = np.linspace(-1, 3, 432).reshape(3, 12, 12)
    picture = notebook._picture(small_network(), image)
    assert (picture.pixels.min(), picture.pixels.max()) == (0, 255)
    dim = notebook._picture(small_network(), np.full((3, 12, 12), 0.2))
    assert set(dim.pixels.flat) == {51}, "numbers in [0, 1] keep their brightness"
