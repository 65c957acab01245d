"""axe-core finds nothing serious anywhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from journeys.page import Studio
from journeys.test_languages import VIEWS


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_is_found(new_studio: Callable[..., Studio], theme: str, language: str) -> None:
    page = new_studio(color_scheme=theme, locale=language).go()
    found = page.serious("overview")
    for view in VIEWS[1:]:
        page.tab.evaluate("(view) => history.replaceState(null, '', '#' + view)", f"model=tiny-vgg&{view}")
        page.tab.reload()
        page.settled()
        page.answered()
        found += page.serious(view)
    assert found == []
