"""What a person does on the page, by the words and roles that a person goes by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Locator, Page

from journeys.browser import Watch, unavailable

AXE = Path(__file__).parents[2] / "studio-ui" / "node_modules" / "axe-core" / "axe.min.js"

SETTLED = """() => {
  const stage = document.querySelector("section[aria-busy]");
  return stage?.getAttribute("aria-busy") === "false" && document.querySelector("[data-node-canvas]") !== null
    && !document.querySelector("section [role=alert]");
}"""


class Studio:
    """A tab with the Studio in it.

    Attributes:
        tab: Playwright's page.
        watch: what went wrong in it.
        address: where the Studio is, with the token.
    """

    def __init__(self, tab: Page, address: str) -> None:
        self.tab, self.address = tab, address
        self.watch = Watch(tab)

    def go(self, view: str = "") -> Studio:
        """Open the page, at a view if one is named."""
        self.tab.goto(f"{self.address}#{view}")
        return self.settled()

    def settled(self) -> Studio:
        """Wait until the numbers asked for are on the stage."""
        self.tab.wait_for_function(SETTLED)
        return self

    def reopened(self, view: str) -> Studio:
        """The page again from the start, at another view."""
        self.tab.goto("about:blank")
        return self.go(view)

    # ---- reading

    def map(self, node: str, channel: int = 0) -> Locator:
        """The button over a map of the overview."""
        return self.tab.locator(f'[data-map="{channel}"][data-node="{node}"]')

    @property
    def card(self) -> Locator:
        """The opened view's card."""
        return self.tab.locator("[data-card]")

    @property
    def view(self) -> dict[str, str]:
        """What the address says is open."""
        return dict(parse_qsl(urlsplit(self.tab.url).fragment, keep_blank_values=True))

    @property
    def classes(self) -> dict[str, str]:
        """Names and percentages at the right."""
        lines = self.tab.locator("ol[aria-label] li button[title]")
        return {
            line.locator(".name").inner_text(): line.locator(".number").inner_text() for line in lines.all()
        }

    def products(self) -> list[float]:
        """The terms in the opened card."""
        rows = self.card.locator("[data-product]").all()
        return [float(row.get_attribute("data-product") or "nan") for row in rows]

    def state(self) -> dict[str, Any]:
        """What the server has open."""
        parts = urlsplit(self.address)
        token = dict(parse_qsl(parts.query))["token"]
        found = self.tab.request.get(
            f"{parts.scheme}://{parts.netloc}/api/state", headers={"x-token": token}
        ).json()
        assert isinstance(found, dict)
        return found

    # ---- doing

    def open_cell(self, node: str, cell: Sequence[int]) -> None:
        """Choose the map that a cell lies in; of a long vector the place in its strip."""
        button = self.map(node, cell[0])
        if len(cell) > 1 or button.count():
            button.click()
            return
        self.map(node).click()

    def look_at(self, map_: Locator, cell: Sequence[int]) -> None:
        """Point at a cell of a map, and wait until its sum is there."""
        box = map_.bounding_box()
        assert box is not None
        columns, rows = map_.locator("canvas").evaluate("(map) => [map.width, map.height]")
        row, column = divmod(cell[0], columns) if len(cell) == 1 else cell[-2:]
        x, y = (column + 0.5) * box["width"] / columns, (row + 0.5) * box["height"] / rows
        map_.hover(position={"x": x, "y": y})
        told = f'[data-sum-of="{",".join(map(str, cell))}"]'
        holder = (
            "[data-card]" if map_.evaluate("(on) => on.closest('[data-card]') !== null") else "[data-result]"
        )
        self.tab.locator(holder + told).wait_for()

    def open_map(self, node: str, channel: int = 0) -> Studio:
        """Choose a map."""
        self.map(node, channel).click()
        return self

    def answered(self) -> None:
        """Wait until no question is under way, and what was answered is drawn."""
        self.tab.wait_for_load_state("networkidle")
        self.tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")

    def image_named(self, name: str) -> None:
        """Wait until an image that was added is the chosen one and its numbers are there."""
        self.tab.locator(f'[aria-pressed="true"][title="{name}"]').wait_for()
        self.settled()

    def open_model(self, name: str) -> Studio:
        """Choose a network that is open, or of the zoo."""
        models = self.tab.locator("header select").first
        value = models.evaluate(
            "(list, name) => [...list.options].find((one) => one.text === name).value", name
        )
        models.select_option(value)
        self.tab.wait_for_function("name => document.title.startsWith(name)", arg=name)
        return self.settled()

    def open_panel(self, panel: str) -> Locator:
        """Choose a panel by its short name."""
        self.tab.locator("label.panels select").select_option(panel)
        return self.tab.locator("aside")

    def serious(self, where: str) -> list[str]:
        """What axe-core calls serious or critical, a line each."""
        if not AXE.is_file():
            unavailable("axe-core not found: run `npm ci` in studio-ui")
        self.tab.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.tab.evaluate("() => axe.run({resultTypes: ['violations']})")
        return [
            f"{where}: {broken['id']}: {json.dumps([node['html'][:160] for node in broken['nodes'][:3]])}"
            for broken in found["violations"]
            if broken["impact"] in ("serious", "critical")
        ]
