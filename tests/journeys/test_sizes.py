"""From a telephone to the largest screens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from journeys.page import Studio

VIEWS = (
    "",
    "open=conv2,3,20,20",
    "open=conv2,3,20,20&source=1",
    "open=pool1,3,5,5",
    "open=relu1,1,5,5&backward=",
    "open=fc1,0,0,8",
    "open=softmax,0,0,8",
    "open=relu1,1,5,5&panel=top",
    *(
        f"panel={panel}"
        for panel in ("whatIf", "attribution", "health", "cost", "sandbox", "training", "mistakes")
    ),
)

UNREACHABLE = """() => {
  const seen = [];
  for (const on of document.querySelectorAll("button, select, input:not([type=file]), summary")) {
    if (!on.checkVisibility() || on.disabled || on.closest("[inert]") || on.classList.contains("unseen")) continue;
    on.scrollIntoView({block: "nearest", inline: "nearest"});
    const box = on.getBoundingClientRect();
    const fits = box.left >= -1 && box.right <= innerWidth + 1 && box.top >= -1 && box.bottom <= innerHeight + 1;
    if (!fits) seen.push(on.outerHTML.slice(0, 120));
  }
  return seen;
}"""


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_never_scrolls_sideways_and_everything_is_reachable(
    new_studio: Callable[..., Studio], width: int
) -> None:
    page = new_studio(viewport={"width": width, "height": 800}).go()
    for view in VIEWS:
        page.reopened(f"model=tiny-vgg&{view}")
        page.answered()
        wide = page.tab.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= width, view
        if "open" not in view and "panel" not in view:
            assert page.tab.evaluate(UNREACHABLE) == [], view


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
