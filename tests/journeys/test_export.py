"""One file holds the page, and needs no server and no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from journeys.numbers import Oracle, rounded, shown
from journeys.page import Studio
from pellucid import zoo

DRAWN = """(kernel) => {
  const { width, height } = kernel;
  const pixels = new Uint32Array(kernel.getContext("2d").getImageData(0, 0, width, height).data.buffer);
  return new Set(pixels).size;
}"""
"""How many colours a canvas has."""


def saved(page: Studio, name: str, place: Path) -> Path:
    """The page as a file, by its button."""
    page.tab.get_by_role("button", name="Share").click()
    with page.tab.expect_download() as saving:
        page.tab.get_by_role("button", name="Save as one HTML file").click()
    assert saving.value.suggested_filename == f"{name}.html"
    saving.value.save_as(place)
    assert place.stat().st_size < 3_000_000
    return place


def test_an_exported_file_works_from_disk_without_a_network(
    page: Studio, new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    place = saved(page, "tiny-vgg", tmp_path / "page.html")

    alone = new_studio(place.as_uri(), offline=True)
    alone.go()
    assert alone.classes == page.classes
    oracle = Oracle.of(page, "tiny-vgg")
    alone.open_map("conv2", 3)
    alone.tab.locator('[data-partial="1"]').click()
    alone.look_at(alone.card.locator("figure button").last, (3, 12, 9))
    found = oracle.sum("conv2", (3, 12, 9))
    weighted = next(group for group in found.products if len(group) > 1)
    expected = weighted.addends[weighted.factors[0].cells[:, -3] == 1].sum()
    text = alone.card.locator("[data-partial-sum]").inner_text()
    assert abs(shown(text) - expected) <= rounded(float(expected))
    alone.reopened("open=fc1,0,0,8")
    total = alone.card.locator("[data-total] .product").inner_text()
    assert abs(shown(total) - oracle.sum("fc1", (8,)).value) < 0.006
    second = alone.tab.get_by_role("group", name="Images").get_by_role("button").nth(1)
    second.click()
    assert alone.settled().classes != page.classes
    assert set(alone.watch.requests) == {place.as_uri()}


def test_an_exported_lenet5_of_1998_has_its_connections_and_its_sums(
    page: Studio, new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    page.open_model("lenet5-1998")
    oracle = Oracle(zoo.create("lenet5-1998"), Oracle.shown_pixels(page, "lenet5-1998"))
    alone = new_studio(saved(page, "lenet5-1998", tmp_path / "page.html").as_uri(), offline=True).go()
    alone.open_map("c3", 10)
    alone.tab.locator("[data-partial]").first.wait_for()
    rows = alone.tab.locator("[data-partial]").evaluate_all("(all) => all.map((one) => one.dataset.partial)")
    assert rows == ["0", "1", "4", "5"]
    kernels = alone.tab.locator(".kernel canvas")
    assert kernels.count() == 4
    assert all(kernel.evaluate(DRAWN) > 8 for kernel in kernels.all())
    alone.tab.locator('[data-partial="4"]').click()
    alone.look_at(alone.card.locator("figure button").last, (10, 3, 7))
    weighted = next(group for group in oracle.sum("c3", (10, 3, 7)).products if len(group) > 1)
    expected = float(weighted.addends[weighted.factors[0].cells[:, -3] == 4].sum())
    total = alone.card.locator("[data-partial-sum]").get_attribute("data-partial-sum")
    assert float(total or "nan") == pytest.approx(expected, rel=1e-5, abs=1e-6)
    alone.reopened("open=s2,2,12,7")
    alone.tab.locator('[data-sum-of="2,12,7"]').wait_for()
    found = oracle.sum("s2", (2, 12, 7))
    *products, bias = alone.products()
    assert products == pytest.approx(list(found.terms[: len(products)]), rel=1e-4, abs=1e-6)
    assert sum(products) + bias == pytest.approx(found.value, rel=1e-4, abs=1e-6)
    assert alone.card.locator(".good").count() == 1


def test_the_stage_is_saved_as_svg_and_png(page: Studio, tmp_path: Path) -> None:
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        page.tab.get_by_role("button", name="Share").click()
        with page.tab.expect_download() as saving:
            page.tab.get_by_role("button", name=f"Save as {kind}").click()
        place = tmp_path / saving.value.suggested_filename
        saving.value.save_as(place)
        assert place.read_bytes().startswith(start)
        assert place.stat().st_size > 10_000


def test_a_link_restores_the_view(page: Studio, new_studio: Callable[..., Studio]) -> None:
    page.open_map("conv3", 4)
    page.tab.locator('[data-partial="2"]').click()
    page.look_at(page.card.locator("figure button").last, (4, 3, 8))
    page.tab.get_by_role("button", name="Backward").click()
    page.settled()
    link = page.tab.url
    other = new_studio(link.partition("#")[0]).go(link.partition("#")[2])
    other.tab.locator('[data-sum-of="4,3,8"]').last.wait_for()
    assert other.view == page.view
    assert other.card.locator("[data-partial-sum]").inner_text() == (
        page.card.locator("[data-partial-sum]").inner_text()
    )
