"""Published weights come once over the network, by torchvision's names, with what they were trained with."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch_chains
from file_server import Behaviour, serve
from torch import nn

from pellucid import zoo
from pellucid.download import fetch
from pellucid.errors import DataError, DownloadError, FormatError, LayerError
from pellucid.formats.weights import read_state_dict, write_state_dict
from pellucid.layers import AdaptiveAvgPool2d, Normalize
from pellucid.zoo import pretrained
from pellucid.zoo.pretrained import imagenet_class_names

NAME = "squeezenet-1.1"
SHAPE = (3, 32, 32)


def published(net: nn.Module) -> tuple[str, bytes]:
    """A module's weights as torchvision would publish them: the file's name without its ending, its bytes."""
    content = io.BytesIO()
    torch.save(net.state_dict(), content)
    return f"made-up-{hashlib.sha256(content.getvalue()).hexdigest()[:8]}", content.getvalue()


@pytest.fixture(scope="module")
def squeezenet() -> nn.Module:
    torch.manual_seed(3)
    return torch_chains.squeezenet("1.1", 1000).eval()


Server = tuple[Behaviour, str]


@pytest.fixture
def server(squeezenet: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """torchvision's server, on this machine, with one small file; and an empty cache."""
    file, content = published(squeezenet)
    behaviour = Behaviour(files={f"{file}.pth": content})
    network = zoo.find(NAME)
    assert network.published is not None
    monkeypatch.setitem(zoo.NETWORKS, NAME, replace(network, published=replace(network.published, file=file)))
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    with serve(behaviour) as address:
        monkeypatch.setattr(pretrained, "ADDRESS", address)
        yield behaviour, file


def images(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).random((count, *SHAPE), np.float32)


def test_imagenet_weights_compute_what_torchvision_would(server: Server, squeezenet: nn.Module) -> None:
    net = zoo.create(NAME, input_shape=SHAPE, weights="imagenet", engine="reference")
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    assert net.graph.node("normalize").layer == Normalize(mean, deviation)
    assert net.class_names[:2] == ("tench", "goldfish")
    columns = (torch.tensor(values)[:, None, None] for values in (mean, deviation))
    with torch.no_grad():
        prepared = (torch.from_numpy(images()) - next(columns)) / next(columns)
        expected = squeezenet(prepared).numpy()
    assert np.linalg.norm(net.predict(images()) - expected) <= 1e-5 * np.linalg.norm(expected)


def test_the_file_is_fetched_once_and_kept_as_safetensors(server: Server, tmp_path: Path) -> None:
    behaviour, file = server
    arrived: list[int] = []
    for _ in range(2):
        zoo.create(
            NAME,
            input_shape=SHAPE,
            weights="imagenet",
            engine="reference",
            progress=lambda path, received, total: arrived.append(received),
        )
    assert len(behaviour.requested) == 1
    assert arrived[-1] == len(behaviour.files[f"{file}.pth"])
    folder = tmp_path / "cache" / "weights"
    assert [path.name for path in folder.iterdir()] == [f"{file}.safetensors"]
    assert "features.0.weight" in read_state_dict(folder / f"{file}.safetensors")


def test_a_download_that_broke_goes_on(server: Server, tmp_path: Path) -> None:
    behaviour, file = server
    half = behaviour.files[f"{file}.pth"][:1000]
    folder = tmp_path / "cache" / "weights"
    folder.mkdir(parents=True)
    (folder / f"{file}.pth.part").write_bytes(half)
    zoo.create(NAME, input_shape=SHAPE, weights="imagenet", engine="reference")
    assert behaviour.requested == ["bytes=1000-"]


def test_a_file_with_another_checksum_is_refused(server: Server, tmp_path: Path) -> None:
    behaviour, file = server
    behaviour.files[f"{file}.pth"] += b"!"
    with pytest.raises(DownloadError, match="is not the expected file"):
        zoo.create(NAME, input_shape=SHAPE, weights="imagenet", engine="reference")
    assert list((tmp_path / "cache" / "weights").iterdir()) == []


def test_the_first_digits_of_a_checksum_are_enough(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"abc").hexdigest()
    with serve(Behaviour(files={"file": b"abc"})) as address:
        assert fetch(f"{address}file", digest[:8], tmp_path / "file").read_bytes() == b"abc"
        with pytest.raises(DownloadError, match="is not the expected file"):
            fetch(f"{address}file", digest[1:9], tmp_path / "other")


