"""Every view, in both languages and themes, wide and narrow: accessible, in its language, never too wide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from journeys.page import Studio
from journeys.views import VIEWS, english, too_wide, visited

LIGHT_ENGLISH = {"color_scheme": "light", "locale": "en-GB"}
DARK_ENGLISH = {"color_scheme": "dark", "locale": "en-GB"}
LIGHT_CHINESE = {"color_scheme": "light", "locale": "zh-CN"}
NARROW_DARK_CHINESE = {
    "color_scheme": "dark",
    "locale": "zh-CN",
    "viewport": {"width": 390, "height": 800},
    "has_touch": True,
}


@pytest.mark.parametrize(
    ("options", "views"),
    [
        pytest.param(LIGHT_ENGLISH, VIEWS, id="light-english"),
        pytest.param(NARROW_DARK_CHINESE, VIEWS, id="narrow-dark-chinese"),
        pytest.param(DARK_ENGLISH, VIEWS[:3], id="dark-english"),
        pytest.param(LIGHT_CHINESE, VIEWS[:3], id="light-chinese"),
    ],
)
def test_every_view_is_accessible_in_its_language_and_fits(
    new_studio: Callable[..., Studio], options: dict[str, Any], views: tuple[str, ...]
) -> None:
    page = new_studio(**options)
    found = []
    for view in visited(page, views):
        found += page.serious(view)
        if too_wide(page):
            found.append(f"{view}: scrolls sideways")
        if options["locale"] == "zh-CN":
            found += [f"{view}: {line}" for line in english(page)]
    assert found == []


def test_the_language_changes_every_sentence_and_changes_back(page: Studio) -> None:
    assert english(page)
    page.tab.get_by_role("button", name="中文").click()
    assert page.tab.locator("html").get_attribute("lang") == "zh-Hans"
    assert english(page) == []
    page.tab.get_by_role("button", name="English").click()
    assert english(page)
