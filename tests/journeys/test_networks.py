"""Networks of every kind are opened, and one convolution of each looked into."""

from __future__ import annotations

from pathlib import Path

import pytest

from journeys.page import Studio
from pellucid import zoo

PATIENCE = 90_000
SHOWN = "(all) => all.map((one) => one.dataset.nodeCanvas)"


def convolutions(page: Studio, name: str) -> list[str]:
    """Its convolutions over maps, in order."""
    model = next(one for one in page.state()["models"] if one["name"] == name)
    nodes = [node for node in model["nodes"] if node["kind"] == "convolution"]
    return [node["name"] for node in nodes if len(node["shape"]) == 3]


def look_into(page: Studio, name: str) -> None:
    """The overview is painted, the first convolution opens with its kernels, and a formula adds up."""
    assert page.tab.locator("[data-node-canvas]").count() >= 5
    shown = page.tab.locator("[data-node-canvas]").evaluate_all(SHOWN)
    node = next(one for one in convolutions(page, name) if one in shown)
    page.tab.locator(f'[data-node="{node}"]').first.click()
    page.tab.locator("[data-partial]").first.wait_for()
    assert page.tab.locator(".kernel canvas").count() == page.tab.locator("[data-partial]").count()
    page.tab.locator("[data-partial]").first.click()
    page.card.locator("[data-partial-sum]").wait_for()
    total = page.card.locator("[data-partial-sum]").get_attribute("data-partial-sum")
    assert sum(page.products()) == pytest.approx(float(total or "nan"), rel=1e-4, abs=1e-5)
    assert page.card.locator(".good").count() == 1


@pytest.mark.parametrize("name", ["lenet5", "lenet5-1998", "resnet18", "googlenet"])
def test_a_network_of_the_zoo_opens(page: Studio, name: str) -> None:
    page.tab.set_default_timeout(PATIENCE)
    page.open_model(name)
    look_into(page, name)


SMALL = {"vgg16": (3, 64, 64), "densenet121": (3, 64, 64)}


def open_onnx(page: Studio, name: str, place: Path, shape: tuple[int, ...], classes: int) -> None:
    """Export a network and hand the file to the page."""
    file = place / f"{name}.onnx"
    zoo.create(name, input_shape=shape, classes=classes).to_onnx(file)
    page.tab.set_default_timeout(PATIENCE)
    with page.tab.expect_file_chooser() as choosing:
        page.tab.locator("header select").first.select_option("file:")
    choosing.value.set_files(file)
    page.tab.wait_for_function("name => document.title.startsWith(name)", arg=name)
    page.settled()
    look_into(page, name)


@pytest.mark.parametrize(("name", "shape"), SMALL.items())
def test_a_network_from_onnx_opens(page: Studio, tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    open_onnx(page, name, tmp_path, shape, 10)


@pytest.mark.slow
def test_vgg16_opens_from_onnx_at_its_full_size(page: Studio, tmp_path: Path) -> None:
    open_onnx(page, "vgg16", tmp_path, (3, 224, 224), 1000)


def test_absent_connections_of_lenet5_1998_are_shown_as_absent(page: Studio) -> None:
    """C3's map 0 reads S2's maps 0, 1 and 2 (LeCun et al. 1998, table I)."""
    page.open_model("lenet5-1998")
    node = convolutions(page, "lenet5-1998")[1]
    page.open_map(node, 0)
    page.tab.locator("[data-partial]").first.wait_for()
    page.answered()
    rows = page.tab.locator("[data-partial]").evaluate_all("(all) => all.map((one) => one.dataset.partial)")
    absent = page.tab.locator("[data-absent]").evaluate_all("(all) => all.map((one) => one.dataset.absent)")
    assert (rows, absent) == (["0", "1", "2"], ["3", "4", "5"])
    assert page.tab.locator(".kernel canvas").count() == 3