def test_other_classes_keep_what_was_drawn_for_them(server: Server, squeezenet: nn.Module) -> None:
    net = zoo.create(NAME, classes=4, input_shape=SHAPE, weights="imagenet", seed=5, engine="reference")
    drawn = zoo.create(NAME, classes=4, input_shape=SHAPE, seed=5, engine="reference")
    assert net.class_names == ()
    np.testing.assert_array_equal(net.parameters["conv10.weight"], drawn.parameters["conv10.weight"])
    expected = squeezenet.state_dict()["features.0.weight"].numpy()
    np.testing.assert_array_equal(net.parameters["conv1.weight"], expected)


def test_weights_for_colour_images_refuse_grey_ones(server: Server) -> None:
    with pytest.raises(LayerError, match="weights for ImageNet are for images of 3 channels"):
        zoo.create(NAME, input_shape=(1, 32, 32), weights="imagenet", engine="reference")


def test_a_network_that_nobody_published_says_so() -> None:
    with pytest.raises(DataError, match="lenet5: torchvision publishes no weights for it"):
        zoo.create("lenet5", weights="imagenet", engine="reference")


def test_without_torch_nothing_is_fetched(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    behaviour, _ = server
    monkeypatch.setattr(pretrained, "has_torch", lambda: False)
    with pytest.raises(FormatError, match=r"pip install 'pellucid\[torch\]'"):
        zoo.create(NAME, input_shape=SHAPE, weights="imagenet", engine="reference")
    assert behaviour.requested == []


def test_a_network_reads_its_own_names(tmp_path: Path) -> None:
    net = zoo.create("tiny-vgg", input_shape=(3, 16, 16), seed=1, engine="reference")
    write_state_dict(tmp_path / "a.safetensors", net.parameters)
    same = zoo.create(
        "tiny-vgg", input_shape=(3, 16, 16), weights=tmp_path / "a.safetensors", engine="reference"
    )
    for name, array in net.parameters.items():
        np.testing.assert_array_equal(same.parameters[name], array)


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path, squeezenet: nn.Module) -> None:
    torch.save(squeezenet.state_dict(), tmp_path / "a.pth")
    with pytest.raises(FormatError, match=r"a\.pth: \d+ arrays of this network are missing, first conv1\."):
        zoo.create("resnet18", input_shape=(3, 40, 40), weights=tmp_path / "a.pth", engine="reference")
    state = {**squeezenet.state_dict(), "head.weight": torch.zeros(2)}
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(FormatError, match=r"1 arrays are not of this network, first head\.weight"):
        zoo.create(NAME, input_shape=SHAPE, weights=tmp_path / "a.pth", engine="reference")
    torch.save(torch_chains.squeezenet("1.1", 9).state_dict(), tmp_path / "a.pth")
    with pytest.raises(LayerError, match=r"^conv10\.weight: expects an array of shape \(4, "):
        zoo.create(NAME, classes=4, input_shape=SHAPE, weights=tmp_path / "a.pth", engine="reference")


def test_torchvisions_pooling_comes_with_weights_that_need_it(tmp_path: Path) -> None:
    net = torch_chains.alexnet(3, side=6).eval()
    torch.save(net.state_dict(), tmp_path / "a.pth")
    ours = zoo.create("alexnet", classes=3, input_shape=(3, 95, 63), weights=tmp_path / "a.pth")
    assert ours.graph.node("pool3_adaptive").layer == AdaptiveAvgPool2d(6)
    pictures = np.random.default_rng(0).random((2, 3, 95, 63), np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(pictures)).numpy()
    assert np.linalg.norm(ours.predict(pictures) - expected) <= 1e-5 * np.linalg.norm(expected)


def test_files_of_densenet_have_older_names() -> None:
    old = {"features.denseblock1.denselayer12.norm.2.weight": np.zeros(1, np.float32)}
    assert list(pretrained._modern(old)) == ["features.denseblock1.denselayer12.norm2.weight"]


def test_imagenet_has_a_thousand_classes() -> None:
    names = imagenet_class_names()
    assert len(names) == len(set(names)) == 1000
    assert (names[207], names[281], names[999]) == ("golden retriever", "tabby", "toilet tissue")


def test_every_published_file_carries_its_checksum() -> None:
    files = {name: network.published.file for name, network in zoo.NETWORKS.items() if network.published}
    assert len(files) == 26
    for file in files.values():
        assert len(bytes.fromhex(file.rpartition("-")[2])) == 4
