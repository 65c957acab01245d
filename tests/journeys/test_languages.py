"""English and Chinese: every word of the page changes with the language."""

from __future__ import annotations

import re
from collections.abc import Callable

from journeys.page import Studio

VIEWS = (
    "",
    "open=conv2,3,20,20",
    "open=conv2,3,20,20&source=1",
    "open=pool1,3,5,5",
    "open=relu1,1,5,5",
    "open=fc1,0,0,8",
    "open=softmax,0,0,8",
    "open=normalize,0,20,20&backward=",
    *(f"panel={panel}" for panel in ("whatIf", "attribution", "health", "cost", "sandbox", "training")),
    "open=relu1,1,5,5&panel=top",
    "panel=mistakes",
)

WORDS = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const on = node.parentElement;
    if (on.closest("script, style") === null && on.checkVisibility()) found.push(node.textContent);
  }
  for (const on of document.querySelectorAll("[aria-label], [title], [placeholder]")) {
    for (const name of ["aria-label", "title", "placeholder"]) found.push(on.getAttribute(name) ?? "");
  }
  return found;
}"""

SENTENCE = re.compile(r"[A-Za-z]{2,}(?: [a-z]{2,}){1,}")
"""Two words of English, one behind the other."""


def names(page: Studio) -> re.Pattern[str]:
    """What is called the same in every language."""
    state = page.state()
    images = [image["name"] for group in state["images"].values() for image in group]
    nodes = [node["name"] for model in state["models"] for node in model["nodes"]]
    known = sorted({*images, *nodes, "Softmax"}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, known)))


def english(page: Studio) -> list[str]:
    """What looks like English; formulas are formulas."""
    known = names(page)
    lines = page.tab.evaluate(WORDS)
    return [line for line in lines if SENTENCE.search(known.sub("", line)) and "=" not in line]


def test_no_english_sentence_is_left_on_the_chinese_page(page: Studio) -> None:
    assert english(page)
    page.tab.get_by_role("button", name="中文").click()
    assert page.tab.locator("html").get_attribute("lang") == "zh-Hans"
    left = []
    for view in VIEWS:
        page.reopened(f"model=tiny-vgg&{view}")
        if "panel" in view:
            page.tab.locator("aside").wait_for()
        page.answered()
        left += [f"{view}: {line}" for line in english(page)]
    assert left == []
    page.tab.get_by_role("button", name="English").click()
    assert english(page)


def test_the_language_of_the_browser_is_taken_first(new_studio: Callable[..., Studio]) -> None:
    page = new_studio(locale="zh-CN").go()
    assert page.tab.get_by_role("button", name="English").count() == 1
