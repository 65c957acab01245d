"""Two moments of a run, and two runs, stand side by side; both are computed anew in the test's process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator

import pellucid
from benchmarks.studio_browser import studio
from journeys.numbers import Oracle, rounded, shown
from journeys.page import Studio
from pellucid import explain

NODE, CELL = "relu1", (2, 9, 12)


def record(folder: Path, seed: int) -> Path:
    """A run of the command line."""
    command = [sys.executable, "-m", "pellucid", "train", "lenet5", "--data", "digits", "--epochs", "1"]
    subprocess.run([*command, "--record", "--seed", str(seed), "--output", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two of them, which differ in their seed."""
    folder = tmp_path_factory.mktemp("runs")
    return [record(folder / name, seed) for seed, name in enumerate(("first", "second"))]


@pytest.fixture(scope="module")
def address(runs: list[Path]) -> Iterator[str]:
    with studio(*map(str, runs)) as server:
        yield server.address


@pytest.fixture
def pair(runs: list[Path], page: Studio) -> tuple[Oracle, Oracle]:
    """The first run and the second, on the image that the page begins with."""
    pixels = Oracle.shown_pixels(page, "lenet5")
    first, second = (Oracle(pellucid.load(run / "model.pellucid"), pixels) for run in runs)
    return first, second


def compared(page: Studio, choice: str) -> Locator:
    """The panel, after somebody has chosen what stands beside."""
    panel = page.open_panel("compare")
    panel.locator('[data-compare="with"]').select_option(choice)
    panel.locator('[data-compare="classes"]').wait_for()
    page.settled()
    return panel


def second_of(page: Studio) -> str:
    """The id that the second run has."""
    identity = page.state()["models"][1]["id"]
    assert isinstance(identity, str)
    return identity


def assert_percent(text: str, share: float) -> None:
    assert text == "<0.1%" if 0 < share < 0.001 else abs(float(text.rstrip("%")) - 100 * share) < 0.051


def shares(oracle: Oracle) -> np.ndarray:
    """The softmax of the scores."""
    powers = np.exp(oracle.output().astype(np.float64))
    return powers / powers.sum()


def assert_told(panel: Locator, one: Oracle, other: Oracle) -> None:
    """Both predictions, and the nodes and parameters that are furthest apart."""
    for row in panel.locator('[data-compare="classes"] tbody tr').all():
        number = int(row.locator("th").inner_text())
        for text, oracle in zip(row.locator("td").all_inner_texts(), (one, other), strict=True):
            assert_percent(text, shares(oracle)[number])
    found = explain.compare(one.model, other.model, one.pixels[None])
    assert found.activations is not None
    nodes = sorted(found.activations.items(), key=lambda entry: -entry[1])
    moved = [(parameter.name, parameter.relative) for parameter in found.most_moved]
    for place, expected in enumerate((nodes, moved)):
        lines = panel.locator("ul").nth(place).locator("li").all_inner_texts()
        assert len(lines) >= 5
        for line, (name, relative) in zip(lines, expected, strict=False):
            said, percent = line.split()
            assert said == name
            assert_percent(percent, relative)


def assert_cell(page: Studio, one: Oracle, other: Oracle) -> None:
    """An opened cell shows its own number and the other's."""
    page.open_map(NODE, CELL[0])
    page.look_at(page.card.locator("figure button").last, CELL)
    own, others = (float(oracle.activation(NODE)[CELL]) for oracle in (one, other))
    line = page.card.locator("[data-other]")
    assert float(line.get_attribute("data-other") or "nan") == pytest.approx(others, rel=1e-4, abs=1e-5)
    text = line.inner_text()
    assert abs(shown(text.partition(" (")[0]) - others) <= rounded(others)
    assert abs(shown(text.rstrip(")")) - (others - own)) <= rounded(others - own)


def largest_difference(page: Studio, one: Oracle, other: Oracle) -> float:
    """Of the maps of NODE that are on the stage."""
    maps = page.tab.locator(f'[data-node="{NODE}"][data-map]')
    channels = [int(number) for number in maps.evaluate_all("(all) => all.map((map) => map.dataset.map)")]
    return float(np.abs(other.activation(NODE) - one.activation(NODE))[channels].max())


def assert_difference(page: Studio, one: Oracle, other: Oracle) -> None:
    """In place of the other's numbers stand the differences, around zero."""
    page.open_panel("compare").locator('[data-compare="difference"]').click()
    page.tab.locator('[data-compare="difference"][aria-pressed="true"]').wait_for()
    page.settled()
    page.map(NODE, 0).hover()
    legend = page.tab.locator("footer figure", has=page.tab.get_by_text("Δ", exact=True))
    page.tab.locator("footer figcaption", has_text=NODE).wait_for()
    low, middle, high = map(shown, legend.locator("span").all_inner_texts())
    expected = largest_difference(page, one, other)
    assert (low, middle) == (-high, 0)
    assert abs(high - expected) <= rounded(expected)


def test_a_moment_stands_beside_the_end_of_its_run(
    runs: list[Path], page: Studio, pair: tuple[Oracle, Oracle], new_studio: Callable[..., Studio]
) -> None:
    recording = explain.Recording(runs[0] / "recording")
    model = page.state()["models"][0]
    assert (model["run"], model["moments"]) == ("first", list(recording.steps))
    panel = compared(page, "step")
    scrub = panel.locator('[data-compare="step"]')
    end, pixels = pair[0], pair[0].pixels
    for key, step in (("Home", recording.steps[0]), ("ArrowRight", recording.steps[1])):
        scrub.focus()
        page.tab.keyboard.press(key)
        panel.locator('[data-compare="classes"] thead', has_text=f"Step {step}").wait_for()
        page.answered()
        then = Oracle(recording.model(step), pixels)
        assert_told(panel, end, then)
    assert_cell(page, end, then)
    assert page.view["beside"] == str(recording.steps[1])

    link = page.tab.url
    other = new_studio(link.partition("#")[0]).go(link.partition("#")[2])
    other.card.locator("[data-other]").wait_for()
    other.answered()
    assert other.view == page.view
    assert_told(other.tab.locator("aside"), end, then)
    assert other.card.locator("[data-other]").inner_text() == page.card.locator("[data-other]").inner_text()
    page.tab.keyboard.press("Escape")
    assert_difference(page, end, then)


def test_two_runs_of_one_network_stand_side_by_side(
    page: Studio, pair: tuple[Oracle, Oracle], new_studio: Callable[..., Studio]
) -> None:
    second = second_of(page)
    panel = compared(page, second)
    assert "lenet5 · second" in panel.locator("thead").inner_text()
    assert_told(panel, *pair)
    assert_cell(page, *pair)
    page.tab.keyboard.press("Escape")
    assert_difference(page, *pair)

    link = page.tab.url
    other = new_studio(link.partition("#")[0]).go(link.partition("#")[2])
    other.tab.locator('[data-compare="difference"][aria-pressed="true"]').wait_for()
    other.answered()
    assert other.view == page.view
    assert other.view["beside"] == second
    assert_told(other.tab.locator("aside"), *pair)
    other.tab.locator('[data-compare="with"]').select_option("")
    other.tab.wait_for_function("() => !document.querySelector('aside table')")
    assert "beside" not in other.settled().view
