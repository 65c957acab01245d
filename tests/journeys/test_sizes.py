"""From a telephone to the largest screens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from journeys.page import Studio

UNREACHABLE = """() => {
  const seen = [];
  for (const on of document.querySelectorAll("button, select, input:not([type=file]), summary")) {
    const idle = on.disabled || on.closest("[inert]") || on.classList.contains("unseen");
    if (idle || !on.checkVisibility()) continue;
    on.scrollIntoView({block: "nearest", inline: "nearest"});
    const box = on.getBoundingClientRect();
    const wide = box.left >= -1 && box.right <= innerWidth + 1;
    if (!wide || box.top < -1 || box.bottom > innerHeight + 1) seen.push(on.outerHTML.slice(0, 120));
  }
  return seen;
}"""


@pytest.mark.parametrize("width", [390, 1280])
def test_everything_is_reachable(new_studio: Callable[..., Studio], width: int) -> None:
    page = new_studio(viewport={"width": width, "height": 800}).go()
    assert page.tab.evaluate(UNREACHABLE) == []


def test_a_card_is_closed_with_a_finger_on_a_narrow_screen(new_studio: Callable[..., Studio]) -> None:
    page = new_studio(viewport={"width": 390, "height": 800}, has_touch=True).go()
    page.map("relu1", 1).tap()
    page.card.locator("h2").wait_for()
    close = page.card.get_by_role("button", name="Close")
    close.tap()
    page.card.wait_for(state="detached")


def test_text_grows_with_very_large_screens(new_studio: Callable[..., Studio]) -> None:
    def height(width: int, high: int) -> float:
        page = new_studio(viewport={"width": width, "height": high}).go()
        assert page.tab.evaluate("() => document.documentElement.scrollHeight") <= high
        box = page.tab.get_by_role("heading", name="Pellucid").bounding_box()
        assert box is not None
        return box["height"]

    assert height(3840, 2160) > 1.7 * height(1280, 800)
