"""Everything by the keyboard alone."""

from __future__ import annotations

from playwright.sync_api import expect

from journeys.page import Studio

FOCUSED = "() => [document.activeElement.dataset.node, document.activeElement.dataset.map]"
MOST_TABS = 40


def tab_to(page: Studio, condition: str) -> None:
    """Press Tab until the focused element fulfils a condition on `on`."""
    for _ in range(MOST_TABS):
        page.tab.keyboard.press("Tab")
        if page.tab.evaluate(f"() => {{ const on = document.activeElement; return {condition}; }}"):
            return
    raise AssertionError(f"Tab does not reach {condition}")


def press(page: Studio, *keys: str) -> None:
    for key in keys:
        page.tab.keyboard.press(key)


def test_a_map_is_reached_opened_and_left_without_a_mouse(page: Studio) -> None:
    tab_to(page, "on.dataset.map !== undefined")
    assert page.tab.evaluate(FOCUSED) == ["input", "0"]
    press(page, "ArrowDown", "ArrowRight", "ArrowRight")
    node, channel = page.tab.evaluate(FOCUSED)
    assert node == "conv1"
    press(page, "ArrowRight")
    assert page.tab.evaluate(FOCUSED) == ["relu1", channel]
    expect(page.tab.locator("footer").last).to_contain_text(f"relu1, channel {channel}")
    press(page, "Enter")
    page.card.locator("h2", has_text="Activation").wait_for()
    tab_to(page, "on.closest('[data-card]') && on.querySelector('canvas')")
    before = page.view["open"]
    press(page, "ArrowRight", "ArrowDown")
    _, _, row, column = before.rsplit(",", 3)
    assert page.view["open"] == f"relu1,{channel},{int(row) + 1},{int(column) + 1}"
    press(page, "Escape")
    expect(page.card).to_have_count(0)
    assert page.tab.evaluate(FOCUSED) == ["relu1", channel], "the focus is where it came from"


def test_a_convolution_is_walked_through_by_keys(page: Studio) -> None:
    page.map("conv2", 3).focus()
    press(page, "Enter")
    tab_to(page, "on.dataset.partial !== undefined")
    press(page, "Enter")
    page.card.locator("[data-partial-sum]").wait_for()
    tab_to(page, "on.closest('[data-card] figure')")
    told = page.card.locator("h2 span").inner_text()
    press(page, "ArrowDown", "ArrowDown")
    expect(page.card.locator("h2 span")).not_to_have_text(told)
    tab_to(page, "on.dataset.product !== undefined")
    press(page, "Enter")
    page.tab.locator('[data-card="weight"] [data-total]').wait_for()
    press(page, "Escape")
    page.card.locator("[data-partial-sum]").wait_for()
    press(page, "Escape")
    expect(page.card).to_have_count(0)
    assert page.view["open"].startswith("conv2,3,")
    press(page, "Escape")
    assert "open" not in page.view


def test_image_panel_and_language_are_chosen_by_keys(page: Studio) -> None:
    before = page.classes
    tab_to(page, "on.classList.contains('thumb') && on.getAttribute('aria-pressed') === 'false'")
    press(page, "Enter")
    page.settled()
    page.answered()
    assert page.classes != before
    page.tab.locator("label.panels select").focus()
    press(page, "C")
    page.tab.locator("aside", has_text="Multiply-adds").wait_for()
    press(page, "Escape")
    expect(page.tab.locator("aside")).to_have_count(0)
    tab_to(page, "on.textContent === '中文'")
    press(page, "Enter")
    expect(page.tab.locator("html")).to_have_attribute("lang", "zh-Hans")
