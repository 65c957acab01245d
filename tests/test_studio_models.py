"""What a network looks like on the stage before there is an image, and where both come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from studio_cases import Page, client_of, embedded, small_network, studio_of

import pellucid
from pellucid import zoo
from pellucid.data.dataset import TO_UNIT
from pellucid.errors import FormatError, PellucidError
from pellucid.explain import Recorder
from pellucid.graph import Graph
from pellucid.layers import LAYERS
from pellucid.studio.folds import folds
from pellucid.studio.kinds import KINDS, kind_of, signed_nodes
from pellucid.studio.limits import Limits
from pellucid.studio.model_info import model_info
from pellucid.studio.opening import EMBEDDED, EMBEDDED_NAMES, open_source
from pellucid.studio.presets import presets


def zoo_graph(name: str) -> Graph:
    network = zoo.find(name)
    return network.graph(network.classes, network.input_shape)


# ---- nodes


def test_every_layer_but_two_opens_a_view_of_its_own() -> None:
    families = tuple(layer for classes, _ in KINDS for layer in classes)
    others = {name for name, layer in LAYERS.items() if not issubclass(layer, families)}
    assert others == {"Parameter", "RBFOutput"}


def test_a_kind_is_the_layers_whatever_the_node_is_called() -> None:
    model = pellucid.Sequential(("softmax", pellucid.ReLU()), ("pool", pellucid.Linear(2)), input_shape=(3,))
    assert [kind_of(node.layer) for node in model.graph.nodes] == ["input", "activation", "dense"]


def test_only_nodes_that_may_be_negative_are_signed() -> None:
    model = small_network()
    assert signed_nodes(model.graph) == {"conv1", "norm1", "conv2", "tanh1", "flatten1", "fc1"}


@pytest.mark.parametrize("seed", range(3))
def test_unsigned_nodes_are_never_negative(seed: int) -> None:
    model = zoo.create("googlenet", input_shape=(3, 64, 64), classes=5, seed=seed)
    trace = model.trace(np.random.default_rng(seed).random((1, 3, 64, 64), np.float32))
    unsigned = [node.name for node in model.graph.nodes if node.name not in signed_nodes(model.graph)]
    assert len(unsigned) > 50
    assert all(trace[name].min() >= 0 for name in unsigned)


def test_a_network_is_told_in_full() -> None:
    model = small_network()
    info = model_info(model, "m1", run=None, milliseconds={"conv1": 0.5})
    by_name = {node["name"]: node for node in info["nodes"]}
    assert [node["depth"] for node in info["nodes"]] == list(range(10))
    assert by_name["conv2"]["field"] == [8, 8]
    assert by_name["conv2"]["parameters"][0] == {
        "name": "conv2.weight",
        "shape": [6, 4, 3, 3],
        "role": "trainable",
    }
    assert by_name["conv1"]["milliseconds"] == 0.5
    assert (info["scores"], info["outputs"], info["output_kind"]) == ("fc1", ["softmax1"], "probabilities")
    assert (
        info["parameter_count"] == model.parameter_count == sum(n["parameter_count"] for n in info["nodes"])
    )


def test_depth_is_the_longest_way_from_an_input() -> None:
    model = zoo.create("resnet20")
    depths = {
        node["name"]: node["depth"] for node in model_info(model, "m", run=None, milliseconds={})["nodes"]
    }
    for node in model.graph.nodes:
        assert all(depths[source] < depths[node.name] for source in node.inputs)


@pytest.mark.parametrize(
    ("name", "blocks", "first"),
    [("resnet18", 8, "unit1_1"), ("googlenet", 9, "inception3a"), ("densenet121", 58, "block1_layer1")],
)
def test_repeated_blocks_fold(name: str, blocks: int, first: str) -> None:
    found = folds(zoo_graph(name))
    assert len(set(found.values())) == blocks
    assert next(iter(found.values())) == first


@pytest.mark.parametrize("name", ["vgg16", "lenet5", "tiny-vgg"])
def test_chains_do_not_fold(name: str) -> None:
    assert folds(zoo_graph(name)) == {}


def test_blocks_are_found_by_their_wiring_not_their_names() -> None:
    graph = zoo_graph("resnet18")
    anonymous = {node.name: f"n{number}" for number, node in enumerate(graph.nodes)}
    nodes = tuple(
        pellucid.Node(anonymous[node.name], node.layer, tuple(anonymous[source] for source in node.inputs))
        for node in graph.nodes
    )
    renamed = folds(Graph(nodes, tuple(anonymous[name] for name in graph.outputs)))
    assert {anonymous[name] for name in folds(graph)} == set(renamed)
    assert set(renamed.values()) == {f"block {k}" for k in range(1, 9)}


# ---- where they come from


def test_the_embedded_networks_are_small_and_know_their_presets() -> None:
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) < 1_000_000
    for name in EMBEDDED_NAMES:
        model = embedded(name)
        known = [picture for picture in presets(model) if picture.label is not None]
        pixels = np.stack([picture.pixels for picture in known])
        labels = [picture.label for picture in known]
        assert len(known) >= 4
        assert model.predict(pixels.astype(np.float32) * TO_UNIT).argmax(axis=1).tolist() == labels


@pytest.mark.parametrize(
    "shape", [(1, 28, 28), (3, 32, 32), (3, 224, 224), (64,), (100,), (7,), (5, 9, 9), (2, 50), (1, 224, 224)]
)
def test_any_input_of_one_network_has_presets(shape: tuple[int, ...]) -> None:
    layers = (pellucid.Linear(2),) if len(shape) == 1 else (pellucid.Flatten(), pellucid.Linear(2))
    model = pellucid.Sequential(*layers, input_shape=shape)
    pictures = presets(model)
    assert pictures
    assert all(picture.pixels.shape == shape and picture.pixels.dtype == np.uint8 for picture in pictures)
    with client_of(studio_of(model)) as client:
        page = Page(client)
        assert page.overview()[0]["nodes"]
        picture = client.get(f"/api/models/{page.model['id']}/images/{page.images[0]['id']}")
        assert picture.content.startswith(b"\x89PNG")


def test_a_runs_folder_opens_with_its_recording(tmp_path: Path) -> None:
    model = zoo.create("lenet5")
    digits = pellucid.data.load("digits")
    recorder = Recorder(tmp_path / "recording", steps=(1, 3))
    pellucid.train(model, digits, epochs=1, output=tmp_path, progress=False, callbacks=[recorder])
    opened = open_source(str(tmp_path), Limits())
    assert opened.run == tmp_path.name
    assert opened.recording is not None
    assert opened.recording.steps[:3] == (0, 1, 3)
    assert np.array_equal(opened.model.parameters["conv1.weight"], model.parameters["conv1.weight"])


def test_files_and_names_open(tmp_path: Path) -> None:
    small_network().save(tmp_path / "a.pellucid")
    small_network().to_onnx(tmp_path / "b.onnx")
    for source in (str(tmp_path / "a.pellucid"), str(tmp_path / "b.onnx"), "lenet5"):
        assert open_source(source, Limits()).model.parameter_count > 0


@pytest.mark.parametrize("source", ["lenet6", "nothing.pellucid", "no/such/folder", "lenet5@mine"])
def test_what_cannot_be_opened_says_so(source: str) -> None:
    with pytest.raises(PellucidError, match=source.rpartition("@")[2]):
        open_source(source, Limits())


def test_an_empty_folder_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="run's folder"):
        open_source(str(tmp_path), Limits())


def test_an_uploaded_onnx_network_answers_in_every_view(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    network = pellucid.Sequential(
        pellucid.Conv2d(8, kernel_size=3, padding=2, dilation=2),
        pellucid.ReLU(),
        pellucid.Conv2d(8, kernel_size=3, padding=1, groups=4),
        pellucid.ConvTranspose2d(6, kernel_size=4, stride=2, padding=1, groups=2),
        pellucid.Sigmoid(),
        pellucid.GlobalAvgPool(),
        pellucid.Linear(5),
        input_shape=(3, 12, 12),
    )
    network.to_onnx(tmp_path / "odd.onnx")
    content = (tmp_path / "odd.onnx").read_bytes()
    with client_of(studio_of()) as client:
        model = client.post("/api/models/upload?name=odd.onnx", content=content).json()
        page = Page(client)
        assert page.model["id"] == model["id"]
        head, _ = page.overview(what="gradient")
        assert len(head["nodes"]) == len(model["nodes"])
        for node in model["nodes"]:
            at = [0] * len(node["shape"])
            assert page.json("arithmetic", trace=head["trace"], node=node["name"], at=at)["agrees"]
        broken = client.post("/api/models/upload?name=odd.onnx", content=content[:700])
        assert broken.status_code == 422
        assert "odd.onnx" in broken.json()["error"]
