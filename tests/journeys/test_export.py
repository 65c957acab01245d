"""One file holds the page, and needs no server and no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from journeys.numbers import Oracle, rounded, shown
from journeys.page import Studio


def test_an_exported_file_works_from_disk_without_a_network(
    page: Studio, new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    page.tab.get_by_role("button", name="Share").click()
    with page.tab.expect_download() as saving:
        page.tab.get_by_role("button", name="Save as one HTML file").click()
    assert saving.value.suggested_filename == "tiny-vgg.html"
    place = tmp_path / "page.html"
    saving.value.save_as(place)
    assert place.stat().st_size < 3_000_000

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
