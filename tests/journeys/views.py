"""All that the page can show, as the addresses say it, and what is asked of each view."""

from __future__ import annotations

import re
from collections.abc import Iterator

from journeys.page import Studio

PANELS = ("whatIf", "attribution", "health", "cost", "sandbox", "training", "mistakes")

VIEWS = (
    "",
    "open=conv2,3,20,20",
    "open=conv2,3,20,20&source=1",
    "open=pool1,3,5,5",
    "open=relu1,1,5,5",
    "open=fc1,0,0,8",
    "open=softmax,0,0,8",
    "open=normalize,0,20,20&backward=",
    "open=relu1,1,5,5&panel=top",
    *(f"panel={panel}" for panel in PANELS),
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


def visited(page: Studio, views: tuple[str, ...]) -> Iterator[str]:
    """One view after another, each with all its answers drawn."""
    for view in views:
        page.reopened(f"model=tiny-vgg&{view}")
        if "panel" in view:
            page.tab.locator("aside").wait_for()
        if "open=conv" in view:
            page.tab.locator("[data-partial]").first.wait_for()
        elif "open" in view:
            page.card.wait_for()
        page.answered()
        yield view


def too_wide(page: Studio) -> bool:
    """Whether the page itself scrolls sideways."""
    return bool(page.tab.evaluate("() => document.documentElement.scrollWidth > innerWidth"))
